// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/model.h"
#include "rookery/result.h"
#include "rookery/sampler.h"
#include "rookery/tokenizer.h"
#include "terminal.h"

namespace rookery::cli {

using engine::Error;
using engine::ErrorCode;
using engine::fail;
using engine::Result;

/// Exit codes; scripts rely on them (README).
enum Exit { kOk = 0, kFailed = 1, kUsage = 2, kUnusable = 3, kOutOfMemory = 4, kVerification = 5, kInterrupted = 130 };
int exitCode(ErrorCode code) noexcept;

/// What every verb shares. Results go to stdout, talk to stderr.
struct Context {
  bool json = false;      ///< exactly one JSON document on stdout
  std::stop_token stop;
  int exit = kOk;         ///< what a verb that returns no error ends with; interrupted ones have results, too
};

/// A verb: declares its options on `app` and returns what runs after parsing. One file per verb.
using Run = std::function<Result<void>()>;
struct Verb {
  CLI::App* app = nullptr;
  Run run;
  bool stops = true;  ///< asks Context::stop often; others end at the first Ctrl+C
};

Verb addDevices(CLI::App& app, Context& context);
Verb addInfo(CLI::App& app, Context& context);
Verb addTokenize(CLI::App& app, Context& context);
Verb addDetokenize(CLI::App& app, Context& context);
Verb addLogits(CLI::App& app, Context& context);
Verb addProbs(CLI::App& app, Context& context);
Verb addGenerate(CLI::App& app, Context& context);
Verb addChat(CLI::App& app, Context& context);
Verb addBench(CLI::App& app, Context& context);
Verb addMemory(CLI::App& app, Context& context);
Verb addConvert(CLI::App& app, Context& context);
Verb addCompare(CLI::App& app, Context& context);

/// Checks of arguments. CLI11 alone takes NaN for a number within any range, -1 for the largest unsigned number, and
/// an empty name (an unset variable in a script) for an option that was not given.
CLI::Validator numberFrom(double least, double most);
CLI::Validator wholeNumber(int least = 0, int most = 2'147'483'647);
CLI::Validator unsignedNumber();
CLI::Validator notEmpty();

void addJsonFlag(CLI::App& verb, Context& context);

/// "--strategy", "--precision" and "--threads", for every verb that runs a model.
struct ModelOptions {
  std::string model;  ///< a path, or "guide" for the built-in model
  std::string vocabulary;
  std::string strategy = "cpu";
  std::string precision;  ///< of the weights; empty: as they came, or as the strategy says
  int threads = 0;
};
void addModelOptions(CLI::App& verb, ModelOptions& options, bool withPrecision = true);
Result<engine::LoadOptions> loadOptions(const ModelOptions& options);
/// A file, or the built-in one where it is called "guide".
Result<std::shared_ptr<const engine::ModelFile>> openModel(const std::string& model);
/// On stderr, where a strategy does something else than it seems to say for a model of `layers`.
void noteStrategy(const std::string& strategy, int layers);
/// On stderr, where the file has tensors that the model does not use.
void noteUnused(const engine::ModelInfo& info);
/// What to say of a checkpoint that holds other whole models than the one that is read, as a sentence after "The file";
/// empty: it holds none.
std::string otherModels(const engine::ModelFile& file);
/// That on stderr.
void noteOthersIn(const engine::ModelFile& file);
/// Loads with a progress line on stderr where that is a terminal.
Result<std::shared_ptr<const engine::Model>> loadModel(const ModelOptions& options, const Context& context);

/// "--temperature" and its like. `greedy`: temperature 0, and no penalties unless they were asked for.
struct SamplingOptions {
  engine::SamplerSettings settings;
  bool greedy = false;
  std::optional<float> presence, frequency;
  engine::SamplerSettings resolved() const;
};
void addSamplingOptions(CLI::App& verb, SamplingOptions& options);

/// The chat form ends in "Assistant:", so an answer starts with a space that is no part of it.
class LeadingSpace {
 public:
  std::string drop(std::string piece) {
    if (m_started) return piece;
    piece.erase(0, piece.find_first_not_of(" \n"));
    m_started = !piece.empty();
    return piece;
  }

 private:
  bool m_started = false;
};

/// "guide" is a name, not a path.
bool isGuide(std::string_view model) noexcept;

inline constexpr std::uintmax_t kMostTextBytes = 256'000'000;
Result<std::string> readTextFile(const std::filesystem::path& path, std::uintmax_t mostBytes = kMostTextBytes);
/// A JSON array of token ids, each below `vocab`.
Result<std::vector<engine::TokenId>> readTokenFile(const std::filesystem::path& path, int vocab);
/// The tokens of a text that is read first; of an empty one the end of text, which starts a document.
Result<std::vector<engine::TokenId>> encodeFor(const engine::Model& model, const std::string& text, std::stop_token stop);
/// "fp16" and the other weight types.
Result<engine::DType> parsePrecision(const std::string& name);

/// One document on stdout; texts that are not UTF-8 are repaired.
void printJson(const nlohmann::json& document);
}  // namespace rookery::cli
