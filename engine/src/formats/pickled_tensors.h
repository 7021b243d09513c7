// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/pickle.h"

namespace rookery::engine {

struct PickledTensor {
  std::string name;
  std::uint32_t node = 0;  ///< of kind Tensor
};

/// The tensors of a pickle, in its order. A name is the keys of the dictionaries and the positions in the lists on the
/// way to the tensor, joined by dots: "emb.weight", "0", "tmix.0.x". Dictionaries around the one that holds the tensors
/// (a step count beside it) are left out of the names: of {"state": [a, b], "step": 3} come "0" and "1".
/// FormatUnknown: there are none. FileDamaged: nested or repeated beyond what files are.
Result<std::vector<PickledTensor>> pickledTensors(const PickleGraph& graph);

}  // namespace rookery::engine
