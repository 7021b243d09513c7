// SPDX-License-Identifier: GPL-3.0-or-later
// What rookery-cli says and does when Vulkan goes wrong: no loader, no driver, an old or poor one, no memory, a device
// lost in the middle of an answer. The loader is tests/support/fake_vulkan.cpp; ROOKERY_FAKE_VULKAN=card runs all of it
// on a pretended card, where weights and states are copied through staging memory.
#include <doctest/doctest.h>

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/needs_vulkan.h"
#include "support/process.h"
#include "support/variable.h"

using namespace rookery::test;

namespace {

// The real loader's path, or nothing where there is none.
std::string realLoader() {
  void* library = dlopen("libvulkan.so.1", RTLD_NOW);
  if (library == nullptr) return {};
  Dl_info info{};
  if (dladdr(dlsym(library, "vkGetInstanceProcAddr"), &info) == 0) return {};
  return std::filesystem::canonical(info.dli_fname).string();
}

// What the device is for the whole program.
const std::string& device() {
  static const std::string all = [] {
    const char* given = std::getenv("ROOKERY_FAKE_VULKAN");
    return std::string(given == nullptr ? "" : given);
  }();
  return all;
}
bool onCard() { return device() == "card"; }

ProcessResult run(const std::vector<std::string>& arguments, const std::string& fault) {
  const Variable path("LD_LIBRARY_PATH", ROOKERY_FAKE_VULKAN_DIR), real("ROOKERY_REAL_VULKAN", realLoader().c_str()),
      faults("ROOKERY_FAKE_VULKAN", (device() + "," + fault).c_str());
  return runCli(arguments);
}

// How often the device was asked for `what` ("lost=": submissions) in a run that went well.
long countOf(const ProcessResult& counted, const std::string& what) {
  const std::size_t at = counted.err.find(what);
  REQUIRE_MESSAGE(at != std::string::npos, counted.err);
  return std::atol(counted.err.c_str() + at + what.size());
}

const std::vector<std::string> kAnswer{"generate", "--model", "guide", "--strategy", "vulkan:0", "--prompt", "Hello", "--greedy", "--tokens", "40"};

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

bool haveDevice() {
  const std::string devices = run({"devices"}, "").out;
  const std::string line = devices.substr(std::min(devices.size(), devices.find("vulkan:0: ")));
  if (!line.empty() && !contains(line, "vulkan:0: not usable")) return true;
  if (vulkanRequired() || !meansNoVulkan(line)) FAIL(devices);
  MESSAGE("SKIP: " << line);
  return false;
}

// An answer, and how often it asked the device for what.
ProcessResult counted() {
  run(kAnswer, "");  // measures, where nobody did before
  return run(kAnswer, "count");
}

}  // namespace

TEST_CASE("a device or a driver that cannot do what is needed is refused with the reason") {
  if (!haveDevice()) return;
  for (const auto& [fault, reason] : {std::pair{"missing=bufferDeviceAddress", "lacks buffer device addresses"},
                                      {"missing=timelineSemaphore", "lacks timeline semaphores"},
                                      {"missing=shuffle", "lacks subgroup shuffles"},
                                      {"invocations=128", "its work groups hold 128 invocations at most; 256 are needed"},
                                      {"buffers=4", "its shaders see 4 buffers at most; 7 are needed"},
                                      {"refuse=vkCreateInstance", "refused: creating a Vulkan instance (code -3)"},
                                      {"refuse=vkEnumeratePhysicalDevices", "refused: listing the graphics devices (code -3)"},
                                      {"old", "Vulkan 1.1"}}) {
    CAPTURE(fault);
    const auto result = run(kAnswer, fault);
    CHECK(result.exitCode == 1);
    CHECK_MESSAGE(contains(result.err, reason), result.err);
    const auto devices = run({"devices"}, fault);
    CHECK(devices.exitCode == 0);
    CHECK(contains(devices.out, reason));
  }
}

