// SPDX-License-Identifier: GPL-3.0-or-later
// Models in several files, as Hugging Face has them: NAME-0000K-of-0000N.safetensors and NAME.safetensors.index.json.
#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "rookery/convert.h"
#include "rookery/session.h"
#include "support/dialects.h"
#include "support/golden.h"
#include "support/model_logits.h"
#include "support/process.h"

using namespace rookery::engine;
using namespace rookery::test;
using nlohmann::json;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";
const std::string kIndex = "model.safetensors.index.json";

std::string partName(std::size_t part, std::size_t parts) { return "model-0000" + std::to_string(part + 1) + "-of-0000" + std::to_string(parts) + ".safetensors"; }

/// Writes the tensors in turn into three parts, and returns the list.
json split(const TemporaryFolder& folder, const std::vector<Raw>& tensors) {
  constexpr std::size_t kParts = 3;
  std::vector<std::vector<Raw>> parts(kParts);
  json list = {{"metadata", {{"total_size", 0}}}, {"weight_map", json::object()}};
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    parts[i % kParts].push_back(tensors[i]);
    list["weight_map"][tensors[i].name] = partName(i % kParts, kParts);
  }
  for (std::size_t p = 0; p < kParts; ++p) writeRaw(folder.file(partName(p, kParts)), parts[p]);
  writeFile(folder.file(kIndex), list.dump(2));
  return list;
}

void checkRefused(const std::string& path, ErrorCode code, const std::string& says) {
  CAPTURE(path);
  const auto file = ModelFile::open(path);
  REQUIRE_FALSE(file);
  CHECK_MESSAGE(file.error().code == code, file.error().message);
  CHECK_MESSAGE(file.error().message.find(says) != std::string::npos, file.error().message);
}

}  // namespace

TEST_CASE("the list and every part open the whole model, with bitwise the same logits") {
  for (const char* name : {"v4_small", "v5_small", "v6_small", "v7_micro"}) {
    CAPTURE(name);
    const TemporaryFolder folder;
    const auto official = kModels / name / "model.pth";
    auto tensors = tensorsOf(official);
    if (std::string(name).starts_with("v7")) tensors = fla(tensors);  // what is published in parts
    split(folder, tensors);
    const auto wanted = logitsOf(official);
    CHECK(logitsOf(folder.file(kIndex)) == wanted);
    std::uint64_t size = 0;
    for (std::size_t p = 0; p < 3; ++p) size += std::filesystem::file_size(folder.file(partName(p, 3)));
    for (std::size_t p = 0; p < 3; ++p) {
      CHECK(logitsOf(folder.file(partName(p, 3))) == wanted);
      const auto file = ModelFile::open(folder.file(partName(p, 3)));
      REQUIRE(file);
      CHECK((*file)->name() == kIndex);
      CHECK((*file)->sizeBytes() == size);
      CHECK((*file)->tensors().size() == tensors.size());
      CHECK((*file)->sha256().value() == ModelFile::open(folder.file(kIndex)).value()->sha256().value());
    }
    CHECK(detect(**ModelFile::open(folder.file(kIndex)))->fileBytes == size);
  }
}

