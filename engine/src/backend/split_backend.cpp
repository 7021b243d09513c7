// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/split_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "backend/common/aligned_buffer.h"
#include "backend/common/runs.h"

namespace rookery::engine {

namespace {

class SplitWeights final : public PlacedWeights {
 public:
  std::vector<std::shared_ptr<const PlacedWeights>> parts;

  std::uint64_t bytesPerToken() const noexcept override {
    std::uint64_t sum = 0;
    for (const auto& part : parts) sum += part->bytesPerToken();
    return sum;
  }
};

/// Each device keeps the state of its own layers.
class SplitState final : public DeviceState {
 public:
  struct Part {
    std::unique_ptr<DeviceState> state;
    std::size_t offset = 0, count = 0;  ///< in floats of the whole state
  };
  std::vector<Part> parts;

  Result<void> upload(std::span<const float> state) override {
    for (const Part& part : parts)
      if (auto good = part.state->upload(state.subspan(part.offset, part.count)); !good) return good;
    return {};
  }
  Result<void> download(std::span<float> state) const override {
    for (const Part& part : parts)
      if (auto good = part.state->download(state.subspan(part.offset, part.count)); !good) return good;
    return {};
  }
  Result<void> copyFrom(const DeviceState& other) override {
    const auto& from = static_cast<const SplitState&>(other).parts;
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (auto good = parts[i].state->copyFrom(*from[i].state); !good) return good;
    return {};
  }
};

class SplitExecutable final : public Executable {
 public:
  struct Part {
    std::unique_ptr<Executable> executable;
    std::size_t valuesIn = 0, valuesOut = 0;  ///< at its boundaries
  };
  SplitExecutable(Program program, std::vector<Part> parts) : m_program(std::move(program)), m_parts(std::move(parts)) {
    m_maxTokens = m_parts.front().executable->maxTokens();
    for (const Part& part : m_parts) m_maxTokens = std::min(m_maxTokens, part.executable->maxTokens());
  }

  Result<void> allocate(Ledger& ledger) {
    std::size_t most = 0;
    for (const Part& part : m_parts) most = std::max(most, part.valuesOut);
    for (AlignedBuffer& buffer : m_boundary) {
      auto made = AlignedBuffer::allocate(most * m_maxTokens * width() * sizeof(float), ledger, "scratch", "boundary");
      if (!made) return tl::unexpected(made.error());
      buffer = std::move(*made);
    }
    return {};
  }

  std::size_t maxTokens() const noexcept override { return m_maxTokens; }

  Result<void> submit(const RunArgs& args) override {
    const std::lock_guard lock(m_running);
    if (auto good = checkRun(m_program, m_maxTokens, args); !good) return good;
    const auto& in = static_cast<const SplitState&>(*args.stateIn).parts;
    const auto& out = static_cast<SplitState&>(*args.stateOut).parts;
    const std::size_t row = args.tokens.size() * width();
    for (std::size_t i = 0; i < m_parts.size(); ++i) {
      if (args.stop.stop_requested()) return fail(ErrorCode::Cancelled, "The run was stopped.");
      const bool last = i + 1 == m_parts.size();
      RunArgs part{args.tokens, in[i].state.get(), out[i].state.get(), {}, {}, args.stop, {}, {}};
      if (last) {
        part.logitRows = args.logitRows;
        part.logits = args.logits;
      }
      part.valuesIn = {m_boundary[(i + 1) % 2].floats(), m_parts[i].valuesIn * row};
      part.valuesOut = {m_boundary[i % 2].floats(), m_parts[i].valuesOut * row};
      if (auto good = m_parts[i].executable->submit(part); !good) return good;
    }
    return {};
  }

 private:
  std::size_t width() const noexcept { return static_cast<std::size_t>(m_program.shape.nEmbd); }

  Program m_program;  ///< of the whole model
  std::vector<Part> m_parts;
  std::size_t m_maxTokens = 0;
  std::array<AlignedBuffer, 2> m_boundary;  ///< a segment reads one and fills the other
  std::mutex m_running;
};

class SplitBackend final : public Backend {
 public:
  explicit SplitBackend(std::vector<SplitPart> parts) : m_parts(std::move(parts)) {
    for (const SplitPart& part : m_parts)
      if (std::find(m_devices.begin(), m_devices.end(), part.backend) == m_devices.end()) m_devices.push_back(part.backend);
  }

