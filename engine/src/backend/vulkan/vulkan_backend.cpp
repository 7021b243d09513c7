// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "backend/common/registry.h"
#include "backend/common/room.h"
#include "backend/common/runs.h"
#include "backend/common/thread_pool.h"
#include "backend/vulkan/vulkan_bandwidth.h"
#include "backend/vulkan/vulkan_executable.h"
#include "backend/vulkan/vulkan_measure.h"
#include "backend/vulkan/vulkan_traits.h"

namespace rookery::engine {

namespace {

class VulkanBackend final : public Backend {
 public:
  explicit VulkanBackend(std::shared_ptr<VulkanDevice> device) : m_device(std::move(device)) {}

  std::string id() const override { return m_device->info().id; }
  DeviceInfo device() const override {
    DeviceInfo info = m_device->info();
    for (const VulkanTuning& tuning : m_device->tuningRecord().chosen)
      if (std::string text = "tuning " + tuningText(tuning); std::find(info.features.begin(), info.features.end(), text) == info.features.end()) info.features.push_back(std::move(text));
    return info;
  }
  std::string summary() const override { return fmt::format("{}, {}", m_device->info().name, m_device->info().apiLevel); }
  int threads() const noexcept override { return 0; }
  BandwidthResult readBandwidth(std::stop_token stop) override { return measureReadBandwidth(m_device, stop); }

  Result<std::shared_ptr<const PlacedWeights>> place(const Program& program, WeightSource& source, const PlaceOptions& options, Ledger& ledger) override {
    ThreadPool pool(physicalCores());  // for packing
    auto placed = VulkanWeights::place(program, source, options, m_device, pool, ledger, m_promised);
    if (!placed) return tl::unexpected(placed.error());
    m_promised += workingBytes(program, vulkanTraits(m_device->info()));
    return std::shared_ptr<const PlacedWeights>(std::move(*placed));
  }

  Result<std::unique_ptr<Executable>> compile(const Program& program, std::shared_ptr<const PlacedWeights> weights, Ledger& ledger,
                                              std::stop_token stop) override {
    auto made = measured(program, std::static_pointer_cast<const VulkanWeights>(std::move(weights)), ledger, stop);
    if (!made && made.error().code == ErrorCode::OutOfMemory) return tl::unexpected(withAdvice(std::move(made.error()), program));
    return made;
  }

  Result<std::unique_ptr<DeviceState>> newState(const StateLayout& layout, Ledger& ledger) override {
    auto buffer = m_device->newBuffer(stateBufferBytes(layout), VulkanMemory::Device, ledger, "state", "state");
    if (!buffer) {
      if (buffer.error().code == ErrorCode::OutOfMemory) buffer.error().message += " Fewer of the model's layers may fit, and the CPU works too.";
      return tl::unexpected(buffer.error());
    }
    return std::make_unique<VulkanState>(m_device, std::move(*buffer));
  }

 private:
  Result<std::unique_ptr<Executable>> measured(const Program& program, std::shared_ptr<const VulkanWeights> weights, Ledger& ledger, const std::stop_token& stop) {
    const auto tuning = tuningFor(program, weights, m_device, stop);
    if (!tuning) return tl::unexpected(tuning.error());
    return VulkanExecutable::create(program, std::move(weights), m_device, ledger, *tuning, 0, stop);
  }

  // The weights fitted, what a run needs did not: the driver had less than it said.
  Error withAdvice(Error error, const Program& program) const {
    const LayerRange& range = program.range;
    const int fewer = (range.last - range.first) / 2;
    if (range.embedding && range.head && fewer > 0) {
      error.strategy = fmt::format("{} *{} -> cpu", id(), fewer);
      error.message += fmt::format(" Half of the layers may fit: \"{}\". The CPU works too: \"cpu\".", error.strategy);
    } else {
      error.message += " Fewer layers of the model may fit on this device: give this stage less of them, or the CPU: \"cpu\".";
    }
    return error;
  }

  std::shared_ptr<VulkanDevice> m_device;
  std::uint64_t m_promised = 0;  ///< for runs of the segments that were placed; a backend is for one load, which places all of them first
};

Result<std::shared_ptr<Backend>> open(int index, int) {
  auto device = VulkanDevice::open(index);
  if (!device) return tl::unexpected(device.error());
  return std::make_shared<VulkanBackend>(std::move(*device));
}

std::vector<DeviceInfo> list() {
  auto instance = VulkanInstance::get();
  std::vector<DeviceInfo> devices;
  if (instance)
    for (const VulkanCandidate& candidate : (*instance)->candidates()) devices.push_back(candidate.info);
  if (!devices.empty()) return devices;
  return {absentDevice(DeviceKind::Vulkan, instance ? "no graphics device with a Vulkan driver was found" : instance.error().message)};
}

Result<std::vector<Scratch>> scratch(const Program& program, const DeviceInfo& device, int) {
  const auto instance = VulkanInstance::get();
  if (!instance) return std::vector<Scratch>();
  for (const VulkanCandidate& candidate : (*instance)->candidates()) {
    if (candidate.info.id != device.id || !candidate.info.usable) continue;
    const auto needed = vulkanScratch(program, lower(program), longestRun(program.shape), candidate.limits, candidate.info.name);
    if (!needed) return tl::unexpected(needed.error());
    return std::vector<Scratch>{{"activations", needed->activations}, {"run", needed->run}, {"inputs", needed->inputs},
                                {needed->outputKind, needed->outputs}, {"records", needed->records}};
  }
  return std::vector<Scratch>();
}

}  // namespace

const BackendKind kVulkanBackend{DeviceKind::Vulkan, vulkanTraits, scratch, list, open};

}  // namespace rookery::engine
