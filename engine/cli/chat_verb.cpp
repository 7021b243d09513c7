// SPDX-License-Identifier: GPL-3.0-or-later
// `chat`: a conversation in a terminal. Answers go to stdout, everything else to stderr, so that a script can drive it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <iostream>
#include <random>

#include "common.h"
#include "interrupt.h"
#include "outputs.h"
#include "rookery/prompt.h"
#include "rookery/session.h"
#include "states.h"
#include "text_input.h"

namespace rookery::cli {
namespace {

constexpr std::size_t kUndoLimit = 32;  // snapshots are 2 to 66 MB each

struct ChatOptions {
  ModelOptions model;
  std::string system, systemFile, promptFile, stateIn;
  bool force = false;
  SamplingOptions sampling;
  std::optional<std::uint64_t> seed;
  int tokens = 0;
};

/// The conversation at one point: what /undo goes back to.
struct Point {
  engine::Snapshot snapshot;
  std::optional<engine::TokenId> pending;
  bool started = false;
  bool userWordRead = false;
  bool beforeLoad = false;  ///< a state was loaded then, and nothing asked
};

class Chat {
 public:
  Chat(const ChatOptions& options, std::shared_ptr<const engine::Model> model)
      : m_options(options), m_model(std::move(model)), m_session(m_model),
        m_seed(options.seed ? *options.seed : std::random_device{}()) {}

