// SPDX-License-Identifier: GPL-3.0-or-later
#include "common.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

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

void addJsonFlag(CLI::App& verb, Context& context) {
  verb.add_flag("--json", context.json, "Write one JSON document to stdout");
}

void addModelOptions(CLI::App& verb, ModelOptions& options) {
  verb.add_option("--vocab", options.vocabulary, "Vocabulary file that overrides the model's tokenizer")->type_name("FILE");
  verb.add_option("--strategy", options.strategy, "Where and in which type layers run, for example \"cpu fp16\"")
      ->capture_default_str();
  verb.add_option("--threads", options.threads, "CPU threads; 0: one per physical core")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

bool isGuide(std::string_view model) noexcept { return model == "guide"; }

Result<std::shared_ptr<const engine::Model>> loadModel(const ModelOptions& options, const Context& context) {
  engine::LoadOptions load;
  load.strategy = options.strategy;
  load.threads = options.threads;
  load.vocabulary = options.vocabulary;
  if (isGuide(options.model)) return engine::Model::guide(load);
  const bool terminal = stderrIsTerminal();
  int lastPercent = -1;
  const auto progress = [&](const engine::LoadProgress& p) {
    if (!terminal || p.bytesTotal == 0) return;
    const int percent = static_cast<int>(100 * p.bytesDone / p.bytesTotal);
    if (percent == lastPercent) return;
    lastPercent = percent;
    fmt::print(stderr, "\rloading {} %", percent);
  };
  auto model = engine::Model::load(options.model, load, progress, context.stop);
  if (lastPercent >= 0) fmt::print(stderr, "\r             \r");
  return model;
}

void addSamplingOptions(CLI::App& verb, SamplingOptions& options) {
  auto& s = options.settings;
  verb.add_flag("--greedy", options.greedy, "Always the most probable token");
  verb.add_option("--temperature", s.temperature, "0: greedy")->check(CLI::Range(0.0, 100.0))->capture_default_str();
  verb.add_option("--top-p", s.topP, "0: greedy; 1: off")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  verb.add_option("--top-k", s.topK, "0: off")->check(CLI::NonNegativeNumber)->capture_default_str();
  verb.add_option("--presence", options.presence, "Presence penalty (0.5)");
  verb.add_option("--frequency", options.frequency, "Frequency penalty (0.5)");
  verb.add_option("--penalty-decay", s.penaltyDecay, "Decay of the counts behind the penalties")
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

Result<std::string> readTextFile(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return fail(ErrorCode::FileNotFound, fmt::format("There is no file {}.", path.string()));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file || std::filesystem::is_directory(path, error))
    return fail(ErrorCode::FileUnreadable, fmt::format("The file {} cannot be read.", path.string()));
  return std::move(text).str();
}

Result<void> writeTextFile(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path temporary = path;
  temporary += ".part";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(temporary, path, error);
  if (!file || error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return fail(ErrorCode::FileWriteFailed, fmt::format("The file {} cannot be written.", path.string()), error.message());
  }
  return {};
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
  using engine::DType;
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0})
    if (name == engine::traits(type).name) return type;
  return fail(ErrorCode::InvalidArgument,
              fmt::format("\"{}\" is not a precision that this build runs: fp32, fp16, bf16 or q8_0.", name));
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
