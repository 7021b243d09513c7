// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/cpu/cpu_executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "backend/common/packing.h"
#include "backend/common/runs.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::GemmArgs;
using kernels::kTileRows;
using kernels::PackedMatrix;

namespace {

kernels::Activation kernelActivation(ProgramActivation activation) {
  switch (activation) {
    case ProgramActivation::None: return kernels::Activation::None;
    case ProgramActivation::Tanh: return kernels::Activation::Tanh;
    case ProgramActivation::Sigmoid: return kernels::Activation::Sigmoid;
    case ProgramActivation::Silu: return kernels::Activation::Silu;
    case ProgramActivation::ReluSquared: return kernels::Activation::ReluSquared;
  }
  return kernels::Activation::None;
}

// Calls visit(offset in floats, n) for every [n, n] matrix that the kernels keep the other way round.
void forEachTransposed(const StateLayout& layout, const std::function<void(std::size_t, std::int64_t)>& visit) {
  if (layout.version != RwkvVersion::V7) return;  // 5 and 6 are [key][value] already
  for (int layer = 0; layer < layout.layers; ++layer) {
    for (const StateTensor& tensor : layout.tensors) {
      if (tensor.shape.size() != 3) continue;
      const std::int64_t n = tensor.shape[1];
      const std::size_t first = layout.floatsPerLayer * static_cast<std::size_t>(layer) + tensor.offset;
      for (std::size_t at = 0; at < tensor.count; at += static_cast<std::size_t>(n * n)) visit(first + at, n);
    }
  }
}

void transpose(const float* in, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) out[j * n + i] = in[i * n + j];
}

// Per worker: decode keeps one normalised row and its mixes (at most six) here; prefill two normalised rows;
// a head's LoRA outputs (w, a, v, gate) for all tokens of a chunk, or its decays and bonuses; DeepEmbed the products of
// queries and rows, and a tile of factors.
std::size_t floatsPerWorker(const ModelShape& shape) {
  const auto c = static_cast<std::size_t>(paddedWidth(shape.nEmbd)), head = static_cast<std::size_t>(shape.headSize);
  const std::size_t most = longestRun(shape);
  const std::size_t deep = shape.version == RwkvVersion::V7a ? most * (static_cast<std::size_t>(shape.rankS) + kTileRows) : 0;
  return std::max({c * 8, c * most, 4 * most * head, deep});
}

/// The matrices of a stage whose tiles workers share.
struct Matrices {
  std::vector<Gemv> operator()(const GemvGroup& op) const { return op.gemvs; }
  std::vector<Gemv> operator()(const SparseDown& op) const { return {{op.matrix, op.in, op.out}}; }
  std::vector<Gemv> operator()(const HeadGemv& op) const { return {{op.matrix, op.x, kNone}}; }
  template <class Other>
  std::vector<Gemv> operator()(const Other&) const { return {}; }
};

}  // namespace

std::vector<Scratch> cpuScratch(const Program& program, int workers) {
  return {{"activations", ActivationLayout(program.values, longestRun(program.shape)).floats() * sizeof(float)},
          {"workers", static_cast<std::uint64_t>(workers) * floatsPerWorker(program.shape) * sizeof(float)}};
}

Result<void> CpuState::upload(std::span<const float> state) {
  std::copy(state.begin(), state.end(), m_buffer.floats());
  forEachTransposed(m_layout, [&](std::size_t at, std::int64_t n) { transpose(state.data() + at, m_buffer.floats() + at, n); });
  return {};
}

Result<void> CpuState::download(std::span<float> state) const {
  std::copy_n(m_buffer.floats(), state.size(), state.begin());
  forEachTransposed(m_layout, [&](std::size_t at, std::int64_t n) { transpose(m_buffer.floats() + at, state.data() + at, n); });
  return {};
}

Result<void> CpuState::copyFrom(const DeviceState& other) {
  std::copy_n(static_cast<const CpuState&>(other).m_buffer.data(), m_buffer.bytes(), m_buffer.data());
  return {};
}

