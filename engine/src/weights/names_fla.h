// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "weights/official_names.h"

namespace rookery::engine {

/// Whether a file has the names of RWKV-7 in Hugging Face form: flash-linear-attention ("fla"), and what follows it.
bool hasFlaNames(const ModelFile& file);

/// The tensors of such a file under official names. Source: fla-org/flash-linear-attention, utils/convert_from_rwkv7.py
/// and fla/layers/rwkv7.py. LoRA matrices are [out][in] there (Linear weights), lora.2.bias is w0, a0, v0; layer 0 has
/// no v_lora; tied embeddings have no lm_head (config.json says so); files of the first version hold the six mixes as
/// one tensor x_x [6, C], in the order r, w, k, v, a, g.
NamedTensors namesOfFla(const ModelFile& file);

}  // namespace rookery::engine
