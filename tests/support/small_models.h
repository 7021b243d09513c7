// SPDX-License-Identifier: GPL-3.0-or-later
// Small models of every generation with seeded weights, and what tests read with them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/model_impl.h"
#include "model/synthetic_source.h"
#include "rookery/session.h"

namespace rookery::test {

inline const std::vector<engine::RwkvVersion> kVersions{engine::RwkvVersion::V4,   engine::RwkvVersion::V5_0, engine::RwkvVersion::V5_1,
                                                        engine::RwkvVersion::V5_2, engine::RwkvVersion::V6,   engine::RwkvVersion::V7,
                                                        engine::RwkvVersion::V7a};

inline engine::ModelShape smallShape(engine::RwkvVersion version) {
  engine::ModelShape shape;
  shape.version = version;
  shape.layers = 3;
  shape.nEmbd = 192;
  shape.headSize = version == engine::RwkvVersion::V4 ? 0 : 64;
  shape.dimFfn = 512;
  shape.vocab = 331;  // no whole number of tiles
  if (engine::isRwkv7(version)) {
    shape.rankW = 24;
    shape.rankA = 40;
    shape.rankV = 16;
    shape.rankG = 72;
    shape.rankS = version == engine::RwkvVersion::V7a ? 12 : 0;
  } else if (version == engine::RwkvVersion::V6) {
    shape.rankW = 40;
    shape.rankMaa = 24;  // parts of the hidden row that are no whole tiles
  }
  return shape;
}

inline std::shared_ptr<const engine::Model> makeModel(const engine::ModelShape& shape, std::optional<engine::DType> precision, bool sparse,
                                                      const std::string& strategy) {
  engine::SyntheticSource source(shape, "test", engine::DType::F16, 7);
  engine::LoadOptions options;
  options.sparseFfn = sparse;
  options.strategy = strategy;
  auto model = engine::buildModel(source, nullptr, precision, true, options, {}, {});
  REQUIRE_MESSAGE(model.has_value(), (model ? "" : model.error().message));
  return *model;
}

inline std::vector<engine::TokenId> someTokens(std::size_t count) {
  std::vector<engine::TokenId> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<engine::TokenId>((7919 * i + 13) % 331));
  return tokens;
}

inline std::vector<std::size_t> all(std::size_t count) {
  std::vector<std::size_t> positions(count);
  for (std::size_t i = 0; i < count; ++i) positions[i] = i;
  return positions;
}

inline float worstDifference(std::span<const float> a, std::span<const float> b) {
  float worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

/// A state that `one` left goes on in `other`, and the other way round, as if the CPU alone had read everything.
inline void checkStateGoesOn(const std::shared_ptr<const engine::Model>& one, const std::shared_ptr<const engine::Model>& other, float tolerance) {
  const auto tokens = someTokens(40);
  engine::Session whole(makeModel(one->info().shape, {}, true, "cpu"));
  REQUIRE(whole.prefill(tokens).has_value());
  for (const bool oneFirst : {true, false}) {
    engine::Session first(oneFirst ? one : other), second(oneFirst ? other : one);
    REQUIRE(first.prefill(std::span(tokens).first(23)).has_value());
    REQUIRE(second.restore(first.snapshot().value()).has_value());
    REQUIRE(second.prefill(std::span(tokens).subspan(23)).has_value());
    CHECK(worstDifference(second.logits(), whole.logits()) <= tolerance);
  }
}

/// A run that is asked to stop changes no bit of the state, and the next one goes on.
inline void checkStopKeepsState(const std::shared_ptr<const engine::Model>& model) {
  engine::Session session(model);
  const auto tokens = someTokens(30);
  REQUIRE(session.prefill(tokens).has_value());
  const engine::State before = session.snapshot().value().state;
  std::stop_source stop;
  stop.request_stop();
  const auto result = session.prefill(tokens, stop.get_token());
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == engine::ErrorCode::Cancelled);
  CHECK(session.snapshot().value().state.compare(before).maxAbs == 0.0F);
  REQUIRE(session.prefill(tokens).has_value());
}

}  // namespace rookery::test
