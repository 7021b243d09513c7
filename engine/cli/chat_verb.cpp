// SPDX-License-Identifier: GPL-3.0-or-later
// `chat`: a conversation in a terminal. Answers go to stdout, everything else to stderr, so that a script can drive it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iostream>
#include <random>

#include "common.h"
#include "interrupt.h"
#include "rookery/model_file.h"
#include "rookery/prompt.h"
#include "rookery/session.h"

namespace rookery::cli {
namespace {

constexpr std::size_t kUndoLimit = 32;  // snapshots are 2 to 66 MB each

struct Options {
  ModelOptions model;
  std::string system;
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
};

class Chat {
 public:
  Chat(const Options& options, std::shared_ptr<const engine::Model> model)
      : m_options(options), m_model(std::move(model)), m_session(m_model),
        m_seed(options.seed ? *options.seed : std::random_device{}()) {}

  Result<void> loop() {
    fmt::print(stderr, "{} on {}. /save FILE, /load FILE, /undo, /quit\n", m_model->info().name, m_model->deviceSummary());
    for (std::string line; prompt(line);) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (line == "/quit") break;
      const Result<void> done = line.front() == '/' ? command(line) : answer(line);
      if (!done) fmt::print(stderr, "{}\n", done.error().message);  // the conversation goes on
    }
    return {};
  }

 private:
  bool prompt(std::string& line) {
    disarmInterrupt();  // Ctrl+C while waiting for a line leaves
    if (endAsked() || std::ferror(stdout) != 0) return false;
    fmt::print(stderr, "> ");
    std::fflush(stderr);
    const bool more = static_cast<bool>(std::getline(std::cin, line));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    m_stop = armInterrupt();
    return more;
  }

  Result<void> goTo(const Point& point) {
    if (!point.started) {
      m_session.reset();
    } else if (auto restored = m_session.restore(point.snapshot); !restored) {
      return restored;
    }
    m_session.setPendingToken(point.pending);
    m_started = point.started;
    m_userWordRead = point.userWordRead;
    return {};
  }

  Result<void> command(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::size_t word = line.find_first_not_of(' ', std::min(space, line.size()));
    const std::string argument = word == std::string::npos ? "" : line.substr(word);
    if (name == "/undo") {
      if (m_undo.empty()) return fail(ErrorCode::InvalidArgument, "There is nothing to undo.");
      const Point point = std::move(m_undo.back());
      m_undo.pop_back();
      fmt::print(stderr, "The last question and its answer are forgotten.\n");
      return goTo(point);
    }
    if (name != "/save" && name != "/load")
      return fail(ErrorCode::InvalidArgument, "The commands are /save FILE, /load FILE, /undo and /quit.");
    if (argument.empty()) return fail(ErrorCode::InvalidArgument, fmt::format("{} needs a file name.", name));
    return name == "/save" ? save(argument) : load(argument);
  }

  /// A state may be saved anew; whatever else is there stays.
  static Result<void> checkSaveName(const std::string& path) {
    if (path.find('\0') != std::string::npos) return fail(ErrorCode::InvalidArgument, "A file name cannot hold a zero byte.");
    if (!std::filesystem::path(path).has_filename()) return fail(ErrorCode::InvalidArgument, fmt::format("{} names a folder, not a file.", path));
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return checkWritable(path);
    const auto file = engine::ModelFile::open(path);
    if (file && (*file)->container() == engine::Container::SafeTensors && ((*file)->find("att_xx.0") != nullptr || (*file)->find("att_x_prev.0") != nullptr))
      return {};
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is there already and is no saved state; choose another name.", path));
  }

  Result<void> save(const std::string& path) {
    if (auto good = checkSaveName(path); !good) return good;
    // The last token of an answer is drawn but not read; a state file has no place for it.
    if (auto read = m_session.prefill({}, m_stop); !read) return read;
    const auto snapshot = m_session.snapshot();
    if (!snapshot) return tl::unexpected<Error>(snapshot.error());
    if (auto saved = snapshot->state.save(path); !saved) return saved;
    fmt::print(stderr, "Saved the state after {} tokens to {}.\n", m_session.tokensRead(), path);
    return {};
  }

  Result<void> load(const std::string& path) {
    auto state = engine::State::load(path, m_model->info().shape);
    if (!state) return tl::unexpected<Error>(state.error());
    if (auto remembered = remember(); !remembered) return remembered;
    if (auto restored = m_session.restore({std::move(*state), {}, 0}); !restored) return restored;
    m_session.setPendingToken(std::nullopt);
    m_started = true;
    m_userWordRead = false;
    fmt::print(stderr, "Loaded the state of {}.\n", path);
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
    const auto show = [&lead](const std::string& fresh) {
      const std::string piece = lead.drop(fresh);
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      std::fflush(stdout);
    };
    const auto result = m_session.generate(
        request,
        [&](const engine::GeneratedToken& token) {
          show(token.text);
          return std::ferror(stdout) == 0;  // nobody can read on
        },
        m_stop);
    if (!result) return tl::unexpected<Error>(result.error());
    show(result->tail);
    fmt::print("\n");
    std::fflush(stdout);
    if (result->reason == engine::StopReason::StopText) {
      const auto text = tokenizer.decode(result->tokens);
      m_userWordRead = text && text->ends_with("\nUser:");
    }
    if (result->seconds > 0)
      fmt::print(stderr, "({:.1f} tokens/s)\n", static_cast<double>(result->drawn) / result->seconds);
    return {};
  }

  const Options& m_options;
  std::shared_ptr<const engine::Model> m_model;
  engine::Session m_session;
  std::uint64_t m_seed;
  std::stop_token m_stop;
  std::deque<Point> m_undo;
  bool m_started = false;       ///< something was read
  bool m_userWordRead = false;  ///< the state ends in "User:", written by the model
};

}  // namespace

Verb addChat(CLI::App& app, Context& context) {
  const auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("chat", "Talk with a model in the terminal");
  verb->add_option("model", o->model.model, "Model file, or \"guide\"")->required()->type_name("MODEL");
  verb->add_option("--system", o->system, "System text at the start");
  verb->add_option("--tokens", o->tokens, "Most tokens of one answer; 0: no limit")->check(wholeNumber())->capture_default_str();
  verb->add_option("--seed", o->seed, "Seed of the draws (default: a new one each time)")->check(unsignedNumber());
  addSamplingOptions(*verb, o->sampling);
  addModelOptions(*verb, o->model);
  return {verb, [o, &context]() -> Result<void> {
            auto model = loadModel(o->model, context);
            if (!model) return tl::unexpected<Error>(model.error());
            if (const auto tokenizer = (*model)->requireTokenizer(); !tokenizer) return tl::unexpected<Error>(tokenizer.error());
            const Result<void> done = Chat(*o, std::move(*model)).loop();
            if (endAsked()) context.exit = kInterrupted;
            return done;
          }};
}

}  // namespace rookery::cli
