// SPDX-License-Identifier: GPL-3.0-or-later
#include "common.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <vector>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace rookery::cli {

int exitCode(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::Cancelled: return kInterrupted;
    case ErrorCode::InvalidArgument:
    case ErrorCode::StrategyInvalid: return kUsage;
    case ErrorCode::FileNotFound:
    case ErrorCode::FileUnreadable:
    case ErrorCode::FileDamaged:
    case ErrorCode::FileUnsafe:
    case ErrorCode::FormatUnknown:
    case ErrorCode::NotRwkv:
    case ErrorCode::VersionUnsupported:
    case ErrorCode::TensorMissing:
    case ErrorCode::TensorMismatch:
    case ErrorCode::StateMismatch:
    case ErrorCode::VocabularyMissing: return kUnusable;
    case ErrorCode::OutOfMemory: return kOutOfMemory;
    case ErrorCode::VerificationFailed: return kVerification;
    case ErrorCode::FileWriteFailed:
    case ErrorCode::DeviceUnavailable: return kFailed;
  }
  return kFailed;
}

CLI::Validator finiteNumber() {
  return CLI::Validator([](const std::string& text) -> std::string {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && !std::isfinite(value)) return fmt::format("{} is not a finite number", text);
    return {};
  }, "");
}

CLI::Validator unsignedNumber() {
  return CLI::Validator([](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (!text.empty() && error == std::errc() && end == text.data() + text.size()) return {};
    return fmt::format("\"{}\" is not a number from 0 to {}", text, std::numeric_limits<std::uint64_t>::max());
  }, "");
}

CLI::Validator notEmpty() {
  return CLI::Validator([](const std::string& text) { return std::string(text.empty() ? "The name is empty" : ""); }, "");
}

void addJsonFlag(CLI::App& verb, Context& context) {
  verb.add_flag("--json", context.json, "Write one JSON document to stdout");
}