CpuExecutable::CpuExecutable(const Program& program, std::shared_ptr<const CpuWeights> weights,
                             std::shared_ptr<ThreadPool> pool)
    : m_program(program), m_weights(std::move(weights)), m_pool(std::move(pool)), m_ops(kernels::cpuOps()) {
  m_maxTokens = longestRun(program.shape);
}

Result<std::unique_ptr<Executable>> CpuExecutable::create(const Program& program, std::shared_ptr<const CpuWeights> weights,
                                                          std::shared_ptr<ThreadPool> pool, Ledger& ledger) {
  std::unique_ptr<CpuExecutable> executable(new CpuExecutable(program, std::move(weights), std::move(pool)));
  if (auto good = executable->allocate(ledger); !good) return tl::unexpected(good.error());
  executable->compile();
  return std::unique_ptr<Executable>(std::move(executable));
}

Result<void> CpuExecutable::allocate(Ledger& ledger) {
  const std::size_t workers = static_cast<std::size_t>(m_pool->threads());
  m_layout = {m_program.values, m_maxTokens};
  m_scratchFloats = floatsPerWorker(m_program.shape);
  std::array<AlignedBuffer*, 2> buffers{&m_activations, &m_scratch};
  const auto needed = cpuScratch(m_program, m_pool->threads());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    auto made = AlignedBuffer::allocate(needed[i].bytes, ledger, "scratch", needed[i].kind);
    if (!made) return tl::unexpected(made.error());
    *buffers[i] = std::move(*made);
  }
  m_active.resize(workers);
  for (auto& list : m_active) list.resize(static_cast<std::size_t>(m_program.shape.dimFfn));
  return {};
}

// Splits the tiles of all matrices of a stage into runs of about equal bytes, one run per worker.
std::vector<std::vector<CpuExecutable::Share>> CpuExecutable::shareOut(const std::vector<Gemv>& gemvs) const {
  const int workers = m_pool->threads();
  std::vector<std::vector<Share>> shares(static_cast<std::size_t>(workers));
  std::int64_t total = 0;
  for (const Gemv& gemv : gemvs) {
    const PackedMatrix& m = m_weights->matrix(gemv.matrix);
    total += kernels::packedBytes(m.format, m.rows, m.cols);
  }
  std::int64_t before = 0;
  for (std::size_t g = 0; g < gemvs.size(); ++g) {
    const PackedMatrix& m = m_weights->matrix(gemvs[g].matrix);
    const std::int64_t bytes = kernels::packedBytes(m.format, m.rows, m.cols), tiles = m.tiles();
    for (int w = 0; w < workers; ++w) {
      const auto tileAt = [&](std::int64_t part) {  // first tile of worker `part` within this matrix
        const std::int64_t wanted = total * part / workers - before;
        return std::clamp<std::int64_t>((wanted * tiles + bytes / 2) / bytes, 0, tiles);
      };
      const std::int64_t begin = tileAt(w), end = tileAt(w + 1);
      if (begin < end) shares[static_cast<std::size_t>(w)].push_back({g, begin, end});
    }
    before += bytes;
  }
  return shares;
}

void CpuExecutable::compile() {
  for (const Stage& stage : m_program.stages) {
    CompiledStage compiled;
    compiled.op = &stage.op;
    compiled.shares = shareOut(std::visit(Matrices(), stage.op));
    m_stages.push_back(std::move(compiled));
  }
  m_barriers = m_stages.size();
}

Result<void> CpuExecutable::submit(const RunArgs& args) {
  const std::lock_guard lock(m_running);
  if (auto good = checkRun(m_program, m_maxTokens, args); !good) return good;
  takeValues(m_program, m_layout, args, m_activations.floats());
  const Run run{args, static_cast<std::int64_t>(args.tokens.size())};
  bool stopped = false;
  m_pool->run([&](int worker) {
    for (const CompiledStage& stage : m_stages) {
      if (const auto* group = std::get_if<GemvGroup>(stage.op); group != nullptr && group->prologue && run.tokens > 1) {
        mixTokens(*group->prologue, run, worker);
        if (m_pool->barrier(args.stop)) break;
      }
      std::visit([&](const auto& op) { execute(op, stage, run, worker); }, *stage.op);
      if (m_pool->barrier(args.stop)) {
        if (worker == 0) stopped = true;
        break;
      }
    }
  });
  // Asked again outside: a stop in the region's very last barrier ends nothing early but still counts as stopped.
  if (stopped || args.stop.stop_requested()) return fail(ErrorCode::Cancelled, "The run was stopped.");
  handOutValues(m_program, m_layout, args, m_activations.floats());
  return {};
}