TEST_CASE("parts that do not belong together are refused with a sentence") {
  const TemporaryFolder folder;
  const auto tensors = tensorsOf(kModels / "v7_micro/model.pth");
  const json good = split(folder, tensors);
  const std::string index = folder.file(kIndex), second = folder.file(partName(1, 3));
  const auto withMap = [&](const std::function<void(json&)>& change) {
    json list = good;
    change(list["weight_map"]);
    writeFile(index, list.dump());
  };

  withMap([](json& map) { map["no.such.tensor"] = "model-00001-of-00003.safetensors"; });
  checkRefused(index, ErrorCode::FileDamaged, "says that tensor no.such.tensor is in model-00001-of-00003.safetensors, but it is not");
  withMap([&](json& map) { map[tensors[0].name] = partName(1, 3); });
  checkRefused(index, ErrorCode::FileDamaged, "says that tensor " + tensors[0].name);
  withMap([](json& map) { map["x"] = "model-00009-of-00003.safetensors"; });
  checkRefused(index, ErrorCode::FileNotFound, "missing: model-00009-of-00003.safetensors");
  for (const char* name : {"../model.safetensors", "/etc/passwd", "a/b.safetensors", "a\\b.safetensors", "C:x.safetensors", "", ".", "..", ".x.safetensors",
                           "model.pth", "x\n.safetensors"}) {
    CAPTURE(name);
    withMap([&](json& map) { map["x"] = name; });
    checkRefused(index, ErrorCode::FormatUnknown, "is not the plain name of a .safetensors file beside it");
  }
  withMap([](json& map) { map["x"] = 7; });
  checkRefused(index, ErrorCode::FormatUnknown, "is no name");
  withMap([](json& map) { map = json::object(); });
  checkRefused(index, ErrorCode::FormatUnknown, "has no weight_map");
  withMap([](json& map) {
    for (int i = 0; i < 2000; ++i) map["t" + std::to_string(i)] = "p" + std::to_string(i) + ".safetensors";
  });
  checkRefused(index, ErrorCode::FormatUnknown, "no model has that many parts");
  writeFile(index, R"({"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}})");  // a name twice
  checkRefused(index, ErrorCode::FormatUnknown, "not the JSON object");
  writeFile(index, std::string(100000, '['));
  checkRefused(index, ErrorCode::FormatUnknown, "not the JSON object");
  writeFile(index, std::string(16'000'001, ' '));
  checkRefused(index, ErrorCode::FormatUnknown, "larger than 16 MB");
  checkRefused(second, ErrorCode::FormatUnknown, "larger than 16 MB");  // whichever was opened
  writeFile(index, "");
  checkRefused(index, ErrorCode::FormatUnknown, "not the JSON object");

  // A tensor in two parts.
  writeFile(index, good.dump());
  const std::string whole = readFile(second);
  std::vector<Raw> more;
  for (std::size_t i = 1; i < tensors.size(); i += 3) more.push_back(tensors[i]);
  more.push_back(tensors[0]);
  writeRaw(second, more);
  checkRefused(index, ErrorCode::FileDamaged, "two tensors named " + tensors[0].name);

  for (const auto& [bytes, code, says] : {std::tuple<std::string, ErrorCode, const char*>{whole.substr(0, whole.size() / 2), ErrorCode::FileDamaged, "download may not be complete"},
                                          {"", ErrorCode::FileDamaged, "is empty"},
                                          {readFile(kModels / "v7_micro/model.pth"), ErrorCode::FormatUnknown, "is no safetensors file"},
                                          {"version https://git-lfs.github.com/spec/v1\noid sha256:713c6f61\nsize 338\n", ErrorCode::FileIncomplete, "Git LFS pointer"}}) {
    writeFile(second, bytes);
    checkRefused(index, code, says);
    checkRefused(index, code, "model-00002-of-00003.safetensors");
  }
  std::filesystem::remove(second);
  checkRefused(index, ErrorCode::FileNotFound, "missing: model-00002-of-00003.safetensors");
  std::filesystem::create_directory(second);
  checkRefused(index, ErrorCode::FileUnreadable, "is not a file");
}

TEST_CASE("a part that the list beside it does not name does not open the list's model") {
  const TemporaryFolder folder;
  split(folder, tensorsOf(kModels / "v7_micro/model.pth"));
  const std::string stray = folder.file(partName(0, 2));
  writeRaw(stray, tensorsOf(kModels / "v6_small/model.pth"));
  checkRefused(stray, ErrorCode::FileDamaged, partName(0, 2) + " is not one of the 3 parts that " + kIndex + " names");
  CHECK(ModelFile::open(folder.file(partName(0, 3))).has_value());
}

TEST_CASE("a part without its list is called that, and its tensors can be looked at") {
  const TemporaryFolder folder;
  split(folder, tensorsOf(kModels / "v7_micro/model.pth"));
  std::filesystem::remove(folder.file(kIndex));
  const auto file = ModelFile::open(folder.file(partName(1, 3)));
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  const auto info = detect(**file);
  REQUIRE_FALSE(info);
  CHECK(info.error().message.find("only part 2 of 3") != std::string::npos);
  CHECK(info.error().message.find(kIndex) != std::string::npos);
}

TEST_CASE("a result is never written over a part of the model that is read") {
  const TemporaryFolder folder;
  split(folder, tensorsOf(kModels / "v7_micro/model.pth"));
  const auto file = ModelFile::open(folder.file(kIndex));
  REQUIRE(file);
  ConvertOptions options;
  options.precision = DType::F16;
  const auto written = convertModel(*file, folder.file(partName(0, 3)), options);
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::InvalidArgument);
  CHECK(ModelFile::open(folder.file(kIndex)).has_value());
  CHECK(convertModel(*file, folder.file("whole.safetensors"), options).has_value());
  CHECK(logitsOf(folder.file("whole.safetensors")).size() == 270);
}
