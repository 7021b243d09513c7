// SPDX-License-Identifier: GPL-3.0-or-later
// The time mixing stages: heads (version 4: channels) are shared out among the workers.
#include <algorithm>

#include "backend/cpu/cpu_executable.h"

namespace rookery::engine {

using kernels::kTileRows;

void CpuExecutable::execute(const Wkv4& op, const CompiledStage&, const Run& run, int worker) {
  const std::int64_t tiles = m_program.shape.nEmbd / kTileRows;
  const std::int64_t begin = tiles * worker / m_pool->threads() * kTileRows, end = tiles * (worker + 1) / m_pool->threads() * kTileRows;
  const auto state = [&](StateRef ref) {
    return kernels::Wkv4Args::State{static_cast<const CpuState*>(run.args.stateIn)->tensor(ref) + begin,
                                    static_cast<CpuState*>(run.args.stateOut)->tensor(ref) + begin};
  };
  kernels::Wkv4Args args;
  args.n = end - begin;
  args.tokens = run.tokens;
  args.ld = width(op.r);
  args.r = value(op.r) + begin;
  args.k = value(op.k) + begin;
  args.v = value(op.v) + begin;
  args.decay = m_weights->vector(op.decay) + begin;
  args.first = m_weights->vector(op.first) + begin;
  args.aa = state(op.aa);
  args.bb = state(op.bb);
  args.pp = state(op.pp);
  args.out = value(op.out) + begin;
  m_ops.wkv4(args);
}

// The rows of a low-rank matrix that belong to one head, times the hidden values of all tokens: [tokens][head size].
void CpuExecutable::projectHead(WeightId matrix, ValueId hidden, std::int64_t head, const Run& run, float* out) {
  const std::int64_t n = m_program.shape.headSize, headTiles = n / kTileRows;
  kernels::GemmArgs args;
  args.w = m_weights->matrix(matrix);
  args.tileBegin = head * headTiles;
  args.tileEnd = (head + 1) * headTiles;
  args.x = value(hidden);
  args.ldx = width(hidden);
  args.tokens = run.tokens;
  args.y = out;
  args.ldy = n;
  args.yFirstTile = args.tileBegin;
  m_ops.gemm(args);
}

void CpuExecutable::execute(const Wkv5& op, const CompiledStage&, const Run& run, int worker) {
  const int n = m_program.shape.headSize;
  const std::int64_t heads = m_program.shape.heads();
  float* lora = ownScratch(worker);
  float* spread[2] = {lora + m_maxTokens * static_cast<std::size_t>(n), lora + (m_maxTokens + 1) * static_cast<std::size_t>(n)};

  for (std::int64_t h = heads * worker / m_pool->threads(); h < heads * (worker + 1) / m_pool->threads(); ++h) {
    const std::int64_t at = h * n;
    // A vector of one number a head (5.0, 5.1) is spread over the head's channels.
    const auto ofHead = [&](WeightId id, float* room) -> const float* {
      const float* vector = m_weights->vector(id);
      if (m_program.weights[static_cast<std::size_t>(id)].rows != heads) return vector + at;
      std::fill_n(room, n, vector[h]);
      return room;
    };
    kernels::Wkv5Args args;
    args.n = n;
    args.tokens = run.tokens;
    args.ld = width(op.r);
    args.r = value(op.r) + at;
    args.k = value(op.k) + at;
    args.v = value(op.v) + at;
    if (op.gate != kNone) args.gate = value(op.gate) + at;
    args.decay = ofHead(op.decay, spread[0]);
    if (op.decayUp != kNone) {
      projectHead(op.decayUp, op.decayHidden, h, run, lora);
      args.decayLora = lora;
      args.ldLora = n;
    }
    args.first = ofHead(op.first, spread[1]);
    args.lnWeight = m_weights->vector(op.lnWeight) + at;
    args.lnBias = m_weights->vector(op.lnBias) + at;
    args.stateIn = static_cast<const CpuState*>(run.args.stateIn)->tensor(op.state) + at * n;
    args.stateOut = static_cast<CpuState*>(run.args.stateOut)->tensor(op.state) + at * n;
    args.out = value(op.out) + at;
    m_ops.wkv5(args);
  }
}

void CpuExecutable::execute(const Wkv7& op, const CompiledStage&, const Run& run, int worker) {
  const int n = m_program.shape.headSize;
  const std::int64_t heads = m_program.shape.heads();
  const std::int64_t ld = width(op.r);
  float* lora[4];
  for (int i = 0; i < 4; ++i) lora[i] = ownScratch(worker) + static_cast<std::size_t>(i) * m_maxTokens * static_cast<std::size_t>(n);

  for (std::int64_t h = heads * worker / m_pool->threads(); h < heads * (worker + 1) / m_pool->threads(); ++h) {
    projectHead(op.w2, op.wHidden, h, run, lora[0]);
    projectHead(op.a2, op.aHidden, h, run, lora[1]);
    if (op.vFirst != kNone) projectHead(op.v2, op.vHidden, h, run, lora[2]);
    projectHead(op.g2, op.gHidden, h, run, lora[3]);

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

}  // namespace rookery::engine
