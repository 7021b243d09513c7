// SPDX-License-Identifier: GPL-3.0-or-later
// What the Vulkan backend makes of a device's limits; no device is needed.
#include <doctest/doctest.h>

#include "backend/vulkan/vulkan_instance.h"
#include "backend/vulkan/vulkan_limits.h"
#include "program/program.h"
#include "rookery/model_info.h"

using namespace rookery::engine;

TEST_CASE("a chunk is halved until every buffer can be bound, to whole tiles or to one token") {
  const VulkanLimits limits{1000, 16384, 65535};
  const auto chunk = [&](std::size_t wanted, std::uint64_t perToken, std::uint64_t bytes) {
    const BoundBuffer buffers[] = {{"small", 1, 0}, {"large", perToken, bytes}};
    return chunkThatFits(limits, wanted, buffers, "Card");
  };
  CHECK(chunk(256, 3, 0).value() == 256);
  CHECK(chunk(256, 3, 233).value() == 128);
  CHECK(chunk(64, 10, 0).value() == 64);
  CHECK(chunk(64, 31, 0).value() == 32);
  CHECK(chunk(64, 125, 0).value() == 8);
  CHECK(chunk(64, 126, 0).value() == 1);
  CHECK(chunk(64, 1000, 0).value() == 1);
  CHECK(chunk(64, 0, 1000).value() == 64);
  const auto none = chunk(64, 1'000'000, 600'000);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::OutOfMemory);
  CHECK(none.error().message == "This model is too large for Card: its large take 1.6 MB for one token, and the device lets a program use 0.0 MB at a time. The CPU has no such limit.");
}

TEST_CASE("the least that Vulkan promises is enough for every official shape, in chunks") {
  const VulkanLimits least;
  for (const std::string& name : officialShapeNames()) {
    CAPTURE(name);
    const ModelShape shape = *officialShape(name);
    const Program program = buildProgram(shape, {0, shape.layers, true, true});
    const auto c = static_cast<std::uint64_t>(shape.nEmbd), vocab = static_cast<std::uint64_t>(shape.vocab);
    std::uint64_t width = 5 * c;  // the backend's own
    for (const Value& value : program.values) width += static_cast<std::uint64_t>(value.width + 15) / 16 * 16;
    const BoundBuffer buffers[] = {{"activations", 4 * width, 0}, {"inputs", 4 * c, 0}, {"logits", 4 * vocab, 0}, {"states", 0, 4 * program.stateLayout.floats()}};
    const auto chunk = chunkThatFits(least, 256, buffers, "Card");
    REQUIRE(chunk);
    CHECK(*chunk >= 64);
    CHECK(fewestStripsPerGroup(least, static_cast<std::int64_t>(vocab / 16), 1) == 1);
  }
}

TEST_CASE("shared memory: the fused row of the widest models needs more than the least, sums never do") {
  const VulkanLimits least, usual{std::uint64_t{128} << 20, 32768, 65535};
  CHECK(gemmSharedBytes(4096, 64) > least.sharedBytes);
  CHECK(gemmSharedBytes(2560, 64) <= least.sharedBytes);
  CHECK(gemmSharedBytes(4096, 64) <= usual.sharedBytes);
  CHECK(mostParts(usual) == 4096);
  CHECK(mostParts(least) == 2048);
  CHECK(gemmSharedBytes(1, mostParts(least)) <= least.sharedBytes);
  CHECK(mostParts({0, 0, 0}) == 1);
}

TEST_CASE("strips share groups where there would be too many") {
  const VulkanLimits limits{0, 0, 10};
  CHECK(fewestStripsPerGroup(limits, 9, 1) == 1);
  CHECK(fewestStripsPerGroup(limits, 10, 1) == 2);
  CHECK(fewestStripsPerGroup(limits, 100, 3) == 15);
  CHECK(fewestStripsPerGroup(limits, 7, 100) == 7);
}

TEST_CASE("a device is refused for the first thing that it lacks, in a sentence") {
  VkPhysicalDeviceProperties properties{};
  properties.apiVersion = VK_API_VERSION_1_2;
  properties.limits.maxComputeWorkGroupInvocations = properties.limits.maxComputeWorkGroupSize[0] = 256;
  properties.limits.maxPerStageDescriptorStorageBuffers = properties.limits.maxDescriptorSetStorageBuffers = 7;
  properties.limits.maxPushConstantsSize = 16;
  VkPhysicalDeviceVulkan12Features features{};
  features.bufferDeviceAddress = features.timelineSemaphore = VK_TRUE;
  VkPhysicalDeviceSubgroupProperties subgroup{};
  subgroup.supportedStages = VK_SHADER_STAGE_COMPUTE_BIT;
  subgroup.supportedOperations = VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
  subgroup.subgroupSize = 32;
  const auto missing = [&](auto change) {
    VkPhysicalDeviceProperties p = properties;
    change(p.limits);
    return whatIsMissing(p, features, subgroup, true);
  };
  CHECK(missing([](auto&) {}).empty());
  CHECK(whatIsMissing(properties, features, subgroup, false) == "it has no queue for computing");
  CHECK(missing([](auto& l) { l.maxComputeWorkGroupInvocations = 128; }) == "its work groups hold 128 invocations at most; 256 are needed");
  CHECK(missing([](auto& l) { l.maxComputeWorkGroupSize[0] = 128; }) == "its work groups hold 128 invocations at most; 256 are needed");
  CHECK(missing([](auto& l) { l.maxPerStageDescriptorStorageBuffers = 4; }) == "its shaders see 4 buffers at most; 7 are needed");
  CHECK(missing([](auto& l) { l.maxDescriptorSetStorageBuffers = 6; }) == "its shaders see 6 buffers at most; 7 are needed");
  CHECK(missing([](auto& l) { l.maxPushConstantsSize = 8; }) == "its shaders take 8 bytes of arguments at most; 16 are needed");
}
