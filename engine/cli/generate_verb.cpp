// SPDX-License-Identifier: GPL-3.0-or-later
// `generate`: one answer, streamed.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "common.h"
#include "rookery/prompt.h"
#include "rookery/session.h"
#include "states.h"
#include "text_input.h"

namespace rookery::cli {
namespace {

struct GenerateOptions {
  ModelOptions model;
  std::string prompt, promptFile, promptTokens, system, systemFile, stateIn;
  SamplingOptions sampling;
  std::optional<std::uint64_t> seed;
  int tokens = 256;
  bool raw = false, ignoreEnd = false, force = false;
  std::vector<std::string> stopTexts;
};

const char* reasonName(engine::StopReason reason) {
  switch (reason) {
    case engine::StopReason::EndOfText: return "end-of-text";
    case engine::StopReason::StopText: return "stop-text";
    case engine::StopReason::MaxTokens: return "max-tokens";
    case engine::StopReason::Cancelled: return "cancelled";
  }
  return "unknown";
}

/// `inChat`: the state that it is read after holds a conversation.
Result<std::vector<engine::TokenId>> promptIds(const GenerateOptions& o, const engine::Model& model, bool inChat, std::stop_token stop) {
  if (!o.promptTokens.empty()) return readTokenFile(o.promptTokens, model.info().shape.vocab);
  if (!o.raw && inChat && !o.system.empty())
    return fail(ErrorCode::InvalidArgument, fmt::format("A system text is read at the beginning of a chat, and {} holds one that has begun.", o.stateIn));
  return encodeFor(model, o.raw ? o.prompt : engine::userTurn(o.system, o.prompt, !inChat), std::move(stop));
}

/// Files in place of texts.
Result<void> readFiles(GenerateOptions& o, const std::stop_token& stop) {
  for (const auto& [file, text] : {std::pair(&o.promptFile, &o.prompt), std::pair(&o.systemFile, &o.system)}) {
    if (file->empty()) continue;
    auto read = readPrompt(*file, stop);
    if (!read) return tl::unexpected<Error>(read.error());
    *text = std::move(*read);
  }
  return {};
}

Result<void> run(GenerateOptions& o, Context& context) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };

  if (auto good = readFiles(o, context.stop); !good) return good;
  // A shell hands \n over as it is written.
  for (const std::string& stop : o.stopTexts)
    if (stop.find("\\n") != std::string::npos)
      print(stderr, "Note: the stop text {} has a backslash and an n, not a line break. In bash a line break is written $'\\n'.\n", stop);
  const auto loadStart = Clock::now();
  const auto model = loadModel(o.model, context);
  if (!model) return tl::unexpected<Error>(model.error());
  const double loadSeconds = since(loadStart);
  engine::Session session(*model);
  bool inChat = false;
  if (!o.stateIn.empty()) {
    const auto start = readState(o.stateIn, **model, o.force);
    if (!start) return tl::unexpected<Error>(start.error());
    if (auto restored = session.restore(start->snapshot); !restored) return restored;
    inChat = start->info.isChat();
  }
  const auto ids = promptIds(o, **model, inChat, context.stop);
  if (!ids) return tl::unexpected<Error>(ids.error());

  engine::GenerateRequest request;
  request.sampling = o.sampling.resolved();
  request.seed = o.seed ? *o.seed : std::random_device{}();
  request.maxTokens = o.tokens;
  request.stopAtEndOfText = !o.ignoreEnd;
  request.stopTexts = o.stopTexts;
  const bool chatForm = !o.raw && o.promptTokens.empty();
  if (chatForm)
    request.stopTexts.insert(request.stopTexts.end(), engine::chatStopTexts().begin(), engine::chatStopTexts().end());

  const auto promptStart = Clock::now();
  if (auto read = session.prefill(*ids, context.stop); !read) return read;
  const double promptSeconds = since(promptStart);

