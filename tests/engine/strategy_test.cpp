// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/strategy.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

#include "rookery/device.h"

using namespace rookery::engine;

namespace {

/// "cuda:0 fp16 10 -> cpu fp32 23"; streamed layers as "6+26".
std::string planned(const std::string& text, int layers = 32) {
  const auto strategy = parseStrategy(text, layers);
  if (!strategy) return strategy.error().message;
  CHECK(strategy->text == text);
  std::string plan;
  int total = 0;
  for (const StrategyStage& stage : strategy->stages) {
    const std::string type(stage.weights ? traits(*stage.weights).name : "-");
    plan += fmt::format("{}{} {} {}", plan.empty() ? "" : " -> ", stage.device, type, stage.layers);
    if (stage.stream) plan += fmt::format("+{}", stage.streamedLayers);
    total += stage.layers + stage.streamedLayers;
  }
  CHECK(total == layers + 1);  // whatever the strategy, every layer is somewhere
  return plan;
}

void refused(const std::string& text, const std::string& reason) {
  CAPTURE(text);
  const auto strategy = parseStrategy(text, 32);
  REQUIRE_FALSE(strategy);
  CHECK(strategy.error().code == ErrorCode::StrategyInvalid);
  CHECK_MESSAGE(strategy.error().message.find(reason) != std::string::npos, strategy.error().message);
}

}  // namespace

TEST_CASE("the official layer arithmetic, on 32 layers and the head") {
  CHECK(planned("cpu fp32") == "cpu fp32 33");
  CHECK(planned("cuda fp16 -> cpu fp32") == "cuda:0 fp16 16 -> cpu fp32 17");
  CHECK(planned("cuda fp16 *10 -> cpu fp32") == "cuda:0 fp16 10 -> cpu fp32 23");
  CHECK(planned("cuda fp16 *10") == "cuda:0 fp16 33");
  CHECK(planned("cuda bf16 -> cpu fp32 *1") == "cuda:0 bf16 32 -> cpu fp32 1");
  CHECK(planned("cuda q8_0 *6 -> cuda fp16 *0+ -> cpu fp32 *1") == "cuda:0 q8_0 6 -> cuda:0 fp16 0+26 -> cpu fp32 1");
}

TEST_CASE("sharing, cutting and streaming beyond the official examples") {
  CHECK(planned("cuda:0 fp16 -> cuda:1 fp16 -> cpu fp32") == "cuda:0 fp16 11 -> cuda:1 fp16 11 -> cpu fp32 11");
  CHECK(planned("cuda:0 fp16 -> cuda:1 fp16 -> cpu fp32", 33) == "cuda:0 fp16 11 -> cuda:1 fp16 11 -> cpu fp32 12");
  CHECK(planned("cuda fp16 *100 -> cpu fp32") == "cuda:0 fp16 33 -> cpu fp32 0");
  CHECK(planned("cuda fp16 *99999999999999999999 -> cpu fp32") == "cuda:0 fp16 33 -> cpu fp32 0");
  CHECK(planned("cuda fp16 *30 -> cuda:1 fp16 *30 -> cpu fp32 *4") == "cuda:0 fp16 30 -> cuda:1 fp16 3 -> cpu fp32 0");
  CHECK(planned("cuda fp16 *3 -> cpu fp32 *4") == "cuda:0 fp16 3 -> cpu fp32 30");
  CHECK(planned("cuda fp16 *0+ -> cpu fp32") == "cuda:0 fp16 0+33 -> cpu fp32 0");
  CHECK(planned("vulkan fp16 *10+") == "vulkan fp16 10+23");
  CHECK(planned("vulkan fp16 *40+ -> cpu fp32 *1") == "vulkan fp16 33+0 -> cpu fp32 0");
  CHECK(planned("cpu fp32 -> cpu fp16", 1) == "cpu fp32 1 -> cpu fp16 1");
}

TEST_CASE("devices and types, ours included; without a type the weights stay as they are") {
  CHECK(planned("cpu") == "cpu - 33");
  CHECK(planned("vulkan:2 *4 -> cpu") == "vulkan:2 - 4 -> cpu - 29");
  CHECK(planned("cpu bf16") == "cpu bf16 33");
  for (const char* type : {"int8", "int4", "nf4", "fp16i8", "a16w8", "a16w4", "q4_0", "q4_k", "q6_k"})
    CHECK(planned(fmt::format("cpu {}", type)) == fmt::format("cpu {} 33", type));
  CHECK(planned("  cuda:1   q8_0\t*2->cpu fp32 ") == "cuda:1 q8_0 2 -> cpu fp32 31");
}

TEST_CASE("devices and types in any case") {
  CHECK(planned("Vulkan:0 *4 -> CPU") == "vulkan:0 - 4 -> cpu - 29");
  CHECK(planned("VULKAN FP16") == "vulkan fp16 33");
  CHECK(planned("cpu Q4_K") == "cpu q4_k 33");
}

