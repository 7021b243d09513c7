// SPDX-License-Identifier: GPL-3.0-or-later
// `logits` and `probs`: the numbers themselves, for tests and comparisons.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "common.h"
#include "formats/safetensors_writer.h"
#include "outputs.h"
#include "rookery/model_file.h"
#include "rookery/session.h"
#include "session/usable_logits.h"
#include "states.h"
#include "text_input.h"

namespace rookery::cli {
namespace {

struct LogitsOptions {
  ModelOptions model;
  std::string tokens, promptFile, out, mode = "gpt", stateIn, stateOut;
  bool force = false;
  std::size_t chunk = 0;
  std::vector<std::size_t> positions;
};

Result<std::vector<float>> readTokenByToken(engine::Session& session, const std::vector<engine::TokenId>& tokens,
                                            const std::vector<std::size_t>& positions, std::stop_token stop) {
  std::vector<float> rows;
  auto next = positions.begin();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (auto read = session.decode(tokens[i], stop); !read) return tl::unexpected<Error>(read.error());
    if (next == positions.end() || *next != i) continue;
    rows.insert(rows.end(), session.logits().begin(), session.logits().end());
    ++next;
  }
  return rows;
}

Result<void> runLogits(const LogitsOptions& o, const Context& context) {
  if (auto good = checkOutputs({{o.out, OutputKind::Logits}, {o.stateOut, OutputKind::State}}, {o.model.model, o.tokens, o.promptFile, o.stateIn}, o.force); !good)
    return good;
  const auto text = o.promptFile.empty() ? Result<std::string>() : readPrompt(o.promptFile, context.stop);
  if (!text) return tl::unexpected<Error>(text.error());
  const auto model = loadModel(o.model, context);
  if (!model) return tl::unexpected<Error>(model.error());
  const auto vocab = static_cast<std::size_t>((*model)->info().shape.vocab);
  const auto tokens = o.promptFile.empty() ? readTokenFile(o.tokens, (*model)->info().shape.vocab) : encodeFor(**model, *text, context.stop);
  if (!tokens) return tl::unexpected<Error>(tokens.error());

  // The engine wants each position once and in order; the file has them as they were asked for.
  std::vector<std::size_t> asked = o.positions;
  if (asked.empty()) asked.push_back(tokens->size() - 1);
  std::vector<std::size_t> positions = asked;
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  if (positions.back() >= tokens->size())
    return fail(ErrorCode::InvalidArgument,
                fmt::format("Position {} is beyond the {} tokens that were given.", positions.back(), tokens->size()));

  engine::Session session(*model);
  if (!o.stateIn.empty()) {
    const auto start = readState(o.stateIn, **model, o.force);
    if (!start) return tl::unexpected<Error>(start.error());
    if (auto restored = session.restore(start->snapshot); !restored) return restored;
  }
  const auto start = std::chrono::steady_clock::now();
  const auto rows = o.mode == "rnn" ? readTokenByToken(session, *tokens, positions, context.stop)
                                    : session.evaluate(*tokens, positions, o.chunk, context.stop);
  if (!rows) return tl::unexpected<Error>(rows.error());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  for (std::size_t i = 0; i < positions.size(); ++i)
    if (auto usable = engine::usableLogits(std::span(*rows).subspan(i * vocab, vocab), positions[i]); !usable) return usable;

  std::vector<float> logits;
  logits.reserve(asked.size() * vocab);
  for (const std::size_t position : asked) {
    const auto row = std::lower_bound(positions.begin(), positions.end(), position) - positions.begin();
    const auto begin = rows->begin() + row * static_cast<std::ptrdiff_t>(vocab);
    logits.insert(logits.end(), begin, begin + static_cast<std::ptrdiff_t>(vocab));
  }
  const engine::OutputTensor tensor{"logits", {static_cast<std::int64_t>(asked.size()), static_cast<std::int64_t>(vocab)}, logits};
  if (auto written = engine::writeSafetensors(o.out, {&tensor, 1}, "logits"); !written) return written;
  if (!o.stateOut.empty()) {
    const auto snapshot = session.snapshot();
    if (!snapshot) return tl::unexpected<Error>(snapshot.error());
    if (auto saved = snapshot->state.save(o.stateOut, engine::labelFor(**model, session.tokensRead(), false)); !saved) return saved;
  }

  if (context.json)
    printJson({{"out", o.out}, {"positions", asked}, {"tokens", tokens->size()}, {"mode", o.mode}, {"seconds", seconds},
               {"device", (*model)->deviceSummary()}});
  else
    print(stderr, "{} tokens in {:.3f} s, {} rows of logits in {}\n", tokens->size(), seconds, asked.size(), o.out);
  return {};
}

struct ProbsOptions {
  std::string logits, out;
  bool force = false;
  engine::SamplerSettings settings;
};

Result<void> runProbs(const ProbsOptions& o, const Context& context) {
  if (auto good = checkOutputs({{o.out, OutputKind::Probs}}, {o.logits}, o.force); !good) return good;
  const auto file = engine::ModelFile::open(o.logits);
  if (!file) return tl::unexpected<Error>(file.error());
  const engine::TensorSource* source = (*file)->find("logits");
  if (source == nullptr) return fail(ErrorCode::TensorMissing, "The file has no tensor named \"logits\".");
  if (source->dtype != engine::DType::F32 || source->shape.empty() || source->shape.size() > 2 ||
      source->elementCount() == 0)
    return fail(ErrorCode::TensorMismatch, "The tensor \"logits\" is not fp32 of shape [rows, vocab].");
  std::vector<float> logits(source->elementCount());
  std::memcpy(logits.data(), source->bytes.data(), logits.size() * sizeof(float));
  std::vector<float> probs(logits.size());
  const auto vocab = static_cast<std::size_t>(source->shape.back());
  for (std::size_t at = 0; at < logits.size(); at += vocab) {
    const auto row = std::span(logits).subspan(at, vocab);
    // Minus infinity is a token that cannot be drawn.
    const bool numbers = std::none_of(row.begin(), row.end(), [](float x) { return std::isnan(x) || x == std::numeric_limits<float>::infinity(); });
    if (!numbers || std::none_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); }))
      return fail(ErrorCode::NotFinite, fmt::format("Row {} of the logits holds values that are no numbers, so it stands for no distribution.", at / vocab));
    engine::filteredProbabilities(row, o.settings, std::span(probs).subspan(at, vocab));
  }
  const engine::OutputTensor tensor{"probs", source->shape, probs};
  if (auto written = engine::writeSafetensors(o.out, {&tensor, 1}, "probs"); !written) return written;
  if (context.json) printJson({{"out", o.out}, {"rows", logits.size() / vocab}, {"vocab", vocab}});
  return {};
}

}  // namespace

