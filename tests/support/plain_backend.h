// SPDX-License-Identifier: GPL-3.0-or-later
// A third backend, as small as one can be: memory is arrays of the host, kernels are the scalar ones, step after step.
// What is not here is what backend/common/ gives every device.
#pragma once

#include <algorithm>

#include "backend/common/activations.h"
#include "backend/common/lowering.h"
#include "backend/common/placer.h"
#include "backend/common/runs.h"
#include "kernels/cpu/cpu_ops.h"

namespace rookery::engine {

using kernels::GemmArgs;
using kernels::kTileRows;
constexpr std::size_t zu(std::int64_t n) { return static_cast<std::size_t>(n); }

struct PlainMemory final : WeightMemory {
  std::vector<std::vector<std::byte>> buffers;  // by component; empty for those that stay with the host
  Result<void> allocate(const Placement& placement) override {
    for (const auto& component : placement.components) buffers.emplace_back(component.onHost ? 0 : component.bytes);
    return {};
  }
  std::byte* open(const WeightPlacement& place) override { return buffers[place.component].data() + place.offset; }
  Result<void> close(const WeightPlacement&) override { return {}; }
};

struct PlainWeights final : PlacedWeights {
  mutable PlainMemory memory;
  PlacedLayout layout;
  std::uint64_t bytesPerToken() const noexcept override { return layout.bytesPerToken; }
  const std::byte* at(WeightId id) const { return memory.open(layout.placement.weights[zu(id)]); }
  const float* vector(WeightId id) const { return reinterpret_cast<const float*>(at(id)); }
  const kernels::PackedMatrix& matrix(WeightId id) const { return layout.matrices[zu(id)]; }
};

struct PlainState final : DeviceState {
  explicit PlainState(StateLayout layout_) : layout(std::move(layout_)), floats(layout.floats()) {}
  StateLayout layout;
  mutable std::vector<float> floats;
  static Result<void> copy(std::span<const float> from, std::span<float> to) {
    std::copy(from.begin(), from.end(), to.begin());
    return {};
  }
  Result<void> upload(std::span<const float> state) override { return copy(state, floats); }
  Result<void> download(std::span<float> state) const override { return copy(floats, state); }
  Result<void> copyFrom(const DeviceState& other) override { return other.download(floats); }
  float* at(StateRef ref) const { return &floats[stateOffset(layout, ref)]; }
};

class PlainExecutable final : public Executable {
 public:
  PlainExecutable(const Program& program, std::shared_ptr<const PlainWeights> weights)
      : m_program(program), m_lowered(lower(m_program)), m_weights(std::move(weights)),
        m_maxTokens(longestRun(program.shape)), m_layout(m_lowered.values, m_maxTokens),
        m_exchange(m_program, m_maxTokens), m_activations(m_layout.floats()), m_inputs(m_exchange.inputs.floats()) {}

  std::size_t maxTokens() const noexcept override { return m_maxTokens; }
  Result<void> submit(const RunArgs& args) override {
    if (auto good = checkRun(m_program, m_maxTokens, args); !good) return good;
    m_args = &args;
    takeInputs(m_program, m_exchange, m_weights->layout.tables, args, m_inputs.data());
    for (const ValueId id : m_exchange.copied)
      std::copy_n(&m_inputs[m_exchange.inputs.offset(id)], args.tokens.size() * m_layout.width(id), at(id));
    for (const Step& step : m_lowered.steps) {
      m_rows = step.head ? args.logitRows.size() : args.tokens.size();
      if (m_rows > 0) std::visit(*this, step.op);
    }
    handOutValues(m_program, m_layout, args, m_activations.data());
    return {};
  }

  void operator()(const NormRows& op) {
    for (std::size_t r = 0; r < m_rows; ++r) {
      const float* from = op.from != kNone ? at(op.from, m_args->logitRows[r]) : &m_inputs[r * zu(c())];
      norm(from, op.weight, op.bias, op.eps, at(op.out, r));
      if (op.copy != kNone) std::copy_n(at(op.out, r), c(), at(op.copy, r));
    }
  }

