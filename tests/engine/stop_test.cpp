// SPDX-License-Identifier: GPL-3.0-or-later
// A stop request from another thread, timed on a model of the smallest official size.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "rookery/bench.h"
#include "rookery/session.h"

using namespace rookery::engine;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kWithin = 0.3;
#else
constexpr double kWithin = 0.1;
#endif

// Requests a stop after a while and remembers when.
class Stopper {
 public:
  explicit Stopper(milliseconds after) : m_thread([this, after] {
    std::this_thread::sleep_for(after);
    m_requested = Clock::now();
    m_source.request_stop();
  }) {}
  std::stop_token token() const { return m_source.get_token(); }
  /// Seconds from the request to `returned`.
  double lag(Clock::time_point returned) {
    m_thread.join();
    return std::chrono::duration<double>(returned - m_requested).count();
  }

 private:
  std::stop_source m_source;
  Clock::time_point m_requested;
  std::jthread m_thread;  // last: it uses the others
};

const std::shared_ptr<const Model>& model() {
  static const std::shared_ptr<const Model> loaded = [] {
    auto result = Model::synthetic("rwkv7-0.1b", DType::F16);
    REQUIRE(result.has_value());
    return *result;
  }();
  return loaded;
}

std::vector<TokenId> someTokens(std::size_t count) {
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<TokenId>((7919 * i + 13) % 60000));
  return tokens;
}

// The state is that of a session which read these tokens and was never stopped.
void checkStateFollows(const Session& session, std::span<const TokenId> tokens) {
  Session unbroken(model());
  REQUIRE(unbroken.prefill(tokens).has_value());
  CHECK(session.snapshot().value().state.compare(unbroken.snapshot().value().state).maxAbs == 0.0F);
}

}  // namespace

TEST_CASE("a long prefill stops at once, at a token it can name") {
  constexpr std::size_t kBefore = 5;  // read before, so that there is a state to compare even on a slow machine
  const auto tokens = someTokens(kBefore + 20000);
  Session session(model());
  REQUIRE(session.prefill(std::span(tokens).first(kBefore)).has_value());
  std::size_t reported = 0;
  Stopper stopper(milliseconds(150));
  const auto result = session.prefill(std::span(tokens).subspan(kBefore), stopper.token(), [&](const PrefillProgress& p) { reported = p.done; });
  const double lag = stopper.lag(Clock::now());
  CHECK(lag >= 0.0);
  CHECK(lag < kWithin);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::Cancelled);
  CHECK(session.tokensRead() < tokens.size());
  CHECK(session.tokensRead() == kBefore + reported);
  checkStateFollows(session, std::span(tokens).first(session.tokensRead()));
  // Going on from there is possible.
  REQUIRE(session.prefill(std::span(tokens).subspan(session.tokensRead(), 3)).has_value());
  CHECK(session.tokensRead() == kBefore + reported + 3);
}

TEST_CASE("a long answer stops at once and keeps every token it drew") {
  const auto prompt = someTokens(5);
  Session session(model());
  REQUIRE(session.prefill(prompt).has_value());
  GenerateRequest request;
  request.seed = 3;
  request.maxTokens = 100000;
  request.stopAtEndOfText = false;
  std::size_t reported = 0;
  Stopper stopper(milliseconds(150));
  const auto result = session.generate(request, [&](const GeneratedToken&) { ++reported; return true; }, stopper.token());
  const double lag = stopper.lag(Clock::now());
  CHECK(lag >= 0.0);
  CHECK(lag < kWithin);
  REQUIRE(result.has_value());
  CHECK(result->reason == StopReason::Cancelled);
  CHECK(result->tokens.size() == reported);
  CHECK(result->tokens.size() < 100000);
  const std::size_t pending = session.pendingToken().has_value() ? 1 : 0;
  REQUIRE(prompt.size() + result->tokens.size() >= pending);
  CHECK(session.tokensRead() == prompt.size() + result->tokens.size() - pending);
  std::vector<TokenId> read = prompt;
  read.insert(read.end(), result->tokens.begin(), result->tokens.end());
  read.resize(read.size() - pending);
  checkStateFollows(session, read);
}

TEST_CASE("a measurement stops within a second") {
  BenchRequest request;
  request.guide = true;
  Stopper stopper(milliseconds(300));
  const auto result = runBench(request, {}, stopper.token());
  const double lag = stopper.lag(Clock::now());
  CHECK(lag >= 0.0);  // it was still running
  CHECK(lag < 1.0);
  if (result.has_value()) {
    CHECK(result->partial);
  } else {
    CHECK(result.error().code == ErrorCode::Cancelled);
  }
}