  std::string text;
  LeadingSpace lead;
  const auto show = [&](const std::string& fresh) {
    const std::string piece = chatForm ? lead.drop(fresh) : fresh;
    text += piece;
    if (!context.json && !piece.empty()) printAnswer(piece);
  };
  const auto result = session.generate(
      request,
      [&](const engine::GeneratedToken& token) {
        show(token.text);
        return std::ferror(stdout) == 0;  // nobody can read on
      },
      context.stop);
  if (!result) return tl::unexpected<Error>(result.error());
  show(result->tail);

  const double promptSpeed = promptSeconds > 0 ? static_cast<double>(ids->size()) / promptSeconds : 0;
  const double speed = result->seconds > 0 ? static_cast<double>(result->drawn) / result->seconds : 0;
  if (context.json) {
    printJson({{"model", (*model)->info().name}, {"fingerprint", (*model)->fingerprint()},
               {"device", (*model)->deviceSummary()}, {"device_features", (*model)->device().features}, {"text", text}, {"ids", result->tokens},
               {"prompt_ids", *ids}, {"seed", request.seed}, {"reason", reasonName(result->reason)},
               {"timings",
                {{"load_seconds", loadSeconds}, {"prompt_seconds", promptSeconds},
                 {"prompt_tokens_per_second", promptSpeed}, {"first_token_seconds", promptSeconds + result->firstTokenSeconds},
                 {"generate_seconds", result->seconds}, {"tokens_per_second", speed}}}});
  } else {
    print(stdout, "\n");
    std::fflush(stdout);
    print(stderr, "{} ({}): read {} tokens at {:.1f}/s, wrote {} at {:.1f}/s, seed {}\n", (*model)->deviceSummary(),
               reasonName(result->reason), ids->size(), promptSpeed, result->drawn, speed, request.seed);
  }
  if (result->reason == engine::StopReason::Cancelled) context.exit = kInterrupted;
  return {};
}

}  // namespace

Verb addGenerate(CLI::App& app, Context& context) {
  const auto o = std::make_shared<GenerateOptions>();
  CLI::App* verb = app.add_subcommand("generate", "Answer a question or continue a text");
  verb->add_option("--model", o->model.model, "Model file, or \"guide\"")->required()->type_name("M");
  auto* text = verb->add_option("--prompt", o->prompt, "What the user says, or with --raw the text to continue");
  auto* tokens = verb->add_option("--prompt-tokens", o->promptTokens, "JSON array of token ids to continue")->check(notEmpty())->type_name("FILE");
  auto* file = verb->add_option("--prompt-file", o->promptFile, fmt::format("The same from a {}", kPromptFileHelp))->check(notEmpty())->type_name("FILE");
  text->excludes(tokens)->excludes(file);
  file->excludes(tokens);
  auto* system = verb->add_option("--system", o->system, "System text before the question");
  verb->add_option("--system-file", o->systemFile, "The same from a file")->check(notEmpty())->type_name("FILE")->excludes(system);
  verb->add_option("--state-in", o->stateIn, "State to start from: a saved chat, a tuned state, or one of another program")->check(notEmpty())->type_name("F");
  verb->add_flag("--force", o->force, "Take another model's state");
  verb->add_flag("--raw", o->raw, "Continue the prompt as it is, without the chat form");
  verb->add_option("--tokens", o->tokens, "Most tokens to write; 0: no limit")->check(wholeNumber())->capture_default_str();
  verb->add_option("--seed", o->seed, "Seed of the draws (default: a new one each time)")->check(unsignedNumber());
  verb->add_option("--stop", o->stopTexts, "Text that ends the answer (may be given several times)")->expected(1)->take_all();
  verb->add_flag("--ignore-end", o->ignoreEnd, "Never draw the end of the text");
  addSamplingOptions(*verb, o->sampling);
  addModelOptions(*verb, o->model);
  addJsonFlag(*verb, context);
  verb->parse_complete_callback([text, tokens, file, o] {
    if (text->count() + tokens->count() + file->count() == 0) throw CLI::RequiredError("--prompt, --prompt-file or --prompt-tokens");
    if (o->promptFile == "-" && o->systemFile == "-") throw CLI::ValidationError("Only one text can come from the standard input");
  });
  return {verb, [o, &context] { return run(*o, context); }};
}

}  // namespace rookery::cli