TEST_CASE("without a loader, and without a driver, Vulkan is refused and the CPU works") {
  const TemporaryFolder folder;
  writeFile(folder.file("libvulkan.so.1"), "not a library");
  writeFile(folder.file("libvulkan.so"), "not a library");
  setenv("LD_LIBRARY_PATH", folder.path().c_str(), 1);
  const auto noLoader = runCli(kAnswer);
  const auto onCpu = runCli({"generate", "--model", "guide", "--prompt", "Hello", "--greedy", "--tokens", "4"});
  unsetenv("LD_LIBRARY_PATH");
  CHECK(noLoader.exitCode == 1);
  CHECK_MESSAGE(contains(noLoader.err, "No Vulkan loader was found"), noLoader.err);
  CHECK(onCpu.exitCode == 0);
  if (realLoader().empty()) return;
  setenv("VK_ICD_FILENAMES", "/nowhere/driver.json", 1);
  const auto noDriver = runCli(kAnswer);
  const auto devices = runCli({"devices"});
  unsetenv("VK_ICD_FILENAMES");
  CHECK(noDriver.exitCode == 1);
  CHECK_MESSAGE(contains(noDriver.err, "No Vulkan driver"), noDriver.err);
  CHECK(devices.exitCode == 0);
  CHECK(contains(devices.out, "No Vulkan driver"));
}

TEST_CASE("memory that runs out while a model is loaded says what would help") {
  if (!haveDevice()) return;
  const auto whole = counted();
  REQUIRE(whole.exitCode == 0);
  const long allocations = countOf(whole, "memory=");
  CHECK(allocations >= 10);
  CHECK(allocations < 40);
  int survived = 0;
  for (const std::string fault : {"full=", "memory="}) {
    for (long allocation = 1; allocation <= allocations; ++allocation) {
      CAPTURE(fault);
      CAPTURE(allocation);
      const auto result = run(kAnswer, fault + std::to_string(allocation));
      if (result.exitCode == 0 && fault == "memory=") {  // another kind of memory did
        ++survived;
        CHECK(result.out == whole.out);
        continue;
      }
      CHECK(result.exitCode == 4);
      CHECK_MESSAGE(contains(result.err, "not enough free memory"), result.err);
      CHECK_MESSAGE(contains(result.err, "fit"), result.err);  // and what would
      CHECK_MESSAGE(contains(result.err, "CPU"), result.err);
    }
  }
  // llvmpipe has one kind of memory, the card two of the CPU's.
  CHECK(survived == (onCard() ? 4 : 0));
}

TEST_CASE("a device lost while pieces of a chunk are on its queue ends in a sentence") {
  if (!haveDevice()) return;
  const Variable tuning("ROOKERY_VULKAN_TUNING", "tiles=1");  // as on a card: chunks go in pieces
  std::string prompt;
  for (int i = 0; i < 40; ++i) prompt += "What is a state? ";
  const std::vector<std::string> arguments{"generate", "--model", "guide", "--strategy", "vulkan:0", "--prompt", prompt, "--greedy", "--tokens", "2"};
  const long submissions = countOf(run(arguments, "count"), "lost=");
  REQUIRE(submissions >= 5);  // memory is cleared; pieces; a token
  for (long submission = std::max(1L, submissions - 11); submission <= submissions; ++submission) {
    CAPTURE(submission);
    const auto result = run(arguments, "lost=" + std::to_string(submission));
    CHECK(result.exitCode == 1);
    CHECK_MESSAGE(contains(result.err, "stopped answering"), result.err);
  }
}

