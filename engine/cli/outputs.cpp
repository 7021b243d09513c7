// SPDX-License-Identifier: GPL-3.0-or-later
#include "outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <variant>

#include "common.h"
#include "formats/safetensors_writer.h"
#include "rookery/bench.h"
#include "rookery/model_file.h"
#include "rookery/state_file.h"

namespace rookery::cli {
namespace {

const char* nameOf(OutputKind kind) {
  switch (kind) {
    case OutputKind::Model: return "converted model";
    case OutputKind::State: return "saved state";
    case OutputKind::Logits: return "file of logits";
    case OutputKind::Probs: return "file of probabilities";
    case OutputKind::Report: return "benchmark report";
    case OutputKind::Markdown: return "benchmark report in Markdown";
    case OutputKind::Csv: return "benchmark table";
  }
  return "";
}

/// A report that nobody wrote into since: from the environment on there is nothing but its lists and tables.
bool isMarkdownReport(std::string_view text) {
  if (!text.starts_with("| model | size | params | backend |")) return false;
  constexpr std::string_view kEnvironment = "\nTest Environment:\n";
  const std::size_t at = text.find(kEnvironment);
  if (at == std::string_view::npos) return false;
  for (text.remove_prefix(at + kEnvironment.size()); !text.empty();) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!line.empty() && !line.starts_with("- ") && !line.starts_with("|") && !line.starts_with("Memory, planned ")) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

/// Whether this program wrote it, and for the same purpose.
bool isOwn(const std::string& path, OutputKind kind) {
  constexpr std::uintmax_t kMostReportBytes = 64'000'000;
  if (kind == OutputKind::Report || kind == OutputKind::Markdown || kind == OutputKind::Csv) {
    const auto text = readTextFile(path, kMostReportBytes);
    if (!text) return false;
    if (kind == OutputKind::Report) return engine::reportFromJson(*text).has_value();
    return kind == OutputKind::Csv ? text->starts_with("model,weights,precision,strategy,mode,threads,test,") : isMarkdownReport(*text);
  }
  if (engine::listOfParts(path)) return false;
  const auto file = engine::ModelFile::open(path);
  if (!file) return false;
  if (kind == OutputKind::State) return engine::stateKindOf(**file) == engine::StateKind::Saved;  // early ones have no mark, but names of their own
  const auto found = (*file)->metadata().find(engine::kKindKey);
  const auto* stated = found == (*file)->metadata().end() ? nullptr : std::get_if<std::string>(&found->second);
  return stated != nullptr && *stated == (kind == OutputKind::Model ? "model" : kind == OutputKind::Logits ? "logits" : "probs");
}

Result<void> checkReplaced(const Output& output) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(output.path, ignored) || std::filesystem::file_size(output.path, ignored) == 0) return {};
  if (isOwn(output.path, output.kind)) return {};
  return fail(ErrorCode::InvalidArgument, fmt::format("{} is there already and is no {} that Rookery wrote. Choose another name, or replace it with --force.",
                                                      output.path, nameOf(output.kind)));
}

Result<void> checkWritable(const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code error;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const char* why = std::filesystem::is_directory(path, error)      ? "it is a folder"
                    : !path.has_filename()                          ? "it names a folder, not a file"
                    : !std::filesystem::is_directory(folder, error) ? "its folder does not exist"
                                                                    : nullptr;
  if (why == nullptr) return {};
  return fail(ErrorCode::FileWriteFailed, fmt::format("The file {} cannot be written: {}.", name, why));
}

}  // namespace

Result<void> checkOutputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs, bool force) {
  std::error_code ignored;
  std::vector<std::filesystem::path> targets;
  for (const Output& output : outputs) {
    if (output.path.empty()) continue;
    if (auto good = checkWritable(output.path); !good) return good;
    for (const std::string& named : inputs) {
      const std::string input = engine::fileInFolder(named).string();
      const auto parts = engine::listOfParts(output.path), read = engine::listOfParts(input);
      const bool isPart = parts && read && std::filesystem::equivalent(*parts, *read, ignored);
      if (!input.empty() && (isPart || std::filesystem::equivalent(input, output.path, ignored)))
        return fail(ErrorCode::InvalidArgument, fmt::format("{} is a file that is read; choose another name for the result.", output.path));
    }
    if (std::filesystem::exists(output.path, ignored) && !std::filesystem::is_regular_file(output.path, ignored)) continue;  // a device takes any number
    const auto target = std::filesystem::weakly_canonical(output.path, ignored);
    if (std::find(targets.begin(), targets.end(), target) != targets.end())
      return fail(ErrorCode::InvalidArgument, fmt::format("Two results would be written to {}; give each its own name.", output.path));
    targets.push_back(target);
    if (force) continue;
    if (auto good = checkReplaced(output); !good) return good;
  }
  return {};
}

}  // namespace rookery::cli
