// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/model_logits.h"

#include <doctest/doctest.h>

#include "rookery/model.h"
#include "rookery/session.h"

namespace rookery::test {

std::vector<float> logitsOf(const std::filesystem::path& path) {
  const auto model = engine::Model::load(path);
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  engine::Session session(*model);
  std::vector<engine::TokenId> tokens;
  for (engine::TokenId i = 0; i < 40; ++i) tokens.push_back((i * 37 + 11) % 200);
  REQUIRE(session.prefill(tokens).has_value());
  return {session.logits().begin(), session.logits().end()};
}

}  // namespace rookery::test