TEST_CASE("a device with room for a part of the model: the error names the strategy that works") {
  if (!haveDevice()) return;
  const std::string onCpu = runCli({"generate", "--model", "guide", "--prompt", "Hello", "--greedy", "--tokens", "40"}).out;
  const auto on = [](const std::string& strategy) {
    return std::vector<std::string>{"generate", "--model", "guide", "--strategy", strategy, "--prompt", "Hello", "--greedy", "--tokens", "40"};
  };
  const auto quotedAfter = [](const std::string& text, const std::string& words) {
    const std::size_t begin = text.find('"', text.find(words));
    return begin == std::string::npos ? std::string() : text.substr(begin + 1, text.find('"', begin + 1) - begin - 1);
  };
  // The weights take 8.2 MB, a run 6.7.
  for (const int layers : {3, 2}) {
    const int bytes = layers == 3 ? 12'000'000 : 10'000'000;
    CAPTURE(bytes);
    const std::string fault = "heap=" + std::to_string(bytes);
    const auto result = run(on("vulkan:0"), fault);
    CHECK(result.exitCode == 4);
    CHECK_MESSAGE(contains(result.err, "not enough free memory"), result.err);
    CHECK_MESSAGE(contains(result.err, (std::to_string(layers) + " of its 5 layers").c_str()), result.err);
    const std::string advice = quotedAfter(result.err, "of its 5 layers");
    CHECK(advice == "vulkan:0 *" + std::to_string(layers) + " -> cpu");
    const auto followed = run(on(advice), fault);
    CHECK_MESSAGE(followed.exitCode == 0, followed.err);
    CHECK(followed.out == onCpu);
    CHECK(run(on("vulkan:0 *" + std::to_string(layers + 1) + " -> cpu"), fault).exitCode == 4);  // one more does not fit
  }
  const auto typed = run(on("vulkan:0 fp16"), "heap=12000000");
  CHECK(quotedAfter(typed.err, "of its 5 layers") == "vulkan:0 fp16 *3 -> cpu fp16");
  CHECK_MESSAGE(contains(typed.err, "All of it would fit as int8"), typed.err);
  const auto part = run(on("vulkan:0 *3 -> cpu"), "heap=10000000");
  CHECK(part.exitCode == 4);
  CHECK_MESSAGE(quotedAfter(part.err, "of its 3 layers") == "vulkan:0 *2 -> cpu", part.err);
  CHECK_MESSAGE(contains(part.err, "in place of this stage"), part.err);
  for (const char* strategy : {"vulkan:0 *2 -> cpu", "cpu *2 -> vulkan:0", "vulkan:0 *2 -> vulkan:0"}) {
    CAPTURE(strategy);
    const auto stage = run(on(strategy), "heap=1000000");
    CHECK(stage.exitCode == 4);
    CHECK_MESSAGE(quotedAfter(stage.err, "The CPU has room for this stage") == "cpu", stage.err);
  }

  const auto none = run(on("vulkan:0"), "heap=1000000");
  CHECK(none.exitCode == 4);
  CHECK_MESSAGE(contains(none.err, "Not one of its layers fits."), none.err);
  CHECK(quotedAfter(none.err, "The CPU alone has room") == "cpu");
  // The driver refuses before its free memory is used up: what it gave so far counts.
  const auto refused = run(on("vulkan:0"), "memory=1");
  CHECK_MESSAGE(contains(refused.err, "Not one of its layers fits."), refused.err);
}

TEST_CASE("two stages on one card: the second leaves what a run of the first needs") {
  if (!haveDevice()) return;
  const auto on = [](const std::string& strategy) {
    return std::vector<std::string>{"generate", "--model", "guide", "--strategy", strategy, "--prompt", "Hello", "--greedy", "--tokens", "4"};
  };
  // Each stage takes about 4 MB of weights and 6 for a run: one by one they fit, together they do not.
  const auto refused = run(on("vulkan:0 *2 -> vulkan:0"), "heap=17000000");
  CHECK(refused.exitCode == 4);
  CHECK_MESSAGE(contains(refused.err, "MB for a run of the stages before"), refused.err);
  CHECK(run(on("vulkan:0 *2 -> cpu"), "heap=17000000").exitCode == 0);
  CHECK(run(on("cpu *2 -> vulkan:0"), "heap=17000000").exitCode == 0);
  CHECK(run(on("vulkan:0 *2 -> vulkan:0"), "heap=30000000").exitCode == 0);
}

TEST_CASE("a device that is lost, or has no memory for more work, keeps what was written") {
  if (!haveDevice()) return;
  const auto whole = counted();
  struct Fault {
    const char *name, *counter;
    int exitCode;
    const char* sentence;
  };
  for (const Fault& fault : {Fault{"lost=", "lost=", 1, "stopped answering"}, {"waitlost=", "waitlost=", 1, "stopped answering"}, {"submitoom=", "lost=", 4, "emory"}}) {
    CAPTURE(fault.name);
    const long last = countOf(whole, fault.counter);
    REQUIRE(last > 23);  // one for each token that is written, and what loading takes
    int during = 0;
    for (const long at : {1L, 2L, last / 2, last - 23, last - 20, last - 15, last - 6, last}) {
      CAPTURE(at);
      const auto result = run(kAnswer, fault.name + std::to_string(at));
      CHECK(result.exitCode == fault.exitCode);
      CHECK_MESSAGE(contains(result.err, fault.sentence), result.err);
      CHECK_MESSAGE(contains(result.err, "CPU"), result.err);  // which works
      const std::string text = result.out.substr(0, result.out.find_last_not_of('\n') + 1);
      CHECK(whole.out.starts_with(text));
      during += text.empty() ? 0 : 1;
    }
    CHECK(during >= 3);
  }
}

