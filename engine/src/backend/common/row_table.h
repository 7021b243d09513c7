// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

#include "quant/convert.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

/// A table of which a token reads one row (WeightRole::Embedding), in the computer's memory: rows of `type`, one after the
/// other. Owns nothing.
struct RowTable {
  const std::byte* data = nullptr;
  DType type{};
  std::size_t cols = 0;

  std::uint64_t rowBytes() const noexcept { return byteSize(type, cols); }
  /// `out`: [cols]
  void read(TokenId token, float* out) const { decodeToF32(type, {data + token * rowBytes(), rowBytes()}, {out, cols}); }
};

}  // namespace rookery::engine
