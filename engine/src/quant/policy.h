// SPDX-License-Identifier: GPL-3.0-or-later
// Which format each weight gets when a model is asked to be of one precision. Loading, converting and planning all ask
// here, so that they agree. Reasons and measurements: docs/quantisation.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "rookery/dtype.h"

namespace rookery::engine {

enum class WeightPart : std::uint8_t {
  Vector,
  Embedding,    ///< one row per token: its type costs memory, not speed
  LowRank,      ///< small and sensitive
  FirstOutput,  ///< att.output of layer 0, whose errors everything after it inherits
  Head,
  Matrix,
};

/// Of a matrix that is no LoRA matrix, by its official name ("blocks.0.att.output.weight").
WeightPart matrixPart(std::string_view officialName) noexcept;

/// The type of a weight in rows of `cols` when the model's precision is `precision`. Plain types are given to everything
/// (vectors too: whoever wants them in fp32 does not ask). Rows that are no whole number of blocks become Q8_0 or fp16.
DType storedAs(DType precision, WeightPart part, std::int64_t cols) noexcept;

}  // namespace rookery::engine