TEST_CASE("a number of layers that the last stage cannot keep to is noted") {
  const auto note = [](const char* text) { return parseStrategy(text, 32).value().note; };
  CHECK(note("vulkan:0 *2") == "The last stage, \"vulkan:0\", takes all 33 layers that are left (the head counts as one), not 2. To put the others elsewhere, write a stage "
                               "for them behind it: \"vulkan:0 *2 -> cpu\".");
  CHECK(note("vulkan fp16 *3 -> cpu fp32 *4") == "The last stage, \"cpu\", takes all 30 layers that are left (the head counts as one), not 4.");
  for (const char* kept : {"vulkan:0", "vulkan:0 *33", "vulkan:0 *40", "vulkan *2 -> cpu", "cpu -> vulkan *1", "vulkan *2 -> cpu *31", "vulkan *2+"}) CHECK_MESSAGE(note(kept).empty(), note(kept));
}

TEST_CASE("a weight type for every stage, unless one has its own") {
  CHECK(withWeightType("cpu", "int8") == "cpu int8");
  CHECK(withWeightType(" vulkan:0  *12->cpu ", "fp16") == "vulkan:0 fp16 *12 -> cpu fp16");
  CHECK(withWeightType("vulkan:0 *12+", "fp16") == "vulkan:0 fp16 *12+");
  for (const char* typed : {"cpu fp16", "vulkan *2 -> cpu fp32", "cpu fp16 *2 -> cpu"}) {
    const auto twice = withWeightType(typed, "int8");
    REQUIRE_FALSE(twice);
    CHECK(twice.error().code == ErrorCode::InvalidArgument);
  }
}

TEST_CASE("a strategy that cannot be met says why") {
  refused("", "empty");
  refused("cuda fp16 ->", "empty");
  refused("-> cpu fp32", "empty");
  refused("gpu fp16", "not a device");
  refused("cuda: fp16", "device");
  refused("cuda:x fp16", "device");
  refused("cuda:-1 fp16", "device");
  refused("cuda:99999999999 fp16", "device");
  refused("mps fp32", "not supported");
  refused("dml fp16", "not supported");
  refused("cpu fp8", "not a type");
  refused("cuda fp16i4", "leaves the weights");
  refused("cuda fp16i3 *4 -> cpu fp32", "leaves the weights");
  refused("cuda fp32i8", "fp16i8");
  refused("cuda bf16i8 *10+", "fp16i8");
  refused("cpu q2_k", "not a type");  // read, never made
  refused("cpu fp32 *x", "number of layers");
  refused("cpu fp32 *", "number of layers");
  refused("cpu fp32 *-1", "number of layers");
  refused("cpu fp32 * 4", "number of layers");
  refused("cpu fp32 *4 more", "one word too many");
  refused("cpu *4 fp32", "one word too many");
  refused("cuda fp16 *0 -> cpu fp32", "leave the stage out");
  refused("vulkan:0 fp16*3->cpu", "A space is missing in \"fp16*3\" before the *: write \"fp16 *3\".");
  refused("vulkan*3 -> cpu", "write \"vulkan *3\"");
  refused("fp16 *3 -> cpu", "a stage begins with its device: \"cpu fp16\"");
  refused("vulcan:0", "write cpu, vulkan for the first graphics device");
  refused("cuda fp16 *1+ -> cuda:1 fp16 *1+", "only one can");
  refused("cpu fp32 *4+", "already");
  CHECK(parseStrategy("cpu fp32", 0).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("random strategies neither crash nor lose a layer") {
  const char* parts[] = {"cpu", "cuda", "vulkan:1", " ", "fp16", "fp32", "*1", "*7", "*0+", "+", "->", "*", "x", "\n"};
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto count = random() % 12; count > 0; --count) text += fmt::format("{} ", parts[random() % std::size(parts)]);
    planned(text, 1 + static_cast<int>(random() % 70));
  }
}

TEST_CASE("a device is named by its kind, and its number where it has one") {
  CHECK(deviceNamed("cpu")->kind == DeviceKind::Cpu);
  CHECK(deviceNamed("vulkan")->kind == DeviceKind::Vulkan);
  CHECK(deviceNamed("vulkan")->index == -1);
  CHECK(deviceNamed("vulkan:12")->index == 12);
  CHECK(deviceNamed("cuda:0")->kind == DeviceKind::Cuda);
  for (const char* none : {"", "cpu:0", " cpu", "Vulkan", "vulkan:", "vulkan:-1", "vulkan:+1", "vulkan:1x", "vulkan:99999999999", "vulkan:0 + cpu"}) {
    CAPTURE(none);
    CHECK_FALSE(deviceNamed(none).has_value());
    CHECK_FALSE(namesCpu(none));
  }
  const auto both = devicesNamed("vulkan:3 + cpu");
  REQUIRE(both.size() == 2);
  CHECK(both[0].index == 3);
  CHECK(both[1].kind == DeviceKind::Cpu);
  CHECK(devicesNamed("").empty());
  CHECK(devicesNamed("a card + cpu").size() == 1);
}
