// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/coded_packing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "backend/common/weight_rows.h"
#include "kernels/coded_format.h"
#include "quant/blocks.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::CodedFormat;
using kernels::kTileRows;
using kernels::PackedMatrix;

namespace {

// One row's part of a packed block: what BlockParts is, but of any length.
struct RowBlock {
  std::uint16_t d = 0, m = 0;
  const std::int8_t* scales = nullptr;
  const std::uint8_t* mins = nullptr;
  const std::uint8_t* codes = nullptr;
};

void putHalf(std::byte* at, std::int64_t row, std::uint16_t value) { std::memcpy(at + 2 * row, &value, 2); }

// Writes one row of a block. `block`: the panel's block.
void writeRow(const CodedFormat& f, std::int64_t cols, std::int64_t rows, std::int64_t row, const RowBlock& in, std::byte* block) {
  const std::int64_t sub = subInputs(f, cols);
  if (f.subs > 1) {
    putHalf(block, row, in.d);
    if (f.minimum) putHalf(block + 2 * rows, row, in.m);
  }
  for (int s = 0; s < f.subs; ++s) {
    std::byte* at = block + (headBytes(f) + s * subBytes(f, cols)) * rows;
    if (f.subs > 1) {
      at[row] = static_cast<std::byte>(in.scales[s]);
      if (f.minimum) at[rows + row] = static_cast<std::byte>(in.mins[s]);
    } else {
      putHalf(at, row, in.d);
      if (f.minimum) putHalf(at + 2 * rows, row, in.m);
    }
    std::byte* codes = at + codesAt(f) * rows;
    std::byte* planes = at + planesAt(f, cols) * rows;
    const std::uint8_t* code = in.codes + s * sub;
    for (std::int64_t k = 0; k < sub; ++k) {
      if (f.bits == 8) {
        codes[k * rows + row] = static_cast<std::byte>(code[k]);
        continue;
      }
      std::byte& pair = codes[k / 2 * rows + row];
      pair = (k & 1) == 0 ? static_cast<std::byte>(code[k] & 0xFU) : pair | static_cast<std::byte>((code[k] & 0xFU) << 4U);
      for (int plane = 0; plane < f.planes; ++plane) {
        std::byte& bits = planes[(plane * sub + k) * (rows / 8) + row / 8];
        if (row % 8 == 0) bits = {};  // rows come in order
        bits |= static_cast<std::byte>((code[k] >> (4 + plane) & 1U) << (row % 8));
      }
    }
  }
}

// The rows of one matrix as blocks of the target type, read or made.
class Rows {
 public:
  Rows(const WeightView& view, DType type, const MatrixExtremes& extremes, std::int64_t block)
      : m_view(view), m_type(type), m_extremes(extremes), m_block(block),
        m_run(std::max(block, static_cast<std::int64_t>(traits(view.dtype).blockSize))), m_read(static_cast<std::size_t>(m_run * kTileRows)),
        m_codes(static_cast<std::size_t>(block)) {}

  // Row `row`, inputs from `k` on; valid until the next call.
  RowBlock at(std::int64_t row, std::int64_t k) {
    if (row >= m_view.rows) {
      m_parts = {};
      std::fill(m_codes.begin(), m_codes.end(), std::uint8_t{0});
      return isLoadOnly(m_type) ? RowBlock{0, 0, nullptr, nullptr, m_codes.data()} : ofParts();
    }
    if (!isLoadOnly(m_type) && !m_view.transposed && m_view.dtype == m_type) {
      unpackBlock(m_type, m_view.bytes.data() + byteSize(m_type, row * m_view.cols + k), m_parts);
      return ofParts();
    }
    read(row, k);
    if (!isLoadOnly(m_type)) {
      quantiseBlock(m_type, m_floats, m_parts);
      return ofParts();
    }
    return m_type == DType::FP16I8 ? betweenExtremes(row) : symmetric(m_type == DType::A16W8 ? 127 : 7);
  }

 private:
  RowBlock ofParts() const { return {m_parts.d, m_parts.m, m_parts.scales.data(), m_parts.mins.data(), m_parts.codes.data()}; }

  // The source's blocks may be longer than the target's: a whole number of both is read, and kept for the next ones.
  void read(std::int64_t row, std::int64_t k) {
    const auto slot = static_cast<std::size_t>(row % kTileRows);
    const std::int64_t begin = k / m_run * m_run;
    const auto run = std::span(m_read).subspan(slot * static_cast<std::size_t>(m_run), static_cast<std::size_t>(m_run));
    if (m_held[slot] != std::pair(row, begin)) readWeights(m_view, row, begin, run);
    m_held[slot] = {row, begin};
    m_floats = run.subspan(static_cast<std::size_t>(k - begin), static_cast<std::size_t>(m_block));
  }

  // One scale for all inputs of an output.
  RowBlock symmetric(int most) {
    float extreme = 0;
    for (const float w : m_floats) extreme = std::max(extreme, std::fabs(w));
    const std::uint16_t d = floatToHalf(extreme / static_cast<float>(most));
    const float scale = halfToFloat(d), inverse = scale != 0 ? 1.0F / scale : 0.0F;
    for (std::size_t i = 0; i < m_floats.size(); ++i) {
      const float c = std::isnan(m_floats[i]) ? 0.0F : std::clamp(std::round(m_floats[i] * inverse), static_cast<float>(-most), static_cast<float>(most));
      m_codes[i] = static_cast<std::uint8_t>(static_cast<int>(c) + (most == 7 ? 8 : 0));
    }
    return {d, 0, nullptr, nullptr, m_codes.data()};
  }

