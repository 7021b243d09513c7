// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_weights.h"

#include <algorithm>
#include <utility>

#include "backend/common/room.h"
#include "backend/vulkan/vulkan_traits.h"

namespace rookery::engine {

namespace {

class VulkanWeightMemory final : public WeightMemory {
 public:
  VulkanWeightMemory(const Program& program, WeightSource& source, const PlaceOptions& options, VulkanDevice& device,
                     Ledger& ledger, std::uint64_t promised)
      : m_program(program),
        m_source(source),
        m_options(options),
        m_device(device),
        m_ledger(ledger),
        m_promised(promised) {}
  std::vector<VulkanBuffer> buffers;  ///< by component

  Result<void> allocate(const Placement& placement) override {
    const auto outOfMemory = [&](std::uint64_t room) {
      return tooLarge({m_program, m_source, m_options.precision, placement, m_device.info(),
                       vulkanTraits(m_device.info()), room, m_promised});
    };
    const std::uint64_t free = m_device.freeBytes(), room = free - std::min(free, m_promised);
    if (deviceBytes(placement) + workingBytes(m_program, vulkanTraits(m_device.info())) > room) return outOfMemory(room);
    std::uint64_t allocated = 0;
    for (const ComponentPlacement& component : placement.components) {
      VulkanBuffer& buffer = buffers.emplace_back();
      if (component.onHost) continue;
      auto made = m_device.newBuffer(component.bytes, VulkanMemory::Device, m_ledger, component.name, "weights");
      if (!made && made.error().code == ErrorCode::OutOfMemory) return outOfMemory(allocated);
      if (!made) return tl::unexpected(made.error());
      allocated += component.bytes;
      buffer = std::move(*made);
    }
    return {};
  }

  // In place where the CPU writes there in any order: what it does not cache is slow unless it is written in order.
  std::byte* open(const WeightPlacement& place) override {
    const VulkanBuffer& buffer = buffers[place.component];
    if (buffer.isCached()) return buffer.data() + place.offset;
    m_packed.resize(place.bytes);
    return m_packed.data();
  }

  Result<void> close(const WeightPlacement& place) override {
    const VulkanBuffer& buffer = buffers[place.component];
    if (buffer.isCached()) return {};
    auto good = m_device.write(buffer, place.offset, std::span(m_packed).first(place.bytes));
    if (!good && good.error().code == ErrorCode::OutOfMemory)
      good.error().message +=
          " The weights fit there, but not the memory through which they are copied. End other programs that use the "
          "device, or use the CPU: \"cpu\".";
    return good;
  }

 private:
  const Program& m_program;
  WeightSource& m_source;
  const PlaceOptions& m_options;
  VulkanDevice& m_device;
  Ledger& m_ledger;
  std::uint64_t m_promised;
  std::vector<std::byte> m_packed;
};

}  // namespace

Result<std::shared_ptr<const VulkanWeights>> VulkanWeights::place(const Program& program, WeightSource& source,
                                                                  const PlaceOptions& options,
                                                                  const std::shared_ptr<VulkanDevice>& device,
                                                                  ThreadPool& pool, Ledger& ledger,
                                                                  std::uint64_t promised) {
  VulkanWeightMemory memory(program, source, options, *device, ledger, promised);
  auto layout = placeWeights(program, source, options, vulkanTraits(device->info()), pool, memory, ledger);
  if (!layout) return tl::unexpected(layout.error());
  auto placed = std::make_shared<VulkanWeights>();
  placed->m_buffers = std::move(memory.buffers);
  placed->m_layout = std::move(*layout);
  return std::shared_ptr<const VulkanWeights>(std::move(placed));
}

}  // namespace rookery::engine
