// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace rookery::shaders {

/// SPIR-V of shaders/<name>.comp, embedded, aligned to 4 bytes; with or without 64-bit integers. Empty if there is none.
std::span<const std::byte> find(std::string_view name, bool int64) noexcept;

}  // namespace rookery::shaders
