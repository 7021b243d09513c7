// SPDX-License-Identifier: GPL-3.0-or-later
// A strategy of several stages through rookery-cli: what is written, measured and told. Also for other devices, by
// ROOKERY_TEST_STRATEGY.
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "support/test_strategy.h"

using namespace rookery::test;
using nlohmann::json;

namespace {

const NeedsTestStrategy g_needsTestStrategy;

const std::string kStrategy = testStrategy() != nullptr ? testStrategy() : "cpu fp16 *2 -> cpu fp32";
const bool kVulkan = kStrategy.find("vulkan:0") != std::string::npos;
const std::string kDevice = kVulkan ? "vulkan:0 + cpu" : "cpu";

std::vector<std::string> with(std::vector<std::string> arguments, const std::string& strategy) {
  arguments.insert(arguments.end(), {"--strategy", strategy});
  return arguments;
}

std::string textOn(const std::string& strategy) {
  const auto result = runCli(with({"generate", "--model", "guide", "--prompt", "What is a state?", "--greedy", "--tokens", "40"}, strategy));
  CHECK_MESSAGE(result.exitCode == 0, result.err);
  CHECK_MESSAGE(result.err.find("vulkan: ") == std::string::npos, result.err);  // what the validation layer says
  return result.out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("generate: the text of a split model is that of the CPU alone, and each segment is named") {
  const std::string expected = textOn("cpu");
  CHECK(expected.size() > 40);
  CHECK(textOn(kStrategy) == expected);
  const auto result = runCli(with({"generate", "--model", "guide", "--prompt", "a", "--greedy", "--tokens", "1", "--json"}, kStrategy));
  REQUIRE(result.exitCode == 0);
  const std::string device = json::parse(result.out)["device"];
  CHECK_MESSAGE(has(device, ", fp16: 2 layers -> "), device);
  CHECK_MESSAGE(has(device, ", fp32: 2 layers and head, exact"), device);
}

TEST_CASE("bench: the report says the whole strategy, all devices and types") {
  const auto result = runCli(with({"bench", "--guide", "--pp", "8", "--tg", "4", "--reps", "1", "--max-reps", "1", "--no-bandwidth", "--json"}, kStrategy));
  REQUIRE_MESSAGE(result.exitCode == 0, result.err);
  const json report = json::parse(result.out);
  CHECK(report["strategy"] == kStrategy);
  CHECK(report["precision"] == "fp16 + fp32");
  CHECK(report["environment"]["device"] == kDevice);
  CHECK(report["environment"]["threads"].get<int>() > 0);
  CHECK(report["environment"].contains("gpu") == kVulkan);
  std::map<std::string, std::uint64_t> planned, measured, all, everything;
  for (const json& row : report["planned"]) {
    all[row["component"]] += row["bytes"].get<std::uint64_t>();
    if (row["component"] != "state" && row["component"] != "scratch") planned[row["device"]] += row["bytes"].get<std::uint64_t>();
  }
  for (const json& row : report["measured"]) {
    everything[row["component"]] += row["bytes"].get<std::uint64_t>();
    if (row["kind"] == "weights") measured[row["device"]] += row["bytes"].get<std::uint64_t>();
  }
  CHECK(planned == measured);
  if (!kVulkan) CHECK(all == everything);  // a graphics device's scratch is not planned
  CHECK(measured.size() == (kVulkan ? 2 : 1));

  const auto table = runCli(with({"bench", "--synthetic", "rwkv7-0.1b", "--pp", "0", "--tg", "1", "--reps", "1", "--max-reps", "1", "--no-bandwidth"}, kStrategy));
  REQUIRE_MESSAGE(table.exitCode == 0, table.err);
  CHECK(has(table.out, "| rwkv7-0.1b fp16 + fp32 (synthetic weights) |"));
  CHECK(has(table.out, "- Strategy: " + kStrategy));
  CHECK(has(table.out, " + CPU ") == kVulkan);
  CHECK(has(table.out, "| device | weights planned, MB |") == kVulkan);
}

TEST_CASE("memory: planned and measured, and what lies on which device") {
  const auto result = runCli(with({"memory", "--model", "guide", "--json"}, kStrategy));
  REQUIRE_MESSAGE(result.exitCode == 0, result.err);
  const json document = json::parse(result.out);
  CHECK(document["strategy"] == kStrategy);
  CHECK(document["precision"] == "fp16 + fp32");
  CHECK(has(document["device"].get<std::string>(), " -> "));
  std::map<std::string, std::string> where;
  std::map<std::string, std::uint64_t> planned, measured;
  for (const json& row : document["components"]) {
    where[row["component"]] = row["device"];
    planned[row["component"]] += row["bytes"].get<std::uint64_t>();
  }
  for (const json& row : document["measured"])
    if (row["kind"] == "weights") {
      measured[row["component"]] += row["bytes"].get<std::uint64_t>();
      CHECK(where[row["component"]] == row["device"]);
    }
  CHECK(planned == measured);
  CHECK(where["embedding"] == "cpu");
  CHECK(where["block1"] == (kVulkan ? "vulkan:0" : "cpu"));
  CHECK(where["block2"] == "cpu");
  CHECK(where["head"] == "cpu");
  const auto table = runCli(with({"memory", "--model", "guide"}, kStrategy));
  CHECK(has(table.out, "Strategy: " + kStrategy));
}

TEST_CASE("memory: a shape is planned for a strategy, without weights and without the device") {
  const auto result = runCli({"memory", "--shape", "rwkv7-2.9b", "--strategy", "vulkan:7 *20 -> cpu int8", "--json"});
  REQUIRE_MESSAGE(result.exitCode == 0, result.err);
  std::map<std::string, std::uint64_t> where;
  std::map<std::string, json> rows;
  const json document = json::parse(result.out);
  for (const json& row : document["components"]) {
    where[row["device"]] += row["bytes"].get<std::uint64_t>();
    rows[row["component"]] = row;
  }
  CHECK(where.size() == 2);
  CHECK(rows["block19"]["device"] == "vulkan:7");
  CHECK(rows["block20"]["device"] == "cpu");
  CHECK(rows["block19"]["bytes"].get<double>() > 1.8 * rows["block20"]["bytes"].get<double>());  // fp16 and int8
  const auto table = runCli({"memory", "--shape", "rwkv7-2.9b", "--strategy", "vulkan:7 *20 -> cpu int8"});
  CHECK_MESSAGE(has(table.out, "On vulkan:7: "), table.out);
  CHECK(runCli({"memory", "--shape", "rwkv7-2.9b", "--strategy", "vulkan:7 *20+"}).exitCode == 2);
  CHECK(runCli({"memory", "--shape", "rwkv7-2.9b", "--strategy", "cpu fp16 *2 -> cpu", "--precision", "int8"}).exitCode == 2);
}

TEST_CASE("a precision on its own is that of all stages, and refused beside a type in one") {
  const std::string bare = kVulkan ? "vulkan:0 *2 -> cpu" : "cpu *2 -> cpu";
  const auto result = runCli(with({"memory", "--model", "guide", "--precision", "int8", "--json"}, bare));
  REQUIRE_MESSAGE(result.exitCode == 0, result.err);
  CHECK(json::parse(result.out)["precision"] == "int8");
  CHECK(json::parse(result.out)["strategy"] == (kVulkan ? "vulkan:0 int8 *2 -> cpu int8" : "cpu int8 *2 -> cpu int8"));
  const auto bench = runCli(with({"bench", "--guide", "--precision", "int8", "--pp", "0", "--tg", "1", "--reps", "1", "--max-reps", "1", "--no-bandwidth", "--json"}, bare));
  REQUIRE_MESSAGE(bench.exitCode == 0, bench.err);
  CHECK(json::parse(bench.out)["precision"] == "int8");
  for (const std::vector<std::string>& verb : {std::vector<std::string>{"generate", "--model", "guide", "--prompt", "a"}, {"bench", "--guide"}}) {
    auto arguments = with(verb, "cpu *2 -> cpu fp16");
    arguments.insert(arguments.end(), {"--precision", "int8"});
    const auto twice = runCli(arguments);
    CHECK(twice.exitCode == 2);
    CHECK_MESSAGE(has(twice.err, "given twice"), twice.err);
  }
  const auto without = runCli(with({"bench", "--synthetic", "rwkv7-0.1b"}, "cpu fp16 *2 -> cpu"));
  CHECK(without.exitCode == 2);
  CHECK(has(without.err, "need a precision"));
}

TEST_CASE("streaming is refused with what to write instead") {
  const auto result = runCli(with({"generate", "--model", "guide", "--prompt", "a"}, "vulkan:0 *2+ -> cpu"));
  CHECK(result.exitCode == 2);
  CHECK_MESSAGE(has(result.err, "does not stream layers"), result.err);
}

TEST_CASE("a number of layers that the last stage cannot keep to is told, by every verb that runs or plans") {
  const std::vector<std::vector<std::string>> verbs{{"generate", "--model", "guide", "--prompt", "a", "--tokens", "1"},
                                                    {"memory", "--model", "guide"},
                                                    {"memory", "--shape", "rwkv7-0.1b"},
                                                    {"bench", "--guide", "--pp", "0", "--tg", "1", "--reps", "1", "--max-reps", "1", "--no-bandwidth"}};
  for (const auto& verb : verbs) {
    CAPTURE(verb.front());
    const auto told = runCli(with(verb, "cpu *1 -> cpu *2")), silent = runCli(with(verb, "cpu *1 -> cpu"));
    CHECK(told.exitCode == 0);
    CHECK_MESSAGE(has(told.err, "Note: The last stage, \"cpu\", takes all "), told.err);
    CHECK_FALSE(has(silent.err, "Note:"));
  }
}
