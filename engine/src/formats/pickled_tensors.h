// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "formats/pickle.h"
#include "rookery/model_file.h"

namespace rookery::engine {

struct PickledTensor {
  std::string name;
  std::uint32_t node = 0;  ///< of kind Tensor or OddTensor
};

struct PickledTensors {
  std::vector<PickledTensor> tensors;  ///< in the pickle's order
  /// Short texts and numbers beside the tensors and in the outermost dictionary, where their keys have no dot in them;
  /// and kOtherModelsNote (file_notes.h).
  std::vector<std::pair<std::string, MetaValue>> values;
};

/// The tensors of a pickle. One dictionary in it holds emb.weight (under a prefix or not): then those of that dictionary,
/// under its keys, and adapters from anywhere else. Otherwise all; a name is the keys of the dictionaries and the
/// positions in the lists on the way to the tensor, joined by dots: "emb.weight", "0", "tmix.0.x". Dictionaries around
/// the one that holds the tensors are left out of the names: of {"state": [a, b], "step": 3} come "0" and "1".
/// FormatUnknown: there are none, or those of several models. FileDamaged: nested or repeated beyond what files are.
Result<PickledTensors> pickledTensors(const PickleGraph& graph);

}  // namespace rookery::engine
