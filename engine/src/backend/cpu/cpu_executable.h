// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "backend/common/activations.h"
#include "backend/common/backend.h"
#include "backend/common/registry.h"
#include "backend/common/runs.h"
#include "backend/common/thread_pool.h"
#include "backend/cpu/cpu_weights.h"
#include "kernels/cpu/cpu_ops.h"

namespace rookery::engine {

/// The state on the CPU: the canonical layout, except that the WKV matrices of version 7 are transposed to
/// [key][value], so that the kernel's lanes run over values and need no horizontal sums.
class CpuState final : public DeviceState {
 public:
  CpuState(StateLayout layout, AlignedBuffer buffer) : m_layout(std::move(layout)), m_buffer(std::move(buffer)) {}
  Result<void> upload(std::span<const float> state) override;
  Result<void> download(std::span<float> state) const override;
  Result<void> copyFrom(const DeviceState& other) override;

  float* tensor(StateRef ref) { return m_buffer.floats() + stateOffset(m_layout, ref); }
  const float* tensor(StateRef ref) const { return m_buffer.floats() + stateOffset(m_layout, ref); }

 private:
  StateLayout m_layout;
  AlignedBuffer m_buffer;
};

/// Activations of the longest run, and what the workers have for themselves.
std::vector<Scratch> cpuScratch(const Program& program, int workers);

/// Runs a program inside one parallel region: every worker walks all stages and does its share of each; a barrier
/// ends a stage. With one token (decode) the prologue of a matrix group is computed by every worker for itself,
/// which is cheaper than one more barrier; with more tokens its rows are shared out.
class CpuExecutable final : public Executable {
 public:
  static Result<std::unique_ptr<Executable>> create(const Program& program, std::shared_ptr<const CpuWeights> weights,
                                                    std::shared_ptr<ThreadPool> pool, Ledger& ledger);

  std::size_t maxTokens() const noexcept override { return m_maxTokens; }
  Result<void> submit(const RunArgs& args) override;
  std::size_t barriersPerToken() const noexcept { return m_barriers; }

 private:
  /// A worker's part of one matrix.
  struct Share {
    std::size_t gemv = 0;
    std::int64_t tileBegin = 0, tileEnd = 0;
  };
  struct CompiledStage {
    const Op* op = nullptr;
    std::vector<std::vector<Share>> shares;  ///< [worker]; of stages with matrices
  };
  /// What one run needs to know; the same for all workers.
  struct Run {
    const RunArgs& args;
    std::int64_t tokens;
  };

  CpuExecutable(const Program& program, std::shared_ptr<const CpuWeights> weights, std::shared_ptr<ThreadPool> pool);
  Result<void> allocate(Ledger& ledger);
  void compile();
  std::vector<std::vector<Share>> shareOut(const std::vector<Gemv>& gemvs) const;

  // One for each operation: std::visit refuses to compile without.
  void execute(const Embed& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const LookUp& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const GemvGroup& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const Wkv4& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const Wkv5& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const Wkv7& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const DeepEmbed& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const SparseDown& op, const CompiledStage& stage, const Run& run, int worker);
  void execute(const HeadGemv& op, const CompiledStage& stage, const Run& run, int worker);
  void projectHead(WeightId matrix, ValueId hidden, std::int64_t head, const Run& run, float* out);
  void mixOneToken(const NormShiftMix& op, const std::vector<Share>& shares, const GemvGroup& group, const Run& run,
                   int worker);
  void mixTokens(const NormShiftMix& op, const Run& run, int worker);
  void dependentMix(const NormShiftMix& op, std::size_t mix, std::int64_t begin, std::int64_t end, float* out, std::int64_t ld);
  /// Items [first, second) of `all` that are a worker's when all share them.
  std::pair<std::int64_t, std::int64_t> partOf(std::int64_t all, int worker) const {
    return {all * worker / m_pool->threads(), all * (worker + 1) / m_pool->threads()};
  }
  void mixRow(MixForm form, const float* current, const float* previous, const float* mix, float* out) const;

  float* value(ValueId id) { return m_activations.floats() + m_layout.offset(id); }
  std::int64_t width(ValueId id) const { return static_cast<std::int64_t>(m_layout.width(id)); }
  float* ownScratch(int worker) { return m_scratch.floats() + m_scratchFloats * static_cast<std::size_t>(worker); }

  Program m_program;
  std::shared_ptr<const CpuWeights> m_weights;
  std::shared_ptr<ThreadPool> m_pool;
  const kernels::CpuOps& m_ops;
  std::size_t m_maxTokens = 0;
  std::size_t m_barriers = 0;
  std::vector<CompiledStage> m_stages;
  ActivationLayout m_layout;
  AlignedBuffer m_activations;
  AlignedBuffer m_scratch;              ///< private to each worker
  std::size_t m_scratchFloats = 0;
  std::vector<std::vector<std::int32_t>> m_active;  ///< [worker]: non-zero inputs of a SparseDown
  std::mutex m_running;
};

}  // namespace rookery::engine