void addModelOptions(CLI::App& verb, ModelOptions& options, bool withPrecision) {
  verb.add_option("--vocab", options.vocabulary, "Vocabulary file (rwkv_vocab_*.txt or 20B_tokenizer.json) that overrides the model's tokenizer")
      ->type_name("FILE")
      ->check(notEmpty());
  verb.add_option("--strategy", options.strategy, "Where and in which type layers run, for example \"cpu fp16\"")
      ->capture_default_str();
  if (withPrecision) verb.add_option("--precision", options.precision, "Weights: fp16, int8, nf4, q8_0, ... (default: as they came)")->check(notEmpty());
  verb.add_option("--threads", options.threads, "CPU threads; 0: one per physical core")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

bool isGuide(std::string_view model) noexcept { return model == "guide"; }

Result<engine::LoadOptions> loadOptions(const ModelOptions& options) {
  engine::LoadOptions load;
  load.strategy = options.strategy;
  if (!options.precision.empty()) {
    if (load.strategy.find(' ') != std::string::npos)
      return fail(ErrorCode::InvalidArgument, "The precision is given twice: in the strategy and on its own.");
    load.strategy += " " + options.precision;
  }
  load.threads = options.threads;
  load.vocabulary = options.vocabulary;
  return load;
}

Result<std::shared_ptr<const engine::ModelFile>> openModel(const std::string& model) {
  return isGuide(model) ? engine::Model::guideFile() : engine::ModelFile::open(model);
}

Result<std::shared_ptr<const engine::Model>> loadModel(const ModelOptions& options, const Context& context) {
  const auto load = loadOptions(options);
  if (!load) return tl::unexpected<Error>(load.error());
  const auto file = openModel(options.model);
  if (!file) return tl::unexpected<Error>(file.error());
  const bool terminal = stderrIsTerminal();
  int lastPercent = -1;
  const auto progress = [&](const engine::LoadProgress& p) {
    if (!terminal || p.bytesTotal == 0) return;
    const int percent = static_cast<int>(100 * p.bytesDone / p.bytesTotal);
    if (percent == lastPercent) return;
    lastPercent = percent;
    fmt::print(stderr, "\rloading {} %", percent);
  };
  auto model = engine::Model::load(*file, *load, progress, context.stop);
  if (lastPercent >= 0) fmt::print(stderr, "\r             \r");
  return model;
}

void addSamplingOptions(CLI::App& verb, SamplingOptions& options) {
  auto& s = options.settings;
  verb.add_flag("--greedy", options.greedy, "Always the most probable token");
  verb.add_option("--temperature", s.temperature, "0: greedy")->check(finiteNumber())->check(CLI::Range(0.0, 100.0))->capture_default_str();
  verb.add_option("--top-p", s.topP, "0: greedy; 1: off")->check(finiteNumber())->check(CLI::Range(0.0, 1.0))->capture_default_str();
  verb.add_option("--top-k", s.topK, "0: off")->check(CLI::NonNegativeNumber)->capture_default_str();
  verb.add_option("--presence", options.presence, "Presence penalty (0.5)")->check(finiteNumber());
  verb.add_option("--frequency", options.frequency, "Frequency penalty (0.5)")->check(finiteNumber());
  verb.add_option("--penalty-decay", s.penaltyDecay, "Decay of the counts behind the penalties")
      ->check(finiteNumber())
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

engine::SamplerSettings SamplingOptions::resolved() const {
  engine::SamplerSettings result = settings;
  if (greedy) {
    result.temperature = 0;
    result.presencePenalty = result.frequencyPenalty = 0;
  }
  if (presence) result.presencePenalty = *presence;
  if (frequency) result.frequencyPenalty = *frequency;
  return result;
}

Result<void> checkWritable(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const char* why = std::filesystem::is_directory(path, error)      ? "it is a folder"
                    : !std::filesystem::is_directory(folder, error) ? "its folder does not exist"
                                                                    : nullptr;
  if (why == nullptr) return {};
  return fail(ErrorCode::FileWriteFailed, fmt::format("The file {} cannot be written: {}.", path.string(), why));
}

Result<void> checkOutputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  std::error_code ignored;
  std::vector<std::filesystem::path> targets;
  for (const std::string& output : outputs) {
    if (output.empty()) continue;
    if (auto good = checkWritable(output); !good) return good;
    for (const std::string& input : inputs) {
      const auto parts = engine::listOfParts(output), read = engine::listOfParts(input);
      const bool isPart = parts && read && std::filesystem::equivalent(*parts, *read, ignored);
      if (!input.empty() && (isPart || std::filesystem::equivalent(input, output, ignored)))
        return fail(ErrorCode::InvalidArgument, fmt::format("{} is a file that is read; choose another name for the result.", output));
    }
    if (std::filesystem::exists(output, ignored) && !std::filesystem::is_regular_file(output, ignored)) continue;  // a device takes any number
    const auto target = std::filesystem::weakly_canonical(output, ignored);
    if (std::find(targets.begin(), targets.end(), target) != targets.end())
      return fail(ErrorCode::InvalidArgument, fmt::format("Two results would be written to {}; give each its own name.", output));
    targets.push_back(target);
  }
  return {};
}

Result<std::string> readTextFile(const std::filesystem::path& path) {
  constexpr std::uintmax_t kMost = 256'000'000;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return fail(ErrorCode::FileNotFound, fmt::format("There is no file {}.", path.string()));
  // A pipe could keep us waiting for ever, and a device never end.
  if (!std::filesystem::is_regular_file(status))
    return fail(ErrorCode::FileUnreadable, fmt::format("{} is not a file.", path.string()));
  if (const std::uintmax_t size = std::filesystem::file_size(path, error); !error && size > kMost)
    return fail(ErrorCode::FileDamaged, fmt::format("{} is larger than 256 MB, so it is not what is wanted here.", path.string()));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file) return fail(ErrorCode::FileUnreadable, fmt::format("The file {} cannot be read.", path.string()));
  return std::move(text).str();
}

Result<std::vector<engine::TokenId>> readTokenFile(const std::filesystem::path& path, int vocab) {
  const auto text = readTextFile(path);
  if (!text) return tl::unexpected<Error>(text.error());
  const auto document = nlohmann::json::parse(*text, nullptr, false);
  const std::string name = path.filename().string();
  if (!document.is_array())
    return fail(ErrorCode::InvalidArgument, fmt::format("The token file {} is not a JSON array of ids.", name));
  if (document.empty()) return fail(ErrorCode::InvalidArgument, fmt::format("The token file {} is empty.", name));
  std::vector<engine::TokenId> ids;
  for (const auto& item : document) {
    if (!item.is_number_unsigned() || item.get<std::uint64_t>() >= static_cast<std::uint64_t>(vocab))
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("Entry {} of the token file {} is not a token of this model (ids are 0 to {}).", ids.size(),
                              name, vocab - 1));
    ids.push_back(item.get<engine::TokenId>());
  }
  return ids;
}

Result<engine::DType> parsePrecision(const std::string& name) {
  if (const auto type = engine::precisionNamed(name)) return *type;
  return fail(ErrorCode::InvalidArgument,
              fmt::format("\"{}\" is not a precision that this build runs; there are {}.", name, engine::precisionList()));
}

void printJson(const nlohmann::json& document) {
  const std::string text = document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  fmt::print("{}\n", text);
}

bool stderrIsTerminal() noexcept {
#if defined(_WIN32)
  return _isatty(_fileno(stderr)) != 0;
#else
  return isatty(STDERR_FILENO) != 0;
#endif
}

}  // namespace rookery::cli