  RowBlock betweenExtremes(std::int64_t row) {
    const auto r = static_cast<std::size_t>(row);
    for (std::size_t i = 0; i < m_floats.size(); ++i) {
      const float w = m_floats[i] - m_extremes.outputOffset[r] - m_extremes.inputOffset[i];
      const float unit = w / m_extremes.outputRange[r] / m_extremes.inputRange[i] * 256.0F;
      m_codes[i] = static_cast<std::uint8_t>(std::isnan(unit) ? 0.0F : std::clamp(std::floor(unit), 0.0F, 255.0F));
    }
    return {floatToHalf(m_extremes.outputRange[r] / 16.0F), floatToHalf(m_extremes.outputOffset[r]), nullptr, nullptr, m_codes.data()};
  }

  const WeightView& m_view;
  DType m_type;
  const MatrixExtremes& m_extremes;
  std::int64_t m_block, m_run;  ///< inputs of a target's block; of what is read at once
  std::vector<float> m_read;    ///< [row of the tile][m_run]
  std::array<std::pair<std::int64_t, std::int64_t>, kTileRows> m_held = [] {
    std::array<std::pair<std::int64_t, std::int64_t>, kTileRows> none;
    none.fill({-1, -1});
    return none;
  }();                          ///< row and first input of each
  std::span<const float> m_floats;  ///< the block that was asked for
  std::vector<std::uint8_t> m_codes;
  BlockParts m_parts;
};

}  // namespace

void packCoded(const WeightView& view, DType type, const MatrixExtremes& extremes, const PackedMatrix& target, std::byte* out,
               std::int64_t tileBegin, std::int64_t tileEnd) {
  const CodedFormat f = coded(target.format);
  const std::int64_t cols = target.cols, rows = target.panelRows, panelTiles = rows / kTileRows, inputs = blockInputs(f, cols);
  Rows reader(view, type, extremes, inputs);
  std::byte* panels = out + columnBytes(f, cols);
  for (std::int64_t tile = tileBegin; tile < tileEnd; ++tile) {
    std::byte* panel = panels + tile / panelTiles * rowBytes(f, cols) * rows;
    for (std::int64_t b = 0; b < cols / inputs; ++b)
      for (std::int64_t r = 0; r < kTileRows; ++r)
        writeRow(f, cols, rows, tile % panelTiles * kTileRows + r, reader.at(tile * kTileRows + r, b * inputs), panel + b * blockBytes(f, cols) * rows);
  }
}

std::optional<MatrixExtremes> measureExtremes(const WeightView& view, const std::function<bool()>& proceed) {
  const auto rows = static_cast<std::size_t>(view.rows), cols = static_cast<std::size_t>(view.cols);
  constexpr float kMost = std::numeric_limits<float>::max();
  MatrixExtremes e{std::vector<float>(rows, kMost), std::vector<float>(rows), std::vector<float>(cols, kMost), std::vector<float>(cols)};
  std::vector<float> row(cols);
  const auto everyWeight = [&](const auto& use) {
    for (std::size_t r = 0; r < rows; ++r) {
      if (!proceed()) return false;
      readWeights(view, static_cast<std::int64_t>(r), 0, row);
      for (std::size_t k = 0; k < cols; ++k) use(r, k, row[k]);
    }
    return true;
  };
  const auto ofInputs = [&] { return everyWeight([&](std::size_t r, std::size_t k, float w) { e.inputOffset[k] = std::min(e.inputOffset[k], w - (e.outputOffset[r] == kMost ? 0 : e.outputOffset[r])); }); };
  const auto ofOutputs = [&] { return everyWeight([&](std::size_t r, std::size_t k, float w) { e.outputOffset[r] = std::min(e.outputOffset[r], w - (e.inputOffset[k] == kMost ? 0 : e.inputOffset[k])); }); };
  // The package looks at the longer side first.
  if (!(cols > rows ? ofInputs() && ofOutputs() : ofOutputs() && ofInputs())) return std::nullopt;
  const auto rest = [&](std::size_t r, std::size_t k, float w) { return w - e.outputOffset[r] - e.inputOffset[k]; };
  const auto notZero = [](std::vector<float>& ranges) { std::replace(ranges.begin(), ranges.end(), 0.0F, 1.0F); };
  if (!everyWeight([&](std::size_t r, std::size_t k, float w) { e.outputRange[r] = std::max(e.outputRange[r], rest(r, k, w)); })) return std::nullopt;
  notZero(e.outputRange);
  if (!everyWeight([&](std::size_t r, std::size_t k, float w) { e.inputRange[k] = std::max(e.inputRange[k], rest(r, k, w) / e.outputRange[r]); })) return std::nullopt;
  notZero(e.inputRange);
  return e;
}

void packColumns(const MatrixExtremes& extremes, std::byte* out) {
  const auto cols = static_cast<std::int64_t>(extremes.inputRange.size());
  for (std::int64_t k = 0; k < cols; ++k) {
    putHalf(out, k, floatToHalf(extremes.inputRange[static_cast<std::size_t>(k)] / 16.0F));
    putHalf(out, cols + k, floatToHalf(extremes.inputOffset[static_cast<std::size_t>(k)]));
  }
}

}  // namespace rookery::engine
