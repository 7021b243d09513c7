// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace rookery::engine {

/// Whether a part of the dotted name is one that only adapters have: of PEFT, RWKV-PEFT and rwkvtune (lora_A,
/// init_lora_A), MLX (lora_a), Bone and DiSHA; of PEFT's other tuners the start of it; base_layer is the weight that such
/// a tool wrapped.
inline bool isOfAdapter(std::string_view name) {
  constexpr auto kStarts = std::to_array<std::string_view>(
      {"ia3_", "hada_", "lokr_", "oft_", "boft_", "vera_", "vblora_", "fourierft_", "hra_", "disha_", "bone_"});
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t dot = name.find('.', at);
    const std::string_view part = name.substr(at, dot == std::string_view::npos ? dot : dot - at);
    if (part.find("lora_") != std::string_view::npos || part == "disha" || part == "bone" || part == "base_layer" ||
        std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view start) { return part.starts_with(start); }))
      return true;
    at = dot == std::string_view::npos ? dot : dot + 1;
  }
  return false;
}

}  // namespace rookery::engine
