// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/packing.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/coded_format.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::Format;
using kernels::kQ8Block;
using kernels::kTileRows;
using kernels::PackedMatrix;

namespace {

constexpr std::int64_t kColumnsAtOnce = 512;  // a multiple of every block size; keeps the staging tile in L1

// Sixteen rows by a run of columns, row-major, in the target's element type.
class Stage {
 public:
  explicit Stage(const WeightView& view, DType target) : m_view(view), m_target(target), m_floats(kColumnsAtOnce) {
    m_rowBytes = byteSize(target, kColumnsAtOnce);
    m_bytes.resize(static_cast<std::size_t>(m_rowBytes * kTileRows));
  }

  // Fills the tile's rows for columns [k, k + count); rows past the end are zero.
  void fill(std::int64_t tile, std::int64_t k, std::int64_t count) {
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      std::byte* out = m_bytes.data() + r * m_rowBytes;
      const std::int64_t row = tile * kTileRows + r;
      if (row >= m_view.rows) {
        std::memset(out, 0, m_rowBytes);
      } else if (!m_view.transposed && m_view.dtype == m_target) {
        std::memcpy(out, m_view.bytes.data() + byteSize(m_target, row * m_view.cols + k), byteSize(m_target, count));
      } else if (m_view.dtype == m_target && traits(m_target).blockSize == 1) {  // transposed: gather
        const std::uint64_t size = byteSize(m_target, 1);
        const std::byte* in = m_view.bytes.data() + (k * m_view.rows + row) * size;
        for (std::int64_t i = 0; i < count; ++i) std::memcpy(out + i * size, in + i * m_view.rows * size, size);
      } else {
        readWeights(m_view, row, k, {m_floats.data(), static_cast<std::size_t>(count)});
        encodeFromF32(m_target, {m_floats.data(), static_cast<std::size_t>(count)},
                      {out, static_cast<std::size_t>(byteSize(m_target, count))});
      }
    }
  }

  const std::byte* row(std::int64_t r) const { return m_bytes.data() + r * m_rowBytes; }

 private:
  const WeightView& m_view;
  DType m_target;
  std::uint64_t m_rowBytes;
  std::vector<std::byte> m_bytes;
  std::vector<float> m_floats;
};

template <class Element>
void interleave(const Stage& stage, std::int64_t count, std::byte* out, std::int64_t stepBytes) {
  for (std::int64_t k = 0; k < count; ++k) {
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      std::memcpy(out + k * stepBytes + r * static_cast<std::int64_t>(sizeof(Element)),
                  stage.row(r) + k * static_cast<std::int64_t>(sizeof(Element)), sizeof(Element));
    }
  }
}

// Blocks of the file are {fp16 scale, 32 codes} per row; packed they are scales side by side, then codes side by side.
void interleaveQ8(const Stage& stage, std::int64_t count, std::byte* blockOut, std::int64_t row,
                  std::int64_t panelRows) {
  for (std::int64_t block = 0; block < count / kQ8Block; ++block) {
    std::byte* scales = blockOut + block * panelRows * (2 + kQ8Block);
    std::byte* codes = scales + panelRows * 2;
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      const std::byte* in = stage.row(r) + block * (2 + kQ8Block);
      std::memcpy(scales + (row + r) * 2, in, 2);
      for (std::int64_t k = 0; k < kQ8Block; ++k) codes[k * panelRows + row + r] = in[2 + k];
    }
  }
}

}  // namespace

