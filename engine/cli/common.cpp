// SPDX-License-Identifier: GPL-3.0-or-later
#include "common.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include "rookery/strategy.h"

namespace rookery::cli {

int exitCode(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::Cancelled: return kInterrupted;
    case ErrorCode::InvalidArgument:
    case ErrorCode::StrategyInvalid: return kUsage;
    case ErrorCode::FileNotFound:
    case ErrorCode::FileUnreadable:
    case ErrorCode::FileDamaged:
    case ErrorCode::FileIncomplete:
    case ErrorCode::FileUnsafe:
    case ErrorCode::FormatUnknown:
    case ErrorCode::NotRwkv:
    case ErrorCode::VersionUnsupported:
    case ErrorCode::TensorMissing:
    case ErrorCode::TensorMismatch:
    case ErrorCode::StateMismatch:
    case ErrorCode::VocabularyMissing:
    case ErrorCode::VocabularyMismatch: return kUnusable;
    case ErrorCode::OutOfMemory: return kOutOfMemory;
    case ErrorCode::VerificationFailed: return kVerification;
    case ErrorCode::NotFinite:
    case ErrorCode::FileWriteFailed:
    case ErrorCode::DeviceUnavailable: return kFailed;
  }
  return kFailed;
}

namespace {

/// What was written, short enough for a sentence.
std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 40;
  return text.size() <= kShown ? fmt::format("\"{}\"", text) : fmt::format("\"{}...\"", text.substr(0, kShown));
}

template <class Number>
bool isWithin(const std::string& text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size() && value >= least && value <= most;  // false for NaN
}

template <class Number>
CLI::Validator within(Number least, Number most) {
  return CLI::Validator([=](const std::string& text) -> std::string {
    if (isWithin(text, least, most)) return {};
    return fmt::format("{} is not a number from {} to {}", shortened(text), least, most);
  }, "");
}

}  // namespace

CLI::Validator numberFrom(double least, double most) { return within(least, most); }
CLI::Validator wholeNumber(int least, int most) { return within(least, most); }
CLI::Validator unsignedNumber() { return within(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()); }

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
  verb.add_option("--strategy", options.strategy, "Where and in which type layers run, for example \"cpu fp16\" or \"vulkan fp16 *12 -> cpu\"")
      ->capture_default_str();
  if (withPrecision) verb.add_option("--precision", options.precision, "Weights: fp16, int8, nf4, q8_0, ... (default: as they came)")->check(notEmpty());
  verb.add_option("--threads", options.threads, "CPU threads; 0: one per physical core")
      ->check(wholeNumber(0, 4096))
      ->capture_default_str();
}

bool isGuide(std::string_view model) noexcept { return model == "guide"; }

Result<engine::LoadOptions> loadOptions(const ModelOptions& options) {
  engine::LoadOptions load;
  load.strategy = options.strategy;
  if (!options.precision.empty()) {
    auto typed = engine::withWeightType(options.strategy, options.precision);
    if (!typed) return tl::unexpected<Error>(typed.error());
    load.strategy = std::move(*typed);
  }
  load.threads = options.threads;
  load.vocabulary = options.vocabulary;
  return load;
}

Result<std::shared_ptr<const engine::ModelFile>> openModel(const std::string& model) {
  return isGuide(model) ? engine::Model::guideFile() : engine::ModelFile::open(model);
}

void noteStrategy(const std::string& strategy, int layers) {
  const auto parsed = engine::parseStrategy(strategy, layers);
  if (parsed && !parsed->note.empty()) print(stderr, "Note: {}\n", parsed->note);
}

std::string otherModels(const engine::ModelFile& file) {
  const auto note = file.metadata().find("rookery.other_models");
  const auto* paths = note == file.metadata().end() ? nullptr : std::get_if<std::string>(&note->second);
  // A GGUF or safetensors file may have any key.
  if (paths == nullptr || file.container() != engine::Container::Pth) return {};
  return fmt::format("holds other whole models beside the one that is read ({}); to run one of these, save it in a file "
                     "of its own", *paths);
}

void noteUnused(const engine::ModelInfo& info) {
  if (const std::string unused = engine::unusedTensors(info); !unused.empty())
    print(stderr, "Note: {}.\n", unused);
}

void noteOthersIn(const engine::ModelFile& file) {
  if (const std::string others = otherModels(file); !others.empty())
    print(stderr, "Note: {} {}.\n", file.name(), others);
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
    print(stderr, "\rloading {} %", percent);
  };
  auto model = engine::Model::load(*file, *load, progress, context.stop);
  if (lastPercent >= 0) print(stderr, "\r             \r");
  if (model) noteStrategy(load->strategy, (*model)->info().shape.layers);
  if (model) noteUnused((*model)->info());
  if (model) noteOthersIn(**file);
  if (model && (*file)->find("blocks.0.att.time_state") != nullptr)
    print(stderr,
          "Note: {} also holds a tuned state. It is used only where this file is named as the state, too (--state-in, or "
          "/load in a chat).\n",
          options.model);
  return model;
}