  /// `state`: where the conversation starts. `question`: the first one, from a file.
  Result<void> loop(const std::optional<StateStart>& state, const std::string& question) {
    print(stderr, "{} on {}. /save FILE, /load FILE, /undo, /quit; several lines between two lines of \"\"\", or ended by \\\n", m_model->info().name,
               m_model->deviceSummary());
    if (state) {
      if (auto started = startFrom(*state); !started) return started;
    }
    if (!question.empty()) {
      m_stop = armInterrupt();
      if (const auto done = answer(question); !done) print(stderr, "{}\n", done.error().message);
    }
    const PasteMode paste;
    MessageReader reader(std::cin, paste.isTerminal());
    while (const auto message = next(reader)) {
      if (message->problem.empty() && message->text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
      if (message->isCommand && message->text == "/quit") break;
      const Result<void> done = !message->problem.empty() ? fail(ErrorCode::InvalidArgument, message->problem)
                                : message->isCommand      ? command(message->text)
                                                          : answer(message->text);
      if (!done) print(stderr, "{}\n", done.error().message);  // the conversation goes on
    }
    return {};
  }

 private:
  std::optional<MessageReader::Message> next(MessageReader& reader) {
    disarmInterrupt();  // Ctrl+C while waiting for a line leaves
    if (endAsked() || std::ferror(stdout) != 0) return std::nullopt;
    auto message = reader.next();
    m_stop = armInterrupt();
    return message;
  }

  Result<void> goTo(const Point& point) {
    if (auto restored = m_session.restore(point.snapshot); !restored) return restored;
    m_session.setPendingToken(point.pending);
    m_started = point.started;
    m_userWordRead = point.userWordRead;
    return {};
  }

  Result<void> command(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    std::string argument = withoutBlanks(line.substr(std::min(space, line.size())));
    constexpr std::string_view kForce = "--force ";
    const bool force = argument.starts_with(kForce);
    if (force) argument = withoutBlanks(argument.substr(kForce.size()));
    if (name == "/undo") {
      if (m_undo.empty()) return fail(ErrorCode::InvalidArgument, "There is nothing to undo.");
      const Point point = std::move(m_undo.back());
      m_undo.pop_back();
      print(stderr, "{}\n", point.beforeLoad ? "The state that was loaded is left again; the chat is as before it."
                                             : "The last question and its answer are forgotten.");
      return goTo(point);
    }
    if (name != "/save" && name != "/load")
      return fail(ErrorCode::InvalidArgument, "The commands are /save FILE, /load FILE, /undo and /quit.");
    if (argument.empty()) return fail(ErrorCode::InvalidArgument, fmt::format("{} needs a file name.", name));
    return name == "/save" ? save(argument, force) : load(argument, force);
  }

  static std::string withoutBlanks(const std::string& text) {
    const std::size_t begin = text.find_first_not_of(' ');
    return begin == std::string::npos ? std::string() : text.substr(begin);
  }

  Result<void> save(const std::string& path, bool force) {
    if (path.find('\0') != std::string::npos) return fail(ErrorCode::InvalidArgument, "A file name cannot hold a zero byte.");
    if (auto good = checkOutputs({{path, OutputKind::State}}, {m_options.model.model}, force); !good) return good;
    // The last token of an answer is drawn but not read; a state file has no place for it.
    if (auto read = m_session.prefill({}, m_stop); !read) return read;
    const auto snapshot = m_session.snapshot();
    if (!snapshot) return tl::unexpected<Error>(snapshot.error());
    const std::uint64_t tokens = m_session.tokensRead();
    if (auto saved = snapshot->state.save(path, engine::labelFor(*m_model, tokens, m_started)); !saved) return saved;
    print(stderr, "Saved the state after {} tokens to {}.\n", tokens, path);
    return {};
  }

  Result<void> load(const std::string& path, bool force) {
    const auto state = readState(path, *m_model, force, "/load --force");
    if (!state) return tl::unexpected<Error>(state.error());
    if (auto remembered = remember(); !remembered) return remembered;
    m_undo.back().beforeLoad = true;
    if (auto started = startFrom(*state); !started) return started;
    print(stderr, "Loaded the state of {}.\n", path);
    return {};
  }

  /// A chat goes on; any other state is where one begins, with the system text.
  Result<void> startFrom(const StateStart& state) {
    if (auto restored = m_session.restore(state.snapshot); !restored) return restored;
    m_session.setPendingToken(std::nullopt);
    m_started = state.info.isChat();
    m_userWordRead = false;
    if (m_started && !m_options.system.empty()) print(stderr, "Note: a chat has begun in this state, so the system text is not read again.\n");
    return {};
  }

  Result<void> remember() {
    auto snapshot = m_session.snapshot();
    if (!snapshot) return tl::unexpected<Error>(snapshot.error());
    m_undo.push_back({std::move(*snapshot), m_session.pendingToken(), m_started, m_userWordRead});
    if (m_undo.size() > kUndoLimit) m_undo.pop_front();
    return {};
  }

  Result<void> answer(const std::string& line) {
    const engine::Tokenizer& tokenizer = *m_model->tokenizer();
    std::string turn = engine::userTurn(m_started ? "" : m_options.system, line, !m_started);
    // When the model itself went on with "User:", those words were read already.
    constexpr std::string_view kUserWord = "\n\nUser:";
    if (m_userWordRead && turn.starts_with(kUserWord)) turn.erase(0, kUserWord.size());
    if (auto remembered = remember(); !remembered) return remembered;
    const Point before = m_undo.back();
    const auto tokens = tokenizer.encode(turn, m_stop);
    if (auto read = tokens ? m_session.prefill(*tokens, m_stop) : Result<void>(tl::unexpected<Error>(tokens.error())); !read) {
      m_undo.pop_back();
      if (auto back = goTo(before); !back) return back;
      return read;
    }
    m_started = true;
    m_userWordRead = false;

    engine::GenerateRequest request;
    request.sampling = m_options.sampling.resolved();
    request.seed = m_seed++;
    request.maxTokens = m_options.tokens;
    request.stopTexts = engine::chatStopTexts();
    LeadingSpace lead;
    const auto show = [&lead](const std::string& fresh) { printAnswer(lead.drop(fresh)); };
    const auto result = m_session.generate(
        request,
        [&](const engine::GeneratedToken& token) {
          show(token.text);
          return std::ferror(stdout) == 0;  // nobody can read on
        },
        m_stop);
    if (!result) return tl::unexpected<Error>(result.error());
    show(result->tail);
    print(stdout, "\n");
    std::fflush(stdout);
    if (result->reason == engine::StopReason::StopText) {
      const auto text = tokenizer.decode(result->tokens);
      m_userWordRead = text && text->ends_with("\nUser:");
    }
    if (result->seconds > 0)
      print(stderr, "({:.1f} tokens/s)\n", static_cast<double>(result->drawn) / result->seconds);
    return {};
  }

  const ChatOptions& m_options;
  std::shared_ptr<const engine::Model> m_model;
  engine::Session m_session;
  std::uint64_t m_seed;
  std::stop_token m_stop;
  std::deque<Point> m_undo;
  bool m_started = false;       ///< the next question is not the first one
  bool m_userWordRead = false;  ///< the state ends in "User:", written by the model
};

}  // namespace

Verb addChat(CLI::App& app, Context& context) {
  const auto o = std::make_shared<ChatOptions>();
  CLI::App* verb = app.add_subcommand("chat", "Talk with a model in the terminal");
  verb->add_option("model", o->model.model, "Model file, or \"guide\"")->required()->type_name("MODEL");
  auto* system = verb->add_option("--system", o->system, "System text at the start");
  verb->add_option("--system-file", o->systemFile, "The same from a file")->check(notEmpty())->type_name("FILE")->excludes(system);
  verb->add_option("--prompt-file", o->promptFile, fmt::format("The first question: {}", kPromptFileHelp))->check(notEmpty())->type_name("FILE");
  verb->add_option("--state-in", o->stateIn, "State to start from: a saved chat, a tuned state, or one of another program")->check(notEmpty())->type_name("F");
  verb->add_flag("--force", o->force, "Take another model's state");
  verb->footer("In a chat: /save [--force] FILE writes its state, /load [--force] FILE goes on from one, or begins with it if it is no chat; /undo\n"
               "forgets the last question, /quit leaves. A message of several lines stands between two lines of \"\"\", or each of its lines but\n"
               "the last ends in a backslash; what is pasted into a terminal is one message.");
  verb->add_option("--tokens", o->tokens, "Most tokens of one answer; 0: no limit")->check(wholeNumber())->capture_default_str();
  verb->add_option("--seed", o->seed, "Seed of the draws (default: a new one each time)")->check(unsignedNumber());
  addSamplingOptions(*verb, o->sampling);
  addModelOptions(*verb, o->model);
  return {verb, [o, &context]() -> Result<void> {
            std::string question;
            for (const auto& [file, text] : {std::pair(&o->promptFile, &question), std::pair(&o->systemFile, &o->system)}) {
              if (file->empty()) continue;
              auto read = readPrompt(*file, context.stop);
              if (!read) return tl::unexpected<Error>(read.error());
              *text = std::move(*read);
            }
            auto model = loadModel(o->model, context);
            if (!model) return tl::unexpected<Error>(model.error());
            if (const auto tokenizer = (*model)->requireTokenizer(); !tokenizer) return tl::unexpected<Error>(tokenizer.error());
            std::optional<StateStart> state;
            if (!o->stateIn.empty()) {
              auto read = readState(o->stateIn, **model, o->force);
              if (!read) return tl::unexpected<Error>(read.error());
              state = std::move(*read);
            }
            const Result<void> done = Chat(*o, std::move(*model)).loop(state, question);
            if (endAsked()) context.exit = kInterrupted;
            return done;
          }};
}

}  // namespace rookery::cli
