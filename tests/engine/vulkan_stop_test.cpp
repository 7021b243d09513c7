// SPDX-License-Identifier: GPL-3.0-or-later
// How soon, and in what state, the Vulkan backend stops.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "backend/vulkan/vulkan_bandwidth.h"
#include "backend/vulkan/vulkan_executable.h"
#include "support/small_models.h"
#include "support/vulkan_device.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

std::string device() { return vulkanDevice(); }

}  // namespace

TEST_CASE("Vulkan: a run stopped on the way leaves the state as it was") {
  checkStopKeepsState(makeModel(smallShape(RwkvVersion::V7), {}, true, device()));
}

TEST_CASE("Vulkan: a stop empties the rest of a run that is on the device") {
  ModelShape shape = smallShape(RwkvVersion::V7);
  shape.layers = 6;
  shape.nEmbd = 512;
  shape.dimFfn = 2048;
  const auto model = makeModel(shape, {}, true, device());
  const std::size_t tokens = std::min<std::size_t>(128, model->impl().executable->maxTokens());  // of one run: between runs the session looks
  const auto seconds = [&](std::stop_token stop) {
    Session session(model);
    const auto begin = std::chrono::steady_clock::now();
    const bool ended = session.prefill(someTokens(tokens), stop).has_value();
    CHECK(ended == !stop.stop_requested());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  seconds({});  // shaders are compiled
  const double whole = seconds({});
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::duration<double>(whole / 5));
    stop.request_stop();
  });
  CHECK(seconds(stop.get_token()) < 0.7 * whole);
}

TEST_CASE("Vulkan: a load is asked to stop while one big matrix is coded") {
  ModelShape shape = smallShape(RwkvVersion::V7);
  shape.nEmbd = 256;
  shape.vocab = 16384;
  SyntheticSource source(shape, "test", DType::F16, 7);
  LoadOptions options;
  std::size_t asked = 0;
  options.strategy = device();
  const auto model = buildModel(source, nullptr, DType::Q4_K, true, options, [&](const LoadProgress& p) { asked += p.stage == LoadStage::Placing ? 1 : 0; }, {});
  REQUIRE(model.has_value());
  // Each weight once, and embedding and head, of 8.4 MB each, for each megabyte.
  CHECK(asked >= (*model)->impl().program.weights.size() + 2 * 8);
}

TEST_CASE("Vulkan: a load is asked to stop before a shader is compiled") {
  const auto model = makeModel(smallShape(RwkvVersion::V7), {}, true, device());
  std::stop_source stop;
  stop.request_stop();
  Ledger ledger;
  const auto lanes = openVulkanDevice()->candidate().subgroupSize;
  const auto made = VulkanExecutable::create(model->impl().program, std::static_pointer_cast<const VulkanWeights>(model->impl().weights), openVulkanDevice(), ledger,
                                             {.groupSize = 4 * lanes, .part = 8, .tiles = true, .lanes = lanes, .unroll = 1, .strips = 1}, 16, stop.get_token());
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == ErrorCode::Cancelled);
}

TEST_CASE("the bandwidth probe gives a figure, and ends when it is stopped") {
  const auto opened = VulkanDevice::open(vulkanIndex());
  REQUIRE(opened.has_value());
  const auto result = measureReadBandwidth(*opened, std::stop_token{});
  CHECK(result.bytesPerSecond > 1e8);
  CHECK(result.pattern.starts_with("Vulkan, "));
  CHECK(result.bufferBytes > 200'000'000);
  MESSAGE("GB/s: " << result.bytesPerSecond / 1e9 << ", " << result.pattern);
  std::stop_source stop;
  stop.request_stop();
  CHECK(measureReadBandwidth(*opened, stop.get_token()).bytesPerSecond == 0);
  for (const int milliseconds : {50, 300, 900}) {
    std::stop_source later;
    std::chrono::steady_clock::time_point asked;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
      asked = std::chrono::steady_clock::now();
      later.request_stop();
    });
    CHECK(measureReadBandwidth(*opened, later.get_token()).bytesPerSecond == 0);
    const auto ended = std::chrono::steady_clock::now();
    stopper.join();
    CHECK(std::chrono::duration<double>(ended - asked).count() < 0.3);  // 0.1 on a machine with nothing else to do
  }
}
