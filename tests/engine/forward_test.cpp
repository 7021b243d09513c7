// SPDX-License-Identifier: GPL-3.0-or-later
// The CPU forward pass against the double-precision oracle, and the equalities the design promises.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "support/oracle.h"
#include "support/small_models.h"

using namespace rookery::engine;
using rookery::test::all;
using rookery::test::kVersions;
using rookery::test::makeOracle;
using rookery::test::someTokens;

namespace {

ModelShape smallShape(RwkvVersion version = RwkvVersion::V7) {
  ModelShape shape = rookery::test::smallShape(version);
  shape.dimFfn = 416;  // a multiple of 32, not of 64
  return shape;
}

std::shared_ptr<const Model> makeModel(std::optional<DType> precision, int threads, bool sparse,
                                       const ModelShape& shape) {
  SyntheticSource source(shape, "test", DType::F16, 7);
  LoadOptions options;
  options.threads = threads;
  options.sparseFfn = sparse;
  auto model = buildModel(source, nullptr, precision, true, options, {}, {});
  REQUIRE(model.has_value());
  return *model;
}

std::shared_ptr<const Model> makeModel(std::optional<DType> precision, int threads, bool sparse = true,
                                       RwkvVersion version = RwkvVersion::V7) {
  return makeModel(precision, threads, sparse, smallShape(version));
}

double worstAgainstOracle(const ModelShape& shape, const std::vector<TokenId>& tokens) {
  SyntheticSource source(shape, "test", DType::F16, 7);
  const auto oracle = makeOracle(source);
  Session session(makeModel({}, 2, true, shape));
  const auto logits = session.evaluate(tokens, all(tokens.size()));
  REQUIRE(logits.has_value());
  double worst = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto expected = oracle->step(tokens[t]);
    for (std::size_t i = 0; i < expected.size(); ++i)
      worst = std::max(worst, std::fabs(expected[i] - static_cast<double>((*logits)[t * expected.size() + i])));
  }
  return worst;
}

}  // namespace

TEST_CASE("fp16 weights agree with the double-precision oracle at every position") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(versionName(version));
    CHECK(worstAgainstOracle(smallShape(version), someTokens(50)) < 1e-4);
  }
}

TEST_CASE("an epsilon of the norms that a file states is the one that is computed with") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(versionName(version));
    ModelShape shape = smallShape(version);
    shape.normEps = 0.1F;
    CHECK(worstAgainstOracle(shape, someTokens(20)) < 1e-4);
  }
}

TEST_CASE("the first token is remembered: another one changes the logits 30 tokens later") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(versionName(version));
    auto tokens = someTokens(30);
    Session session(makeModel({}, 2, true, version));
    REQUIRE(session.prefill(tokens).has_value());
    const std::vector<float> one(session.logits().begin(), session.logits().end());
    tokens.front() += 5;
    session.reset();
    REQUIRE(session.prefill(tokens).has_value());
    float most = 0;
    for (std::size_t i = 0; i < one.size(); ++i) most = std::max(most, std::fabs(one[i] - session.logits()[i]));
    CHECK(most > 1e-3F);
  }
}

TEST_CASE("at most six stages a layer") {
  for (const RwkvVersion version : kVersions) {
    const auto stages = buildProgram(smallShape(version), {0, 3, true, true}).stages.size();
    const bool deep = version == RwkvVersion::V7a;  // also looks its rows up, once
    CHECK(stages == (deep ? 3 : 2) + 3 * (version == RwkvVersion::V6 || deep ? 6 : 5));
  }
}

TEST_CASE("chunking, threads and the sparse path change no bit") {
  const auto tokens = someTokens(70);
  for (const RwkvVersion version : kVersions) {
    for (const std::optional<DType> precision : {std::optional<DType>{}, std::optional(DType::F32), std::optional(DType::BF16), std::optional(DType::Q8_0),
                                                 std::optional(DType::Int4), std::optional(DType::Q5_1), std::optional(DType::FP16I8)}) {
      // The weights' type concerns the matrix products alone, which all versions share: one version has all of them.
      if (version != RwkvVersion::V7 && precision && *precision != DType::Q8_0 && *precision != DType::Int4) continue;
      CAPTURE(versionName(version));
      CAPTURE(precision.has_value());
      Session reference(makeModel(precision, 1, false, version));
      const auto expected = reference.evaluate(tokens, all(tokens.size()), 1);
      REQUIRE(expected.has_value());
      const Snapshot after = reference.snapshot().value();
      for (const int threads : {1, 2, 3, 5}) {
        if (version != RwkvVersion::V7 && threads % 2 == 0) continue;  // for the sake of time
        for (const bool sparse : {false, true}) {
          Session session(makeModel(precision, threads, sparse, version));
          for (const std::size_t chunk : {1, 2, 3, 7, 16, 64, 256}) {
            CAPTURE(threads);
            CAPTURE(sparse);
            CAPTURE(chunk);
            session.reset();
            const auto logits = session.evaluate(tokens, all(tokens.size()), chunk);
            REQUIRE(logits.has_value());
            CHECK(std::equal(logits->begin(), logits->end(), expected->begin()));
            CHECK(session.snapshot().value().state.compare(after.state).maxAbs == 0.0F);
          }
        }
      }
    }
  }
}