void packTiles(const WeightView& view, DType type, const MatrixExtremes& extremes, const PackedMatrix& target,
               std::byte* out, std::int64_t tileBegin, std::int64_t tileEnd) {
  if (kernels::isCoded(target.format)) return packCoded(view, type, extremes, target, out, tileBegin, tileEnd);
  const std::int64_t panelTiles = target.panelRows / kTileRows;
  Stage stage(view, type);
  for (std::int64_t tile = tileBegin; tile < tileEnd; ++tile) {
    const std::int64_t panel = tile / panelTiles;
    const std::int64_t row = (tile % panelTiles) * kTileRows;
    for (std::int64_t k = 0; k < target.cols; k += kColumnsAtOnce) {
      const std::int64_t count = std::min(kColumnsAtOnce, target.cols - k);
      stage.fill(tile, k, count);
      if (target.format == Format::Q8_0) {
        const std::int64_t blocks = panel * (target.cols / kQ8Block) + k / kQ8Block;
        interleaveQ8(stage, count, out + blocks * target.panelRows * (2 + kQ8Block), row, target.panelRows);
        continue;
      }
      const std::int64_t size = static_cast<std::int64_t>(byteSize(type, 1));
      std::byte* at = out + ((panel * target.cols + k) * target.panelRows + row) * size;
      if (size == 4) {
        interleave<std::uint32_t>(stage, count, at, target.panelRows * size);
      } else {
        interleave<std::uint16_t>(stage, count, at, target.panelRows * size);
      }
    }
  }
}

std::uint64_t placedBytes(DType type, bool embedding, std::int64_t rows, std::int64_t cols) noexcept {
  const kernels::Format format = kernelFormat(type);
  if (embedding || !kernels::isCoded(format)) return byteSize(type, static_cast<std::uint64_t>(rows * cols));
  const kernels::CodedFormat f = kernels::coded(format);
  return static_cast<std::uint64_t>(columnBytes(f, cols) + rows * rowBytes(f, cols));
}

namespace {

// Runs `place(begin, end)` over [0, items) on all workers, in slices of about 32 MB of source bytes, so that a stop
// need not wait for an embedding of half a gigabyte; of 1 MB where codes are looked for, which takes about a fifth of a
// microsecond a weight.
bool inSlices(ThreadPool& pool, std::int64_t items, const WeightView& view, DType type, const ProceedFn& proceed,
              const std::function<void(std::int64_t, std::int64_t)>& place) {
  const std::uint64_t bytes = view.bytes.size();
  const bool quantises = view.dtype != type && traits(type).blockSize > 1;
  const std::uint64_t slice = quantises ? 1'000'000 : 32'000'000;
  const auto slices = static_cast<std::int64_t>(bytes / slice) + 1;
  const int workers = pool.threads();
  for (std::int64_t s = 0; s < slices; ++s) {
    const std::int64_t begin = items * s / slices, end = items * (s + 1) / slices;
    pool.run([&](int worker) {
      place(begin + (end - begin) * worker / workers, begin + (end - begin) * (worker + 1) / workers);
    });
    if (s + 1 < slices && !proceed(bytes * static_cast<std::uint64_t>(s + 1) / static_cast<std::uint64_t>(slices)))
      return false;
  }
  return true;
}

}  // namespace

bool packMatrix(const WeightView& view, DType type, std::int64_t panelRows, std::byte* out, ThreadPool& pool,
                const ProceedFn& proceed) {
  const PackedMatrix matrix{nullptr, kernelFormat(type), view.rows, view.cols, panelRows};
  MatrixExtremes extremes;
  if (type == DType::FP16I8) {
    auto measured = measureExtremes(view, [&] { return proceed(0); });
    if (!measured) return false;
    extremes = std::move(*measured);
    packColumns(extremes, out);
  }
  return inSlices(pool, matrix.tiles(), view, type, proceed, [&](std::int64_t begin, std::int64_t end) {
    packTiles(view, type, extremes, matrix, out, begin, end);
  });
}

bool packTable(const WeightView& view, DType type, std::byte* out, ThreadPool& pool, const ProceedFn& proceed) {
  return inSlices(pool, view.rows, view, type, proceed,
                  [&](std::int64_t begin, std::int64_t end) { encodeRows(view, type, out, begin, end); });
}

}  // namespace rookery::engine