void CpuExecutable::execute(const Embed& op, const CompiledStage&, const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd;
  const auto [begin, end] = partOf(run.tokens, worker);
  for (std::int64_t t = begin; t < end; ++t) {
    float* x = value(op.out) + t * width(op.out);
    m_weights->table(op.table).read(run.args.tokens[static_cast<std::size_t>(t)], x);
    m_ops.layerNorm(x, m_weights->vector(op.lnWeight), m_weights->vector(op.lnBias), c, op.eps, x);
    if (op.copy != kNone) std::copy_n(x, c, value(op.copy) + t * width(op.copy));
  }
}

void CpuExecutable::execute(const LookUp& op, const CompiledStage&, const Run& run, int worker) {
  const auto rows = static_cast<std::int64_t>(op.rows.size());
  const auto [begin, end] = partOf(run.tokens * rows, worker);
  for (std::int64_t i = begin; i < end; ++i) {
    const LookUp::Row& row = op.rows[static_cast<std::size_t>(i % rows)];
    m_weights->table(row.table).read(run.args.tokens[static_cast<std::size_t>(i / rows)], value(row.out) + i / rows * width(row.out));
  }
}

// Rows [begin, end) of one mix, where mixes depend on the data: the mix itself plus its part of `up` times `hidden`.
void CpuExecutable::dependentMix(const NormShiftMix& op, std::size_t mix, std::int64_t begin, std::int64_t end, float* out,
                                 std::int64_t ld) {
  const std::int64_t c = m_program.shape.nEmbd, part = static_cast<std::int64_t>(mix);
  for (std::int64_t t = begin; t < end; ++t)
    std::memcpy(out + (t - begin) * ld, m_weights->vector(op.mixes[mix].mix), static_cast<std::size_t>(c) * sizeof(float));
  GemmArgs args;
  args.w = m_weights->matrix(op.up);
  args.tileBegin = args.yFirstTile = part * (c / kTileRows);
  args.tileEnd = (part + 1) * (c / kTileRows);
  args.x = value(op.hidden) + begin * width(op.hidden) + part * args.w.cols;
  args.ldx = width(op.hidden);
  args.tokens = end - begin;
  args.y = out;
  args.ldy = ld;
  args.accumulate = true;
  m_ops.gemm(args);
}

// out = the row between `current` and `previous`.
void CpuExecutable::mixRow(MixForm form, const float* current, const float* previous, const float* mix, float* out) const {
  const bool ahead = form == MixForm::TowardsPrevious;
  m_ops.lerp(ahead ? current : previous, ahead ? previous : current, mix, m_program.shape.nEmbd, out);
}

// Every worker normalises the row for itself and mixes only the inputs its matrices need.
void CpuExecutable::mixOneToken(const NormShiftMix& op, const std::vector<Share>& shares, const GemvGroup& group,
                                const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd;
  const float* previous = static_cast<const CpuState*>(run.args.stateIn)->tensor(op.shift);
  float* normalised = ownScratch(worker);
  m_ops.layerNorm(value(op.x), m_weights->vector(op.lnWeight), m_weights->vector(op.lnBias), c, op.eps, normalised);
  for (std::size_t m = 0; m < op.mixes.size(); ++m) {
    const bool needed = std::any_of(shares.begin(), shares.end(), [&](const Share& s) { return group.gemvs[s.gemv].in == op.mixes[m].out; });
    if (!needed) continue;
    float* out = normalised + (m + 1) * static_cast<std::size_t>(c);
    if (op.mixes[m].mix == kNone) {
      std::copy_n(normalised, c, out);
      continue;
    }
    if (op.up != kNone) dependentMix(op, m, 0, 1, out, c);
    mixRow(op.form, normalised, previous, op.up != kNone ? out : m_weights->vector(op.mixes[m].mix), out);
  }
  if (worker == 0)
    std::memcpy(static_cast<CpuState*>(run.args.stateOut)->tensor(op.shift), normalised, static_cast<std::size_t>(c) * sizeof(float));
}