TEST_CASE("a restored snapshot continues as the unbroken session does") {
  const auto tokens = someTokens(40);
  for (const RwkvVersion version : kVersions) {
    CAPTURE(versionName(version));
    const auto model = makeModel({}, 2, true, version);
    Session unbroken(model);
    REQUIRE(unbroken.prefill(tokens).has_value());
    Session first(model);
    REQUIRE(first.prefill(std::span(tokens).first(23)).has_value());
    const auto packed = first.snapshot().value().state.pack();
    auto state = State::unpack(packed, model->info().shape);
    REQUIRE(state.has_value());
    Session second(model);
    REQUIRE(second.restore({*state, {}, 23}).has_value());
    REQUIRE(second.prefill(std::span(tokens).subspan(23)).has_value());
    CHECK(std::equal(second.logits().begin(), second.logits().end(), unbroken.logits().begin()));
    CHECK(second.snapshot().value().state.compare(unbroken.snapshot().value().state).maxAbs == 0.0F);
    CHECK(second.tokensRead() == 40);
    CHECK(second.rowsSubmitted() == 17);
  }
}

TEST_CASE("a stopped run leaves the state as it was") {
  const auto tokens = someTokens(30);
  Session session(makeModel({}, 2));
  REQUIRE(session.prefill(tokens).has_value());
  const Snapshot before = session.snapshot().value();
  std::stop_source stop;
  stop.request_stop();
  const auto result = session.prefill(tokens, stop.get_token());
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::Cancelled);
  CHECK(session.snapshot().value().state.compare(before.state).maxAbs == 0.0F);
  CHECK(session.tokensRead() == 30);
}

TEST_CASE("a journal replayed into a fresh session goes on with the tokens of the unbroken run") {
  const auto model = makeModel({}, 2);
  const auto prompt = someTokens(12);
  GenerateRequest request;
  request.sampling.topP = 0.95F;
  request.seed = 99;
  request.maxTokens = 60;
  request.stopAtEndOfText = false;
  Session unbroken(model);
  REQUIRE(unbroken.prefill(prompt).has_value());
  const Snapshot afterPrompt = unbroken.snapshot().value();
  Snapshot middle;
  const auto whole = unbroken.generate(request, [&](const GeneratedToken& token) {
    if (token.index == 20) middle = unbroken.snapshot().value();
    return true;
  });
  REQUIRE(whole.has_value());
  REQUIRE(whole->tokens.size() == 60);

  for (const bool fromMiddle : {false, true}) {
    for (const std::size_t kept : {21, 37, 59}) {
      Session resumed(model);
      REQUIRE(resumed.restore(fromMiddle ? middle : afterPrompt).has_value());
      GenerateRequest rest = request;
      rest.journal.assign(whole->tokens.begin(), whole->tokens.begin() + static_cast<std::ptrdiff_t>(kept));
      rest.journalInState = fromMiddle ? 20 : 0;
      const auto result = resumed.generate(rest, {});
      REQUIRE(result.has_value());
      CHECK(result->tokens == whole->tokens);
      CHECK(result->drawn == 60 - kept);
    }
  }
}

TEST_CASE("hostile arguments are errors") {
  Session session(makeModel({}, 1));
  const std::vector<TokenId> outside{1, 2, 331};
  CHECK(session.prefill(outside).error().code == ErrorCode::InvalidArgument);
  const std::vector<TokenId> good{1, 2};
  const std::vector<std::size_t> beyond{2};
  CHECK(session.evaluate(good, beyond).error().code == ErrorCode::InvalidArgument);
  CHECK(session.generate({}, {}).error().code == ErrorCode::InvalidArgument);
  ModelShape other = smallShape();
  other.layers = 2;
  CHECK(session.restore({State(other), {}, 0}).error().code == ErrorCode::StateMismatch);
  CHECK(State::unpack(State(other).pack(), smallShape()).error().code == ErrorCode::StateMismatch);
  auto packed = State(other).pack();
  packed.back() ^= std::byte{1};
  CHECK_FALSE(State::unpack(packed, other).has_value());
  packed.resize(10);
  CHECK(State::unpack(packed, other).error().code == ErrorCode::FileDamaged);
}
