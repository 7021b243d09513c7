// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/cpu/cpu_executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "backend/cpu/packing.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::GemmArgs;
using kernels::kTileRows;
using kernels::PackedMatrix;

namespace {

std::int64_t padded(std::int64_t width) { return (width + kTileRows - 1) / kTileRows * kTileRows; }

kernels::Activation kernelActivation(ProgramActivation activation) {
  switch (activation) {
    case ProgramActivation::None: return kernels::Activation::None;
    case ProgramActivation::Tanh: return kernels::Activation::Tanh;
    case ProgramActivation::Sigmoid: return kernels::Activation::Sigmoid;
    case ProgramActivation::ReluSquared: return kernels::Activation::ReluSquared;
  }
  return kernels::Activation::None;
}

// Rows of a chunk: enough to use each loaded weight many times, few enough that big models stop within 100 ms
// between two stages and that the activations stay small beside the weights.
std::size_t chunkFor(const ModelShape& shape) {
  const std::int64_t work = std::int64_t{shape.nEmbd} * shape.dimFfn;
  return work <= std::int64_t{2048} * 8192 ? 256 : work <= std::int64_t{2560} * 10240 ? 128 : 64;
}

}  // namespace

void CpuState::upload(const State& state) {
  std::memcpy(m_buffer.floats(), state.data().data(), state.data().size_bytes());
  for (int layer = 0; layer < m_layout.layers; ++layer) {
    for (std::size_t t = 0; t < m_layout.tensors.size(); ++t) {
      const StateTensor& tensor = m_layout.tensors[t];
      if (tensor.shape.size() != 3) continue;
      const std::int64_t heads = tensor.shape[0], n = tensor.shape[1];
      const auto in = state.tensor(tensor.name, layer);
      float* out = this->tensor({layer, static_cast<int>(t)});
      for (std::int64_t h = 0; h < heads; ++h)
        for (std::int64_t i = 0; i < n; ++i)
          for (std::int64_t j = 0; j < n; ++j) out[(h * n + j) * n + i] = in[static_cast<std::size_t>((h * n + i) * n + j)];
    }
  }
}

void CpuState::download(State& state) const {
  std::memcpy(state.data().data(), m_buffer.floats(), state.data().size_bytes());
  for (int layer = 0; layer < m_layout.layers; ++layer) {
    for (std::size_t t = 0; t < m_layout.tensors.size(); ++t) {
      const StateTensor& tensor = m_layout.tensors[t];
      if (tensor.shape.size() != 3) continue;
      const std::int64_t heads = tensor.shape[0], n = tensor.shape[1];
      const float* in = this->tensor({layer, static_cast<int>(t)});
      const auto out = state.tensor(tensor.name, layer);
      for (std::int64_t h = 0; h < heads; ++h)
        for (std::int64_t i = 0; i < n; ++i)
          for (std::int64_t j = 0; j < n; ++j) out[static_cast<std::size_t>((h * n + i) * n + j)] = in[(h * n + j) * n + i];
    }
  }
}

void CpuState::copyFrom(const DeviceState& other) {
  std::memcpy(m_buffer.data(), static_cast<const CpuState&>(other).m_buffer.data(), m_buffer.bytes());
}

CpuExecutable::CpuExecutable(const Program& program, std::shared_ptr<const CpuWeights> weights,
                             std::shared_ptr<ThreadPool> pool)
    : m_program(program), m_weights(std::move(weights)), m_pool(std::move(pool)), m_ops(kernels::cpuOps()) {
  m_maxTokens = chunkFor(program.shape);
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
  std::size_t floats = 0;
  std::vector<std::size_t> offsets;
  for (const Value& value : m_program.values) {
    m_widths.push_back(padded(value.width));
    offsets.push_back(floats);
    floats += static_cast<std::size_t>(m_widths.back()) * m_maxTokens;
  }
  auto activations = AlignedBuffer::allocate(floats * sizeof(float), ledger, "scratch", "activations");
  if (!activations) return tl::unexpected(activations.error());
  m_activations = std::move(*activations);
  for (const std::size_t offset : offsets) m_values.push_back(m_activations.floats() + offset);

  // Per worker: decode keeps one normalised row and its mixes (at most six) here; prefill two normalised rows;
  // a head's LoRA outputs (w, a, v, gate) for all tokens of a chunk.
  const std::size_t c = static_cast<std::size_t>(padded(m_program.shape.nEmbd));
  const std::size_t head = static_cast<std::size_t>(m_program.shape.headSize);
  m_scratchFloats = std::max({c * 8, c * m_maxTokens, 4 * m_maxTokens * head});
  auto scratch = AlignedBuffer::allocate(workers * m_scratchFloats * sizeof(float), ledger, "scratch", "workers");
  if (!scratch) return tl::unexpected(scratch.error());
  m_scratch = std::move(*scratch);
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
    if (const auto* group = std::get_if<GemvGroup>(&stage.op)) compiled.shares = shareOut(group->gemvs);
    if (const auto* down = std::get_if<SparseDown>(&stage.op)) compiled.shares = shareOut({{down->matrix, down->in, down->out}});
    if (const auto* head = std::get_if<HeadGemv>(&stage.op)) compiled.shares = shareOut({{head->matrix, head->x, kNone}});
    m_stages.push_back(std::move(compiled));
  }
  m_barriers = m_stages.size();
}

