// SPDX-License-Identifier: GPL-3.0-or-later
// Every barrier of what the Vulkan backend records is needed: leaving one out draws a message of the Khronos validation
// layer's synchronisation validation. It looks at one command buffer at a time, so runs that follow each other are put into
// one, with the copies that come before and after them.
#include <doctest/doctest.h>

#include <cstdlib>

#include "backend/common/registry.h"
#include "backend/vulkan/vulkan_executable.h"
#include "support/small_models.h"
#include "support/validation.h"
#include "support/vulkan_device.h"
#include "support/vulkan_hooks.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

constexpr int kLayers = 5;  // chunks of the smallest program go in two pieces

/// A part of a model on the device, with two states. As on a card: chunks by tiles.
class Part {
 public:
  Part(RwkvVersion version, const LayerRange& range) {
    ModelShape shape = smallShape(version);
    shape.layers = kLayers;
    SyntheticSource source(shape, "test", DType::F16, 7);
    const Program program = buildProgram(shape, range);
    m_backend = kVulkanBackend.open(vulkanIndex(), 0).value();
    auto weights = m_backend->place(program, source, {}, m_ledger);
    REQUIRE_MESSAGE(weights.has_value(), (weights ? "" : weights.error().message));
    setenv("ROOKERY_VULKAN_TUNING", "tiles=1", 1);
    auto made = m_backend->compile(program, *weights, m_ledger);
    unsetenv("ROOKERY_VULKAN_TUNING");
    REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
    m_executable = std::move(*made);
    for (auto& state : m_states) state = m_backend->newState(program.stateLayout, m_ledger).value();
  }

  VulkanHooks executable() { return VulkanHooks(static_cast<VulkanExecutable&>(*m_executable)); }

  /// Messages of the validation layer that two runs draw.
  std::uint64_t messages(std::uint32_t tokens, VulkanHooks::Together* together = nullptr) {
    const auto before = VulkanInstance::validationMessages();
    const auto run = executable().recordTogether(static_cast<VulkanState&>(*m_states[0]), static_cast<VulkanState&>(*m_states[1]), tokens);
    REQUIRE_MESSAGE(run.has_value(), (run ? "" : run.error().message));
    if (together != nullptr) *together = *run;
    return VulkanInstance::validationMessages() - before;
  }

 private:
  Ledger m_ledger;
  std::shared_ptr<Backend> m_backend;
  std::unique_ptr<Executable> m_executable;
  std::unique_ptr<DeviceState> m_states[2];
};

/// How many there are in the body.
std::size_t checkEveryBarrier(Part& part, std::uint32_t tokens, bool pieces) {
  CAPTURE(tokens);
  VulkanHooks::Together whole;
  CHECK(part.messages(tokens, &whole) == 0);
  CHECK(whole.bodyBarriers > kLayers);
  CHECK((whole.pieces > 1) == pieces);
  for (const bool body : {true, false}) {
    CAPTURE(body);
    for (std::size_t number = 0; number < (body ? whole.bodyBarriers : whole.headBarriers); ++number) {
      CAPTURE(number);
      part.executable().skipBarrier(VulkanHooks::Barrier{body, number});
      CHECK(part.messages(tokens) > 0);
    }
  }
  part.executable().skipBarrier(std::nullopt);
  CHECK(part.messages(tokens) == 0);
  return whole.bodyBarriers;
}

}  // namespace

TEST_CASE("validation: no barrier of a model of any generation can be left out, in decode and in chunks") {
  if (!turnValidationOn()) return;
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    Part model(version, {0, kLayers, true, true});
    const std::size_t barriers = checkEveryBarrier(model, 1, false);
    if (isRwkv7(version)) CHECK(barriers <= 2 + (version == RwkvVersion::V7a ? 7 : 6) * kLayers);  // at the ends, and after each dispatch of a layer
    if (isRwkv7(version)) checkEveryBarrier(model, 3, false);  // the order of a chunk by tiles, in one piece
    checkEveryBarrier(model, 20, true);
  }
}

TEST_CASE("validation: what it says goes into the log") {
  if (!turnValidationOn()) return;
  Part model(RwkvVersion::V7, {0, kLayers, true, true});
  std::vector<std::string> log;
  setDriverLog([&](std::string_view line) { log.emplace_back(line); });
  model.executable().skipBarrier(VulkanHooks::Barrier{true, 1});
  const auto messages = model.messages(1);
  setDriverLog(nullptr);
  CHECK(messages > 0);
  CHECK(log.size() == messages);
  for (const std::string& line : log) CHECK(line.starts_with("vulkan: Validation Error"));
}

TEST_CASE("validation: no barrier at the boundaries of a split model can be left out") {
  if (!turnValidationOn()) return;
  for (const LayerRange& range : {LayerRange{0, kLayers, true, false}, LayerRange{0, kLayers, false, false}, LayerRange{0, kLayers, false, true}}) {
    CAPTURE(range.embedding);
    CAPTURE(range.head);
    for (const RwkvVersion version : {RwkvVersion::V7, RwkvVersion::V7a}) {
      CAPTURE(std::string(versionName(version)));
      Part model(version, range);
      checkEveryBarrier(model, 1, false);
      checkEveryBarrier(model, 20, true);
    }
  }
}
