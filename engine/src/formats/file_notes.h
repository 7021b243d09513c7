// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace rookery::engine {

// What the readers themselves put into a file's metadata.

/// What a trainer's wrapper had before all official names, "module."; it is no part of the tensors' names here.
inline constexpr std::string_view kPrefixNote = "rookery.prefix";
/// The ways to the other whole models of a checkpoint, "ema, best.ema": copies of the one that was read.
inline constexpr std::string_view kOtherModelsNote = "rookery.other_models";
/// With a tensor's name behind it: a tensor that is there but not read, and why: "type complex128", "block format TQ1_0".
inline constexpr std::string_view kNotReadNote = "rookery.not_read.";

}  // namespace rookery::engine