Result<void> CpuExecutable::submit(const RunArgs& args) {
  const std::lock_guard lock(m_running);
  if (args.tokens.empty() || args.tokens.size() > m_maxTokens || args.stateIn == nullptr || args.stateOut == nullptr ||
      args.stateIn == args.stateOut ||
      args.logits.size() != args.logitRows.size() * static_cast<std::size_t>(m_program.shape.vocab))
    return fail(ErrorCode::InvalidArgument, "A run was asked for with arguments outside its contract.");
  for (const TokenId token : args.tokens) {
    if (token >= static_cast<TokenId>(m_program.shape.vocab))
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("Token {} is outside the model's vocabulary of {}.", token, m_program.shape.vocab));
  }
  const Run run{args, static_cast<std::int64_t>(args.tokens.size())};
  bool stopped = false;
  m_pool->run([&](int worker) {
    for (const CompiledStage& stage : m_stages) {
      if (const auto* op = std::get_if<GemvGroup>(stage.op)) {
        if (op->prologue && run.tokens > 1) {
          mixTokens(*op->prologue, run, worker);
          if (m_pool->barrier(args.stop)) break;
        }
        execute(*op, stage, run, worker);
      } else if (const auto* wkv = std::get_if<Wkv7>(stage.op)) {
        execute(*wkv, run, worker);
      } else if (const auto* down = std::get_if<SparseDown>(stage.op)) {
        execute(*down, stage, run, worker);
      } else if (const auto* embed = std::get_if<Embed>(stage.op)) {
        execute(*embed, run, worker);
      } else if (const auto* head = std::get_if<HeadGemv>(stage.op)) {
        if (!args.logitRows.empty()) execute(*head, stage, run, worker);
      }
      if (m_pool->barrier(args.stop)) {
        if (worker == 0) stopped = true;
        break;
      }
    }
  });
  // Asked again outside: a stop in the region's very last barrier ends nothing early but still counts as stopped.
  if (stopped || args.stop.stop_requested()) return fail(ErrorCode::Cancelled, "The run was stopped.");
  return {};
}

void CpuExecutable::execute(const Embed& op, const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd;
  const DType type = m_weights->embeddingType();
  const std::uint64_t rowBytes = byteSize(type, static_cast<std::uint64_t>(c));
  for (std::int64_t t = run.tokens * worker / m_pool->threads(); t < run.tokens * (worker + 1) / m_pool->threads(); ++t) {
    float* x = value(op.out) + t * width(op.out);
    decodeToF32(type, {m_weights->embedding() + run.args.tokens[static_cast<std::size_t>(t)] * rowBytes, rowBytes},
                {x, static_cast<std::size_t>(c)});
    m_ops.layerNorm(x, m_weights->vector(op.lnWeight), m_weights->vector(op.lnBias), c, op.eps, x);
  }
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
    if (needed) m_ops.lerp(normalised, previous, m_weights->vector(op.mixes[m].mix), c, normalised + (m + 1) * static_cast<std::size_t>(c));
  }
  if (worker == 0)
    std::memcpy(static_cast<CpuState*>(run.args.stateOut)->tensor(op.shift), normalised, static_cast<std::size_t>(c) * sizeof(float));
}