void CpuExecutable::mixTokens(const NormShiftMix& op, const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd;
  const auto [begin, end] = partOf(run.tokens, worker);
  if (begin == end) return;
  float* rows[2] = {ownScratch(worker), ownScratch(worker) + c};
  const auto normalise = [&](std::int64_t t, float* out) {
    m_ops.layerNorm(value(op.x) + t * width(op.x), m_weights->vector(op.lnWeight), m_weights->vector(op.lnBias), c, op.eps, out);
  };
  const float* previous = static_cast<const CpuState*>(run.args.stateIn)->tensor(op.shift);
  if (begin > 0) {
    normalise(begin - 1, rows[(begin - 1) & 1]);
    previous = rows[(begin - 1) & 1];
  }
  if (op.up != kNone) {
    for (std::size_t m = 0; m < op.mixes.size(); ++m) {
      const ValueId out = op.mixes[m].out;
      dependentMix(op, m, begin, end, value(out) + begin * width(out), width(out));
    }
  }
  for (std::int64_t t = begin; t < end; ++t) {
    float* current = rows[t & 1];
    normalise(t, current);
    for (const auto& mix : op.mixes) {
      float* out = value(mix.out) + t * width(mix.out);
      if (mix.mix == kNone) {
        std::copy_n(current, c, out);
        continue;
      }
      mixRow(op.form, current, previous, op.up != kNone ? out : m_weights->vector(mix.mix), out);
    }
    previous = current;
  }
  if (end == run.tokens)
    std::memcpy(static_cast<CpuState*>(run.args.stateOut)->tensor(op.shift), previous, static_cast<std::size_t>(c) * sizeof(float));
}

void CpuExecutable::execute(const GemvGroup& op, const CompiledStage& stage, const Run& run, int worker) {
  const std::vector<Share>& shares = stage.shares[static_cast<std::size_t>(worker)];
  const bool ownInputs = op.prologue && run.tokens == 1;
  if (ownInputs) mixOneToken(*op.prologue, shares, op, run, worker);
  for (const Share& share : shares) {
    const Gemv& gemv = op.gemvs[share.gemv];
    GemmArgs args;
    args.w = m_weights->matrix(gemv.matrix);
    args.tileBegin = share.tileBegin;
    args.tileEnd = share.tileEnd;
    args.tokens = run.tokens;
    args.x = value(gemv.in);
    args.ldx = width(gemv.in);
    if (ownInputs) {
      const auto& mixes = op.prologue->mixes;
      const auto mix = std::find_if(mixes.begin(), mixes.end(), [&](const auto& m) { return m.out == gemv.in; });
      args.x = ownScratch(worker) + (mix - mixes.begin() + 1) * m_program.shape.nEmbd;
    }
    args.y = value(gemv.out);
    args.ldy = width(gemv.out);
    args.activation = kernelActivation(gemv.activation);
    args.accumulate = gemv.accumulate;
    m_ops.gemm(args);
  }
}

// Workers share the tokens of a chunk, or of a few tokens the outputs.
void CpuExecutable::execute(const DeepEmbed& op, const CompiledStage&, const Run& run, int worker) {
  const PackedMatrix& w = m_weights->matrix(op.s2);
  const float* s0 = m_weights->vector(op.s0);
  const bool byToken = run.tokens >= m_pool->threads();
  const auto [tokenBegin, tokenEnd] = byToken ? partOf(run.tokens, worker) : std::pair(std::int64_t{0}, run.tokens);
  const auto [tileBegin, tileEnd] = byToken ? std::pair(std::int64_t{0}, w.tiles()) : partOf(w.tiles(), worker);
  if (tokenBegin == tokenEnd || tileBegin == tileEnd) return;
  const std::int64_t rank = w.cols, tokens = tokenEnd - tokenBegin;
  float* products = ownScratch(worker);  // [tokens][rank]
  float* factors = products + tokens * rank;
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* query = value(op.query) + (tokenBegin + t) * width(op.query);
    const float* row = value(op.row) + (tokenBegin + t) * width(op.row);
    float* out = products + t * rank;
    std::fill_n(out, rank, 0.0F);
    for (std::int64_t i = 0; i < rank; ++i)
      for (std::int64_t j = 0; j < rank; ++j) out[j] += query[i] * row[i * rank + j];
  }
  GemmArgs args;
  args.w = w;
  args.x = products;
  args.ldx = rank;
  args.tokens = tokens;
  args.y = factors;
  args.ldy = kTileRows;
  for (std::int64_t tile = tileBegin; tile < tileEnd; ++tile) {
    args.tileBegin = args.yFirstTile = tile;
    args.tileEnd = tile + 1;
    m_ops.gemm(args);
    const std::int64_t first = tile * kTileRows, count = std::min<std::int64_t>(kTileRows, w.rows - first);
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* hidden = value(op.hidden) + (tokenBegin + t) * width(op.hidden) + first;
      for (std::int64_t i = 0; i < count; ++i) hidden[i] *= s0[first + i] + factors[t * kTileRows + i];
    }
  }
}