void addSamplingOptions(CLI::App& verb, SamplingOptions& options) {
  constexpr double kMostPenalty = 1000;  // logits are below 100
  auto& s = options.settings;
  verb.add_flag("--greedy", options.greedy, "Always the most probable token");
  verb.add_option("--temperature", s.temperature, "0: greedy")->check(numberFrom(0, 100))->capture_default_str();
  verb.add_option("--top-p", s.topP, "0: greedy; 1: off")->check(numberFrom(0, 1))->capture_default_str();
  verb.add_option("--top-k", s.topK, "0: off")->check(wholeNumber())->capture_default_str();
  verb.add_option("--presence", options.presence, "Presence penalty (0.5)")->check(numberFrom(-kMostPenalty, kMostPenalty));
  verb.add_option("--frequency", options.frequency, "Frequency penalty (0.5)")->check(numberFrom(-kMostPenalty, kMostPenalty));
  verb.add_option("--penalty-decay", s.penaltyDecay, "Decay of the counts behind the penalties")
      ->check(numberFrom(0, 1))
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

Result<std::string> readTextFile(const std::filesystem::path& path, std::uintmax_t mostBytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return fail(ErrorCode::FileNotFound, fmt::format("There is no file {}.", path.string()));
  // A pipe could keep us waiting for ever, and a device never end.
  if (!std::filesystem::is_regular_file(status))
    return fail(ErrorCode::FileUnreadable, fmt::format("{} is not a file.", path.string()));
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > mostBytes)
    return fail(ErrorCode::FileDamaged, fmt::format("{} is larger than {} MB, so it is not what is wanted here.", path.string(), mostBytes / 1'000'000));
  std::ifstream file(path, std::ios::binary);
  std::string text(error ? 0 : static_cast<std::size_t>(size), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof())
    return fail(ErrorCode::FileUnreadable, fmt::format("The file {} cannot be read.", path.string()));
  text.resize(static_cast<std::size_t>(file.gcount()));  // it may have become shorter
  return text;
}

namespace {

/// Takes a flat array of numbers and nothing else, so that a document costs no more than its ids.
class TokenReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TokenReader(std::uint64_t vocab) : m_vocab(vocab) {}

  std::vector<engine::TokenId> ids;
  bool isArray = false;  ///< as far as it was read
  bool isWrong = false;  ///< an entry that is no token

  bool start_array(std::size_t) override { return std::exchange(isArray, true) ? wrong() : true; }
  bool end_array() override { return true; }
  bool number_unsigned(std::uint64_t id) override {
    if (!isArray) return false;
    if (id >= m_vocab) return wrong();
    ids.push_back(static_cast<engine::TokenId>(id));
    return true;
  }
  bool number_integer(std::int64_t) override { return wrong(); }
  bool number_float(double, const std::string&) override { return wrong(); }
  bool null() override { return wrong(); }
  bool boolean(bool) override { return wrong(); }
  bool string(std::string&) override { return wrong(); }
  bool binary(nlohmann::json::binary_t&) override { return wrong(); }
  bool start_object(std::size_t) override { return wrong(); }
  bool key(std::string&) override { return false; }
  bool end_object() override { return false; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool wrong() {
    isWrong = isArray;
    return false;
  }
  std::uint64_t m_vocab;
};

}  // namespace

Result<std::vector<engine::TokenId>> readTokenFile(const std::filesystem::path& path, int vocab) {
  constexpr std::uintmax_t kMostTokenBytes = 64'000'000;  // ten million tokens and more
  const auto text = readTextFile(path, kMostTokenBytes);
  if (!text) return tl::unexpected<Error>(text.error());
  const std::string name = path.filename().string();
  TokenReader reader(static_cast<std::uint64_t>(vocab));
  if (!nlohmann::json::sax_parse(*text, &reader)) {
    if (!reader.isWrong) return fail(ErrorCode::InvalidArgument, fmt::format("The token file {} is not a JSON array of ids.", name));
    return fail(ErrorCode::InvalidArgument, fmt::format("Entry {} of the token file {} is not a token of this model (ids are 0 to {}).",
                                                        reader.ids.size(), name, vocab - 1));
  }
  if (!reader.isArray) return fail(ErrorCode::InvalidArgument, fmt::format("The token file {} is not a JSON array of ids.", name));
  if (reader.ids.empty()) return fail(ErrorCode::InvalidArgument, fmt::format("The token file {} is empty.", name));
  return std::move(reader.ids);
}

Result<std::vector<engine::TokenId>> encodeFor(const engine::Model& model, const std::string& text, std::stop_token stop) {
  const auto tokenizer = model.requireTokenizer();
  if (!tokenizer) return tl::unexpected<Error>(tokenizer.error());
  auto ids = (*tokenizer)->encode(text, std::move(stop));
  if (!ids) return ids;
  if (ids->empty()) ids->push_back(engine::kEndOfText);
  return ids;
}

Result<engine::DType> parsePrecision(const std::string& name) {
  if (const auto type = engine::precisionNamed(name)) return *type;
  return fail(ErrorCode::InvalidArgument,
              fmt::format("\"{}\" is not a precision that this build runs; there are {}.", name, engine::precisionList()));
}

void printJson(const nlohmann::json& document) {
  printTable(stdout, engine::printableJson(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)) + "\n");
}

}  // namespace rookery::cli