  void operator()(const Products& op) {
    if (op.mix != nullptr) mix(*op.mix);
    for (const Gemv& gemv : op.gemvs) {
      GemmArgs args = whole(gemv.matrix, gemv.in);
      std::vector<float> logits(gemv.out == kNone ? m_rows * zu(args.w.paddedRows()) : 0);
      args.y = gemv.out == kNone ? logits.data() : at(gemv.out);
      args.ldy = gemv.out == kNone ? args.w.paddedRows() : ld(gemv.out);
      args.activation = static_cast<kernels::Activation>(gemv.activation);
      args.accumulate = gemv.accumulate;
      args.gate = channel(op.gate, 0);
      args.ldGate = ld(op.gate);
      m_ops.gemm(args);
      for (std::size_t r = 0; gemv.out == kNone && r < m_rows; ++r)
        std::copy_n(&logits[r * zu(args.ldy)], args.w.rows, &m_args->logits[r * zu(args.w.rows)]);
    }
  }
  void operator()(const Wkv4& op) {
    const auto state = [&](StateRef ref) { return kernels::Wkv4Args::State{stateIn(ref), stateOut(ref)}; };
    m_ops.wkv4({c(), tokens(), ld(op.r), at(op.r), at(op.k), at(op.v), m_weights->vector(op.decay),
                m_weights->vector(op.first), state(op.aa), state(op.bb), state(op.pp), at(op.out)});
  }
  void operator()(const Wkv5Step& step) {
    const Wkv5& op = step.op;
    const int n = m_program.shape.headSize;
    for (std::int64_t h = 0; h < m_program.shape.heads(); ++h) {
      const std::int64_t first = h * n;
      // A vector of one number a head (5.0, 5.1) is spread over the head's channels.
      const auto ofHead = [&](WeightId id) {
        const float* vector = m_weights->vector(id);
        const bool one = m_program.weights[zu(id)].rows == m_program.shape.heads();
        return one ? std::vector<float>(zu(n), vector[h]) : std::vector<float>(vector + first, vector + first + n);
      };
      const auto decay = ofHead(op.decay), bonus = ofHead(op.first);
      m_ops.wkv5({n, tokens(), ld(op.r), at(op.r) + first, at(op.k) + first, at(op.v) + first, channel(op.gate, first),
                  decay.data(), channel(step.decayUp, first), ld(step.decayUp), bonus.data(),
                  m_weights->vector(op.lnWeight) + first, m_weights->vector(op.lnBias) + first,
                  stateIn(op.state) + first * n, stateOut(op.state) + first * n, at(op.out) + first});
    }
  }
  void operator()(const Wkv7Step& step) {
    const Wkv7& op = step.op;
    const int n = m_program.shape.headSize;
    for (std::int64_t h = 0; h < m_program.shape.heads(); ++h) {
      const std::int64_t first = h * n;
      const auto vector = [&](WeightId id) { return m_weights->vector(id) + first; };
      const std::vector<float> in = transposed(stateIn(op.state) + first * n, n);  // the kernel's state is [key][value]
      std::vector<float> out(in.size());
      const bool later = op.vFirst != kNone;  // than layer 0
      m_ops.wkv7({n, tokens(), ld(op.r), at(op.r) + first, at(op.k) + first, at(op.v) + first,
                  channel(op.vFirst, first), ld(step.w), at(step.w) + first, at(step.a) + first,
                  later ? at(step.v) + first : nullptr, at(step.g) + first, vector(op.w0), vector(op.a0),
                  later ? vector(op.v0) : nullptr, vector(op.kK),
                  vector(op.kA), vector(op.rK), vector(op.lnWeight), vector(op.lnBias), in.data(), out.data(),
                  at(op.out) + first});
      const auto back = transposed(out.data(), n);
      std::copy(back.begin(), back.end(), stateOut(op.state) + first * n);
    }
  }
  void operator()(const DeepEmbed& op) {
    const auto w = m_weights->matrix(op.s2);
    std::vector<float> product(zu(w.cols)), factor(zu(w.paddedRows()));
    for (std::size_t t = 0; t < m_rows; ++t) {
      for (std::int64_t j = 0; j < w.cols; ++j) {
        float sum = 0;
        for (std::int64_t i = 0; i < w.cols; ++i) sum += at(op.query, t)[i] * at(op.row, t)[i * w.cols + j];
        product[zu(j)] = sum;
      }
      m_ops.gemm({.w = w, .tileEnd = w.tiles(), .x = product.data(), .ldx = w.cols, .tokens = 1, .y = factor.data(),
                  .ldy = w.paddedRows()});
      for (std::int64_t i = 0; i < w.rows; ++i) at(op.hidden, t)[i] *= m_weights->vector(op.s0)[i] + factor[zu(i)];
    }
  }

 private:
  void mix(const NormShiftMix& op) {
    std::vector<float> now(zu(c())), before(stateIn(op.shift), stateIn(op.shift) + c());
    for (std::size_t t = 0; t < m_rows; ++t) {
      norm(at(op.x, t), op.lnWeight, op.lnBias, op.eps, now.data());
      for (std::size_t m = 0; m < op.mixes.size(); ++m) {
        const auto& [weight, out] = op.mixes[m];
        const std::vector<float> amount = weight == kNone ? std::vector<float>(now.size()) : mixOf(op, m, t);
        const bool ahead = op.form == MixForm::TowardsPrevious || weight == kNone;
        const auto& from = ahead ? now : before;
        m_ops.lerp(from.data(), (ahead ? before : now).data(), amount.data(), c(), at(out, t));
      }
      before = now;
    }
    std::copy(before.begin(), before.end(), stateOut(op.shift));
  }

