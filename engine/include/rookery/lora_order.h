// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "rookery/model_file.h"

namespace rookery::engine {

/// Where all LoRA matrices of a model's file are square, so that nothing in it shows which way they lie: whether they
/// are read as [out, in], web-rwkv's way, or as [in, out], the official one; the suffix decides. nullopt: the file
/// shows it.
std::optional<bool> squareLoraOutIn(const ModelFile& file);

}  // namespace rookery::engine