  std::string id() const override {
    std::string ids;
    for (const auto& device : m_devices) ids += (ids.empty() ? "" : " + ") + device->id();
    return ids;
  }

  DeviceInfo device() const override {
    // The facts are those of the first GPU, and the features of others: the computer's own are told elsewhere.
    std::optional<DeviceInfo> gpus;
    for (const auto& device : m_devices) {
      DeviceInfo info = device->device();
      if (info.isCpu()) continue;
      if (!gpus) {
        gpus = std::move(info);
        continue;
      }
      gpus->name += " + " + info.name;
      for (const std::string& feature : info.features) gpus->features.push_back(info.id + ": " + feature);
    }
    if (!gpus) return m_devices.front()->device();
    gpus->id = id();
    return *gpus;
  }

  std::string summary() const override {
    std::string text;
    for (const auto& [backend, segment] : m_parts) {
      const int layers = segment.range.last - segment.range.first;
      std::string holds = layers == 0 ? "" : fmt::format("{} {}", layers, layers == 1 ? "layer" : "layers");
      if (segment.range.head) holds += holds.empty() ? "head" : " and head";
      text += fmt::format("{}{}{}: {}", text.empty() ? "" : " -> ", backend->summary(), segment.precision ? fmt::format(", {}", traits(*segment.precision).name) : "", holds);
    }
    return text;
  }

  int threads() const noexcept override {
    int most = 0;
    for (const auto& device : m_devices) most = std::max(most, device->threads());
    return most;
  }

  /// Of one device; of several there is no single limit.
  BandwidthResult readBandwidth(std::stop_token stop) override { return m_devices.size() == 1 ? m_devices.front()->readBandwidth(std::move(stop)) : BandwidthResult{}; }

  Result<std::shared_ptr<const PlacedWeights>> place(const Program& program, WeightSource& source, const PlaceOptions& options, Ledger& ledger) override {
    auto placed = std::make_shared<SplitWeights>();
    std::uint64_t before = 0, now = 0;  // source bytes of earlier segments, and with those of this one
    for (const auto& [backend, segment] : m_parts) {
      PlaceOptions own = options;
      if (segment.precision) own.precision = segment.precision;
      own.progress = [&](std::uint64_t done) {
        now = before + done;
        return !options.progress || options.progress(now);
      };
      auto part = backend->place(buildProgram(program.shape, segment.range), source, own, ledger);
      if (!part) return tl::unexpected(part.error());
      placed->parts.push_back(std::move(*part));
      before = now;
    }
    return std::shared_ptr<const PlacedWeights>(std::move(placed));
  }

  Result<std::unique_ptr<Executable>> compile(const Program& program, std::shared_ptr<const PlacedWeights> weights, Ledger& ledger,
                                              std::stop_token stop) override {
    const auto& placed = static_cast<const SplitWeights&>(*weights).parts;
    std::vector<SplitExecutable::Part> parts;
    for (std::size_t i = 0; i < m_parts.size(); ++i) {
      const Program own = buildProgram(program.shape, m_parts[i].segment.range);
      auto made = m_parts[i].backend->compile(own, placed[i], ledger, stop);
      if (!made) return tl::unexpected(made.error());
      parts.push_back({std::move(*made), own.valuesIn.size(), own.valuesOut.size()});
    }
    auto executable = std::make_unique<SplitExecutable>(program, std::move(parts));
    if (auto good = executable->allocate(ledger); !good) return tl::unexpected(good.error());
    return executable;
  }

  Result<std::unique_ptr<DeviceState>> newState(const StateLayout& layout, Ledger& ledger) override {
    auto state = std::make_unique<SplitState>();
    std::size_t offset = 0;
    for (const auto& [backend, segment] : m_parts) {
      StateLayout own = layout;
      own.layers = segment.range.last - segment.range.first;
      auto part = backend->newState(own, ledger);
      if (!part) return tl::unexpected(part.error());
      state->parts.push_back({std::move(*part), offset, own.floats()});
      offset += own.floats();
    }
    return state;
  }

 private:
  std::vector<SplitPart> m_parts;
  std::vector<std::shared_ptr<Backend>> m_devices;  ///< each once, in the order of use
};

}  // namespace

std::shared_ptr<Backend> makeSplitBackend(std::vector<SplitPart> parts) { return std::make_shared<SplitBackend>(std::move(parts)); }

}  // namespace rookery::engine