  /// Of version 6 with its part of `up` times `hidden`.
  std::vector<float> mixOf(const NormShiftMix& op, std::size_t m, std::size_t t) {
    const float* weight = m_weights->vector(op.mixes[m].mix);
    std::vector<float> amount(weight, weight + c());
    if (op.up == kNone) return amount;
    GemmArgs args = whole(op.up, op.hidden);
    args.tileBegin = args.yFirstTile = static_cast<std::int64_t>(m) * c() / kTileRows;
    args.tileEnd = args.tileBegin + c() / kTileRows;
    args.x = at(op.hidden, t) + static_cast<std::int64_t>(m) * args.w.cols;
    args.tokens = 1;
    args.y = amount.data();
    args.ldy = c();
    args.accumulate = true;
    m_ops.gemm(args);
    return amount;
  }

  void norm(const float* x, WeightId weight, WeightId bias, float eps, float* out) {
    m_ops.layerNorm(x, m_weights->vector(weight), m_weights->vector(bias), c(), eps, out);
  }
  GemmArgs whole(WeightId matrix, ValueId in) {
    const kernels::PackedMatrix w = m_weights->matrix(matrix);
    return {.w = w, .tileEnd = w.tiles(), .x = at(in), .ldx = ld(in), .tokens = static_cast<std::int64_t>(m_rows)};
  }
  static std::vector<float> transposed(const float* matrix, int n) {
    std::vector<float> out(zu(n * n));
    for (int i = 0; i < n * n; ++i) out[zu(i % n * n + i / n)] = matrix[i];
    return out;
  }
  std::int64_t c() const { return m_program.shape.nEmbd; }
  std::int64_t tokens() const { return static_cast<std::int64_t>(m_args->tokens.size()); }
  std::int64_t ld(ValueId id) const { return id == kNone ? 0 : static_cast<std::int64_t>(m_layout.width(id)); }
  float* at(ValueId id, std::size_t row = 0) { return &m_activations[m_layout.offset(id) + row * m_layout.width(id)]; }
  const float* channel(ValueId id, std::int64_t first) { return id == kNone ? nullptr : at(id) + first; }
  const float* stateIn(StateRef ref) const { return static_cast<const PlainState&>(*m_args->stateIn).at(ref); }
  float* stateOut(StateRef ref) const { return static_cast<const PlainState&>(*m_args->stateOut).at(ref); }

  Program m_program;
  LoweredProgram m_lowered;
  std::shared_ptr<const PlainWeights> m_weights;
  std::size_t m_maxTokens;
  ActivationLayout m_layout;
  HostExchange m_exchange;
  std::vector<float> m_activations, m_inputs;
  const kernels::CpuOps& m_ops = *kernels::cpuOpsByName("scalar");
  const RunArgs* m_args = nullptr;
  std::size_t m_rows = 0;  ///< of the step
};

class PlainBackend final : public Backend {
 public:
  std::string id() const override { return "plain"; }
  DeviceInfo device() const override { return {}; }
  std::string summary() const override { return id(); }
  int threads() const noexcept override { return 1; }
  Result<std::shared_ptr<const PlacedWeights>> place(const Program& program, WeightSource& source,
                                                     const PlaceOptions& options, Ledger& ledger) override {
    ThreadPool pool(1);
    auto placed = std::make_shared<PlainWeights>();
    const DeviceTraits traits{.lowRank = LowRankTypes::Plain, .tablesOnHost = true, .skippingZerosPays = false};
    auto layout = placeWeights(program, source, options, traits, pool, placed->memory, ledger);
    if (!layout) return tl::unexpected(layout.error());
    placed->layout = std::move(*layout);
    for (WeightId id = 0; id < static_cast<WeightId>(program.weights.size()); ++id)
      if (placed->layout.matrices[zu(id)].cols > 0) placed->layout.matrices[zu(id)].data = placed->at(id);
    return placed;
  }
  Result<std::unique_ptr<Executable>> compile(const Program& program, std::shared_ptr<const PlacedWeights> weights,
                                              Ledger&, std::stop_token) override {
    return std::make_unique<PlainExecutable>(program, std::static_pointer_cast<const PlainWeights>(std::move(weights)));
  }
  Result<std::unique_ptr<DeviceState>> newState(const StateLayout& layout, Ledger&) override {
    return std::make_unique<PlainState>(layout);
  }
};

}  // namespace rookery::engine
