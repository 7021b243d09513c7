// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace rookery::engine {

/// JSON from a file that may be hostile. nullopt: no JSON, an object with the same key twice, or values nested deeper
/// than `deepest` (the tree's destructor recurses). May throw std::bad_alloc only.
std::optional<nlohmann::json> parseStrictJson(std::string_view text, int deepest);

}  // namespace rookery::engine