TEST_CASE("a pipeline that the driver refuses ends a load in a sentence") {
  if (!haveDevice()) return;
  const long pipelines = countOf(counted(), "pipe=");
  CHECK(pipelines >= 8);
  for (long pipeline = 1; pipeline <= pipelines; ++pipeline) {
    CAPTURE(pipeline);
    const auto result = run(kAnswer, "pipe=" + std::to_string(pipeline));
    CHECK(result.exitCode == 1);
    CHECK_MESSAGE(contains(result.err, "The graphics driver refused: compiling shader "), result.err);
    CHECK_MESSAGE(contains(result.err, "CPU"), result.err);
  }
}

// What is measured when a card sees a model for the first time.
TEST_CASE("faults while a tuning is measured") {
  if (!haveDevice() || !onCard()) return;
  const auto whole = counted();
  const auto atFirst = [](const std::string& fault, const TemporaryFolder& folder) {
    const Variable cache("ROOKERY_CACHE_DIR", folder.path().c_str());
    return run(kAnswer, fault);
  };
  const auto kept = [](const TemporaryFolder& folder) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "vulkan", none))
      if (entry.path().string().ends_with(".tuning.bin")) return true;
    return false;
  };
  const TemporaryFolder first;
  const auto measured = atFirst("count", first);
  CHECK(measured.exitCode == 0);
  CHECK(measured.out == whole.out);
  CHECK(kept(first));
  // Seven pipelines of the tuning that all others are compared with come first, then those of the others.
  const bool hadTime = countOf(measured, "pipe=") > countOf(whole, "pipe=") + 5;
  for (const long pipeline : {1L, 3L, 9L}) {
    if (pipeline > 7 && !hadTime) continue;
    CAPTURE(pipeline);
    const TemporaryFolder folder;
    const auto result = atFirst("pipe=" + std::to_string(pipeline), folder);
    CHECK_MESSAGE(result.exitCode == 0, result.err);
    CHECK(result.out == whole.out);
  }
  // Measuring begins when the weights are there: before the tokens, and what else takes a few submissions.
  const long begin = countOf(whole, "lost=") - 23 - 8;
  std::vector<std::string> faults;
  for (long at = begin; at < begin + 12; ++at) faults.push_back("lost=" + std::to_string(at));
  faults.push_back("waitlost=" + std::to_string(begin + 10));
  for (const std::string& fault : faults) {
    CAPTURE(fault);
    const TemporaryFolder folder;
    const auto result = atFirst(fault, folder);
    CHECK(result.exitCode == 1);
    CHECK_MESSAGE(contains(result.err, "stopped answering"), result.err);
    CHECK_FALSE(kept(folder));  // or the card would never be measured
  }
}

TEST_CASE("a poor device writes the same text in smaller pieces, or says why it cannot") {
  if (!haveDevice()) return;
  const std::string whole = run(kAnswer, "").out;
  REQUIRE(whole.size() > 20);
  // The guide model: rows of 1 KB, 8 KB of logits a token, 270 KB of state, head matrices of 128 strips.
  for (const char* limit : {onCard() ? "shared=4700" : "shared=1200", "range=300000", onCard() ? "groups=32" : "groups=16"}) {  // of a card, in groups of more lanes
    CAPTURE(limit);
    const auto result = run(kAnswer, limit);
    CHECK_MESSAGE(result.exitCode == 0, result.err);
    CHECK(result.out == whole);
  }
  const auto state = run(kAnswer, "range=200000");
  CHECK(state.exitCode == 4);
  CHECK_MESSAGE(contains(state.err, "its states take 0.3 MB for one token, and the device lets a program use 0.2 MB at a time"), state.err);
  for (const char* limit : {"groups=3", "shared=500"}) {
    const auto result = run(kAnswer, limit);
    CHECK(result.exitCode == 1);
    CHECK_MESSAGE(contains(result.err, "cannot run this model"), result.err);
  }
}

TEST_CASE("a card whose whole memory the CPU sees: weights are written straight into it, and the text is the same") {
  if (!haveDevice()) return;
  CHECK(contains(run({"devices"}, "rebar").out, "direct uploads"));
  CHECK_FALSE(contains(run({"devices"}, "").out, "direct uploads"));
  const auto result = run(kAnswer, "rebar");
  CHECK_MESSAGE(result.exitCode == 0, result.err);
  CHECK(result.out == run(kAnswer, "").out);
}