void CpuExecutable::mixTokens(const NormShiftMix& op, const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd;
  const std::int64_t begin = run.tokens * worker / m_pool->threads(), end = run.tokens * (worker + 1) / m_pool->threads();
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
  for (std::int64_t t = begin; t < end; ++t) {
    float* current = rows[t & 1];
    normalise(t, current);
    for (const auto& mix : op.mixes)
      m_ops.lerp(current, previous, m_weights->vector(mix.mix), c, value(mix.out) + t * width(mix.out));
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

void CpuExecutable::execute(const Wkv7& op, const Run& run, int worker) {
  const int n = m_program.shape.headSize;
  const std::int64_t heads = m_program.shape.heads(), headTiles = n / kTileRows;
  const std::int64_t ld = width(op.r);
  float* lora[4];
  for (int i = 0; i < 4; ++i) lora[i] = ownScratch(worker) + static_cast<std::size_t>(i) * m_maxTokens * static_cast<std::size_t>(n);

  for (std::int64_t h = heads * worker / m_pool->threads(); h < heads * (worker + 1) / m_pool->threads(); ++h) {
    const auto project = [&](WeightId matrix, ValueId hidden, float* out) {
      GemmArgs args;
      args.w = m_weights->matrix(matrix);
      args.tileBegin = h * headTiles;
      args.tileEnd = (h + 1) * headTiles;
      args.x = value(hidden);
      args.ldx = width(hidden);
      args.tokens = run.tokens;
      args.y = out;
      args.ldy = n;
      args.yFirstTile = args.tileBegin;
      m_ops.gemm(args);
    };
    project(op.w2, op.wHidden, lora[0]);
    project(op.a2, op.aHidden, lora[1]);
    if (op.vFirst != kNone) project(op.v2, op.vHidden, lora[2]);
    project(op.g2, op.gHidden, lora[3]);

    const std::int64_t at = h * n;
    kernels::Wkv7Args args;
    args.n = n;
    args.tokens = run.tokens;
    args.ld = ld;
    args.r = value(op.r) + at;
    args.k = value(op.k) + at;
    args.v = value(op.v) + at;
    args.ldLora = n;
    args.wLora = lora[0];
    args.aLora = lora[1];
    args.gate = lora[3];
    if (op.vFirst != kNone) {
      args.vFirst = value(op.vFirst) + at;
      args.vLora = lora[2];
      args.v0 = m_weights->vector(op.v0) + at;
    }
    args.w0 = m_weights->vector(op.w0) + at;
    args.a0 = m_weights->vector(op.a0) + at;
    args.kK = m_weights->vector(op.kK) + at;
    args.kA = m_weights->vector(op.kA) + at;
    args.rK = m_weights->vector(op.rK) + at;
    args.lnWeight = m_weights->vector(op.lnWeight) + at;
    args.lnBias = m_weights->vector(op.lnBias) + at;
    args.stateIn = static_cast<const CpuState*>(run.args.stateIn)->tensor(op.state) + at * n;
    args.stateOut = static_cast<CpuState*>(run.args.stateOut)->tensor(op.state) + at * n;
    args.out = value(op.out) + at;
    m_ops.wkv7(args);
  }
}

void CpuExecutable::execute(const SparseDown& op, const CompiledStage& stage, const Run& run, int worker) {
  const PackedMatrix& w = m_weights->matrix(op.matrix);
  const float* x = value(op.in);
  for (const Share& share : stage.shares[static_cast<std::size_t>(worker)]) {
    if (run.tokens == 1 && w.panelRows > kTileRows) {
      std::int32_t* active = m_active[static_cast<std::size_t>(worker)].data();
      std::int64_t count = 0;
      for (std::int32_t k = 0; k < static_cast<std::int32_t>(w.cols); ++k) {
        active[count] = k;
        count += x[k] != 0.0F ? 1 : 0;
      }
      m_ops.sparseGemv({w, share.tileBegin, share.tileEnd, x, active, count, value(op.out)});
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
    m_ops.gemm(args);
  }
}

void CpuExecutable::execute(const HeadGemv& op, const CompiledStage& stage, const Run& run, int worker) {
  const std::int64_t c = m_program.shape.nEmbd, vocab = m_program.shape.vocab;
  const std::int64_t rows = static_cast<std::int64_t>(run.args.logitRows.size());
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
