// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <system_error>

#include "backend/common/registry.h"
#include "backend/cpu/cpu_device.h"
#include "backend/cpu/cpu_executable.h"
#include "backend/cpu/cpu_weights.h"

namespace rookery::engine {

namespace {

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads) : m_pool(std::make_shared<ThreadPool>(threads)) {}

  std::string id() const override { return kCpuId; }
  DeviceInfo device() const override { return cpuDevice(); }
  std::string summary() const override {
    return fmt::format("CPU {}, {} {}", kernels::isaName(), threads(), threads() == 1 ? "thread" : "threads");
  }
  int threads() const noexcept override { return m_pool->threads(); }
  BandwidthResult readBandwidth(std::stop_token stop) override { return measureReadBandwidth(threads(), std::move(stop)); }

  Result<std::shared_ptr<const PlacedWeights>> place(const Program& program, WeightSource& source,
                                                     const PlaceOptions& options, Ledger& ledger) override {
    auto placed = CpuWeights::place(program, source, options, *m_pool, ledger);
    if (!placed) return tl::unexpected(placed.error());
    return std::shared_ptr<const PlacedWeights>(std::move(*placed));
  }

  Result<std::unique_ptr<Executable>> compile(const Program& program, std::shared_ptr<const PlacedWeights> weights,
                                              Ledger& ledger, std::stop_token) override {
    return CpuExecutable::create(program, std::static_pointer_cast<const CpuWeights>(std::move(weights)), m_pool, ledger);
  }

  Result<std::unique_ptr<DeviceState>> newState(const StateLayout& layout, Ledger& ledger) override {
    auto buffer = AlignedBuffer::allocate(layout.floats() * sizeof(float), ledger, "state", "state");
    if (!buffer) return tl::unexpected(buffer.error());
    return std::make_unique<CpuState>(layout, std::move(*buffer));
  }

 private:
  std::shared_ptr<ThreadPool> m_pool;
};

Result<std::shared_ptr<Backend>> open(int, int threads) {
  constexpr int kMostThreads = 256;
  if (threads < 0 || threads > kMostThreads)
    return fail(ErrorCode::InvalidArgument, fmt::format("{} threads are not possible; 1 to {} are.", threads, kMostThreads));
  const int wanted = threads == 0 ? physicalCores() : threads;
  try {
    return std::make_shared<CpuBackend>(wanted);
  } catch (const std::system_error& problem) {  // a limit on threads, or on the memory for their stacks
    return fail(ErrorCode::OutOfMemory, fmt::format("The system does not let this program start {} threads; fewer may work.", wanted),
                problem.what());
  }
}

Result<std::vector<Scratch>> scratch(const Program& program, const DeviceInfo&, int threads) {
  return cpuScratch(program, threads > 0 ? threads : physicalCores());
}

}  // namespace

const BackendKind kCpuBackend{DeviceKind::Cpu, [](const DeviceInfo&) { return DeviceTraits{}; }, scratch, [] { return std::vector{cpuDevice()}; }, open};

}  // namespace rookery::engine
