// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "rookery/model_file.h"

namespace rookery::engine {

/// Sound files of tensors that are no whole RWKV model, by their tensors' names: what it is and what to do. A part of a
/// model, an adapter, a tuned or saved state, another kind of model. nullopt: none of those known.
std::optional<Error> foreignModel(const ModelFile& file);

}  // namespace rookery::engine