Verb addLogits(CLI::App& app, Context& context) {
  const auto o = std::make_shared<LogitsOptions>();
  CLI::App* verb = app.add_subcommand("logits", "Read tokens and write the logits that follow them");
  verb->add_option("--model", o->model.model, "Model file, or \"guide\"")->required()->type_name("M");
  auto* tokens = verb->add_option("--tokens", o->tokens, "JSON array of token ids")->check(notEmpty())->type_name("FILE");
  auto* text = verb->add_option("--prompt-file", o->promptFile, fmt::format("Text to read in place of tokens: {}", kPromptFileHelp))->check(notEmpty())->type_name("FILE");
  text->excludes(tokens);
  verb->add_option("--out", o->out, "Where \"logits\" fp32 [positions, vocab] goes")->required()->check(notEmpty())->type_name("F.safetensors");
  verb->add_option("--mode", o->mode, "gpt: many tokens at once; rnn: one by one")
      ->check(CLI::IsMember({"gpt", "rnn"}))
      ->capture_default_str();
  verb->add_option("--chunk", o->chunk, "Tokens at once in gpt mode; 0: the engine's choice")->check(unsignedNumber())->capture_default_str();
  verb->add_option("--positions", o->positions, "0-based rows to write, for example 0,7,63 (default: the last)")
      ->delimiter(',')
      ->check(unsignedNumber());
  verb->add_option("--state-in", o->stateIn, "State to start from: saved, tuned, or of another program")->check(notEmpty())->type_name("F");
  verb->add_option("--state-out", o->stateOut, "Where the state after the last token goes")->check(notEmpty())->type_name("F");
  verb->add_flag("--force", o->force, fmt::format("{}, and take another model's state", kForceHelp));
  addModelOptions(*verb, o->model);
  addJsonFlag(*verb, context);
  verb->parse_complete_callback([text, tokens] {
    if (text->count() + tokens->count() == 0) throw CLI::RequiredError("--tokens or --prompt-file");
  });
  return {verb, [o, &context] { return runLogits(*o, context); }};
}

Verb addProbs(CLI::App& app, Context& context) {
  const auto o = std::make_shared<ProbsOptions>();
  o->settings.topP = 1;
  CLI::App* verb = app.add_subcommand("probs", "Write the distribution that a draw from logits would use");
  verb->add_option("--logits", o->logits, "File with \"logits\" fp32 [rows, vocab]")->required()->check(notEmpty())->type_name("F.safetensors");
  verb->add_option("--out", o->out, "Where \"probs\" goes")->required()->check(notEmpty())->type_name("G.safetensors");
  verb->add_option("--temperature", o->settings.temperature, "0: greedy")->check(numberFrom(0, 100))->capture_default_str();
  verb->add_option("--top-p", o->settings.topP, "0: greedy; 1: off")->check(numberFrom(0, 1))->capture_default_str();
  verb->add_option("--top-k", o->settings.topK, "0: off")->check(wholeNumber())->capture_default_str();
  verb->add_flag("--force", o->force, kForceHelp);
  addJsonFlag(*verb, context);
  return {verb, [o, &context] { return runProbs(*o, context); }, false};
}

}  // namespace rookery::cli
