// SPDX-License-Identifier: GPL-3.0-or-later
// One model on the CPU and a Vulkan device: boundaries both ways, and the device shared by several segments.
#include <doctest/doctest.h>

#include "support/small_models.h"
#include "support/validation.h"
#include "support/vulkan_device.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

// Every kind of segment on the device: first, middle, last, a head alone; and boundaries from it to itself. Of other versions
// than 7, which differ by what is inside a layer and hand on less, the first three.
std::vector<std::string> splits(RwkvVersion version = RwkvVersion::V7) {
  const std::string v = vulkanDevice();
  if (!isRwkv7(version)) return {"cpu *1 -> " + v + " *1 -> cpu", v + " *1 -> cpu *1 -> " + v};
  return {v + " *1 -> cpu", "cpu *1 -> " + v, "cpu -> " + v + " *1", v + " -> cpu *1", "cpu *1 -> " + v + " *1 -> cpu", v + " *1 -> cpu *1 -> " + v, v + " *2 -> " + v};
}

}  // namespace

TEST_CASE("split over Vulkan and the CPU: within 1e-4 of the CPU, and the same bits in any chunks") {
  const auto tokens = someTokens(40);
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    const ModelShape shape = smallShape(version);
    Session cpu(makeModel(shape, {}, true, "cpu"));
    const auto expected = cpu.evaluate(tokens, all(tokens.size()));
    REQUIRE(expected.has_value());
    for (const std::string& split : splits(version)) {
      CAPTURE(split);
      Session session(makeModel(shape, {}, true, split));
      const auto single = session.evaluate(tokens, all(tokens.size()), 1);
      REQUIRE(single.has_value());
      CHECK(worstDifference(*single, *expected) < 1e-4F);
      const State after = session.snapshot().value().state;
      for (const std::size_t chunk : {7, 64}) {
        if (chunk > 16 && !softwareDevice()) continue;  // tiles: another order of sums
        CAPTURE(chunk);
        session.reset();
        const auto logits = session.evaluate(tokens, all(tokens.size()), chunk);
        REQUIRE(logits.has_value());
        CHECK(*logits == *single);
        CHECK(session.snapshot().value().state.compare(after).maxAbs == 0.0F);
      }
    }
  }
}

TEST_CASE("a boundary on one Vulkan device changes no bit") {
  const auto tokens = someTokens(20);
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    Session whole(makeModel(smallShape(version), {}, true, vulkanDevice())), split(makeModel(smallShape(version), {}, true, vulkanDevice() + " *1 -> " + vulkanDevice()));
    const auto expected = whole.evaluate(tokens, all(tokens.size())), logits = split.evaluate(tokens, all(tokens.size()));
    REQUIRE(expected.has_value());
    REQUIRE(logits.has_value());
    CHECK(*logits == *expected);
  }
}

TEST_CASE("what a model really runs with is told: the tuning of each stage, once where they are alike") {
  const auto tunings = [](const std::string& strategy) {
    const auto features = makeModel(smallShape(RwkvVersion::V7), {}, true, strategy)->device().features;
    return std::count_if(features.begin(), features.end(), [](const std::string& f) { return f.starts_with("tuning group="); });
  };
  CHECK(tunings(vulkanDevice()) == 1);
  CHECK(tunings("cpu *1 -> " + vulkanDevice()) == 1);
  if (softwareDevice()) CHECK(tunings(vulkanDevice() + " *1 -> " + vulkanDevice()) == 1);
  CHECK(tunings("cpu") == 0);
}

TEST_CASE("weight types of segments: as if each were a model of that type") {
  const auto tokens = someTokens(20);
  const ModelShape shape = smallShape(RwkvVersion::V7);
  struct Pair {
    std::string split, onCpu;
  };
  for (const Pair& pair : {Pair{vulkanDevice() + " fp16 *2 -> cpu int8", "cpu fp16 *2 -> cpu int8"},
                           Pair{vulkanDevice() + " int8 *2 -> " + vulkanDevice() + " fp16", "cpu int8 *2 -> cpu fp16"},
                           Pair{vulkanDevice() + " fp16 *2 -> cpu fp32", "cpu fp16 *2 -> cpu fp32"}}) {
    const std::string split = pair.split, onCpu = pair.onCpu;
    CAPTURE(split);
    const auto model = makeModel(shape, {}, true, split);
    Session session(model), cpu(makeModel(shape, {}, true, onCpu));
    const auto logits = session.evaluate(tokens, all(tokens.size())), expected = cpu.evaluate(tokens, all(tokens.size()));
    REQUIRE(logits.has_value());
    REQUIRE(expected.has_value());
    CHECK(worstDifference(*logits, *expected) < 1e-4F);
    for (const LedgerEntry& entry : model->ledger().entries()) {
      if (entry.component == "block0" || entry.component == "block1") CHECK(entry.device == vulkanDevice());
      if (isLookedUp(entry.component)) CHECK(entry.device == "cpu");
      if (entry.component == "block2" || entry.component == "head") CHECK(entry.device == (split.find("cpu") != std::string::npos ? "cpu" : vulkanDevice()));
    }
  }
}

TEST_CASE("a state of a model on two devices continues on one, and back") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    const auto split = makeModel(smallShape(version), {}, true, vulkanDevice() + " *2 -> cpu");
    for (const std::string& other : {std::string("cpu"), vulkanDevice()}) {
      CAPTURE(other);
      checkStateGoesOn(split, makeModel(smallShape(version), {}, true, other), 1e-4F);
    }
  }
}

TEST_CASE("a stopped run of a model on two devices leaves the state as it was") {
  for (const std::string& split : splits()) {
    CAPTURE(split);
    checkStopKeepsState(makeModel(smallShape(RwkvVersion::V7), {}, true, split));
  }
}

TEST_CASE("validation: boundaries of every generation run without a message") {
  if (!turnValidationOn()) return;
  const auto tokens = someTokens(20);
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    for (const std::string& split : splits(version)) {
      CAPTURE(split);
      const auto before = VulkanInstance::validationMessages();
      Session session(makeModel(smallShape(version), {}, true, split));
      REQUIRE(session.evaluate(tokens, all(tokens.size()), 16).has_value());
      REQUIRE(session.decode(5).has_value());
      REQUIRE(session.decode(6).has_value());
      CHECK(VulkanInstance::validationMessages() == before);
    }
  }
}