void CpuExecutable::execute(const SparseDown& op, const CompiledStage& stage, const Run& run, int worker) {
  const PackedMatrix& w = m_weights->matrix(op.matrix);
  const float* x = value(op.in);
  const float* gate = op.gate == kNone ? nullptr : value(op.gate);
  for (const Share& share : stage.shares[static_cast<std::size_t>(worker)]) {
    if (run.tokens == 1 && w.panelRows > kTileRows) {
      std::int32_t* active = m_active[static_cast<std::size_t>(worker)].data();
      std::int64_t count = 0;
      for (std::int32_t k = 0; k < static_cast<std::int32_t>(w.cols); ++k) {
        active[count] = k;
        count += x[k] != 0.0F ? 1 : 0;
      }
      m_ops.sparseGemv({w, share.tileBegin, share.tileEnd, x, active, count, value(op.out), gate});
      continue;
    }
    GemmArgs args;
    args.w = w;
    args.tileBegin = share.tileBegin;
    args.tileEnd = share.tileEnd;
    args.x = x;
    args.ldx = width(op.in);
    args.tokens = run.tokens;
    args.y = value(op.out);
    args.ldy = width(op.out);
    args.accumulate = true;
    args.gate = gate;
    if (gate != nullptr) args.ldGate = width(op.gate);
    m_ops.gemm(args);
  }
}

void CpuExecutable::execute(const HeadGemv& op, const CompiledStage& stage, const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd, vocab = m_program.shape.vocab;
  const std::int64_t rows = static_cast<std::int64_t>(run.args.logitRows.size());
  if (rows == 0) return;
  float* normalised = ownScratch(worker);  // every worker for itself: the rows are few
  for (std::int64_t r = 0; r < rows; ++r) {
    m_ops.layerNorm(value(op.x) + run.args.logitRows[static_cast<std::size_t>(r)] * width(op.x),
                    m_weights->vector(op.lnWeight), m_weights->vector(op.lnBias), c, op.eps, normalised + r * c);
  }
  for (const Share& share : stage.shares[static_cast<std::size_t>(worker)]) {
    GemmArgs args;
    args.w = m_weights->matrix(op.matrix);
    args.tileBegin = share.tileBegin;
    args.tileEnd = std::min(share.tileEnd, vocab / kTileRows);
    args.x = normalised;
    args.ldx = c;
    args.tokens = rows;
    args.y = run.args.logits.data();
    args.ldy = vocab;
    if (args.tileBegin < args.tileEnd) m_ops.gemm(args);
    if (share.tileEnd * kTileRows <= vocab) continue;
    // The last tile sticks out over the vocabulary: row by row through a tile of its own.
    for (std::int64_t r = 0; r < rows; ++r) {
      float tile[kTileRows];
      args.tileBegin = args.yFirstTile = vocab / kTileRows;
      args.tileEnd = share.tileEnd;
      args.x = normalised + r * c;
      args.tokens = 1;
      args.y = tile;
      m_ops.gemm(args);
      std::copy_n(tile, vocab % kTileRows, run.args.logits.data() + r * vocab + args.tileBegin * kTileRows);
    }
  }
}

}  // namespace rookery::engine
