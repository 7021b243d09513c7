// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine's sources may know of each other: the layers of engine/README.md, and who may name a device.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = fs::path(ROOKERY_TEST_DATA).parent_path();

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> sources(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    const auto extension = entry.path().extension();
    if (extension == ".h" || extension == ".cpp") found.push_back(entry.path());
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.push_back((*it)[1].str());
  return found;
}

std::vector<std::string> includes(const fs::path& path) { return matches(read(path), "#include \"([^\"]+)\""); }

/// Without what stands behind // on a line. (No string of these sources holds one but addresses, which are none of
/// ours.)
std::string code(const fs::path& path) { return std::regex_replace(read(path), std::regex("//[^\n]*"), ""); }

std::string inSource(const fs::path& path) { return fs::relative(path, kRoot / "engine/src").generic_string(); }

/// Folders of engine/src, the lowest line first, as the README's block of layers lists them.
std::map<std::string, int> layers() {
  const std::string readme = read(kRoot / "engine/README.md");
  const std::size_t heading = readme.find("## Layers"), begin = readme.find("```\n", heading),
                    end = readme.find("```", begin + 4);
  REQUIRE(heading != std::string::npos);
  REQUIRE(end != std::string::npos);
  std::map<std::string, int> rank;
  std::istringstream lines(readme.substr(begin + 4, end - begin - 4));
  int number = 0;
  for (std::string line; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    for (std::string folder; words >> folder;) rank[folder] = number;
  }
  return rank;
}

/// A header and its source are one unit.
std::string unitOf(const std::string& path) { return path.substr(0, path.rfind('.')); }

}  // namespace

TEST_CASE("folders of the engine include only what the README puts below them") {
  const auto rank = layers();
  std::set<std::string> seen;
  for (const fs::path& path : sources("engine/src")) {
    const std::string own = fs::path(inSource(path)).parent_path().generic_string();
    if (own.empty()) continue;  // result.cpp
    seen.insert(own);
    REQUIRE_MESSAGE(rank.contains(own), own);
    for (const std::string& include : includes(path)) {
      if (!fs::exists(kRoot / "engine/src" / include)) continue;  // public, or of kernels and shaders
      const std::string other = fs::path(include).parent_path().generic_string();
      REQUIRE_MESSAGE(rank.contains(other), other);
      CHECK_MESSAGE((own == other || rank.at(other) < rank.at(own)), inSource(path) << " includes " << include);
    }
  }
  for (const auto& [folder, line] : rank) CHECK_MESSAGE(seen.contains(folder), folder);
}

TEST_CASE("backend/ has no circle") {
  std::map<std::string, std::set<std::string>> uses;
  for (const fs::path& path : sources("engine/src/backend"))
    for (const std::string& include : includes(path))
      if (unitOf(include) != unitOf(inSource(path))) uses[unitOf(inSource(path))].insert(unitOf(include));
  std::set<std::string> done, open;
  const std::function<void(const std::string&)> visit = [&](const std::string& unit) {
    if (done.contains(unit)) return;
    REQUIRE_MESSAGE(open.insert(unit).second, unit);
    for (const std::string& other : uses[unit]) visit(other);
    done.insert(unit);
  };
  const auto all = uses;
  for (const auto& [unit, others] : all) visit(unit);
  CHECK(done.size() > 20);
}

TEST_CASE("a device's backend is named in its folder alone") {
  // The registry, the stub of a build without one, and what reads or prints a device's name.
  const std::set<std::string> mayNameVulkan{
      "engine/src/backend/common/registry.h", "engine/src/backend/common/registry.cpp",
      "engine/src/backend/no_vulkan.cpp",     "engine/src/device/device_name.cpp",
      "engine/src/strategy/strategy.cpp",     "engine/src/strategy/segments.cpp",
      "engine/include/rookery/device.h",      "engine/cli/common.cpp"};
  const std::set<std::string> mayNameCpu{"engine/src/backend/common/registry.h",
                                         "engine/src/backend/common/registry.cpp"};
  int named = 0;
  for (const char* folder : {"engine", "kernels"}) {
    for (const fs::path& path : sources(folder)) {
      const std::string name = fs::relative(path, kRoot).generic_string(), text = code(path);
      const bool vulkan = !matches(text, "([Vv]ulkan|VULKAN)").empty(),
                 cpu = !matches(text, "(backend/cpu/|Cpu(?:Backend|Executable|State|Weights)\\b)").empty();
      if (!name.starts_with("engine/src/backend/vulkan/") && !mayNameVulkan.contains(name))
        CHECK_MESSAGE(!vulkan, name);
      if (!name.starts_with("engine/src/backend/cpu/") && !mayNameCpu.contains(name)) CHECK_MESSAGE(!cpu, name);
      named += vulkan && mayNameVulkan.contains(name);
    }
  }
  CHECK(named == static_cast<int>(mayNameVulkan.size()));  // the list is as short as it can be
}

TEST_CASE("no device is told from another by comparing text") {
  const std::string comparison =
      "((?:[=!]= "
      "?|starts_with\\(|startsWith\\(|find\\(|contains\\()(?:QStringLiteral\\(|QLatin1String\\()?\"(?:cpu|cuda|vulkan|"
      "CPU|CUDA|Vulkan)[:\"])";
  for (const char* folder : {"engine", "app"}) {
    if (!fs::exists(kRoot / folder)) continue;
    for (const fs::path& path : sources(folder)) {
      const auto found = matches(code(path), comparison);
      CHECK_MESSAGE(found.empty(), path.string() << ": " << (found.empty() ? "" : found.front()));
    }
  }
}
