// SPDX-License-Identifier: GPL-3.0-or-later
// The device beneath the models: copies to and from memory that the CPU cannot reach, what is measured when a model is
// first loaded on a card, and several threads at once. Runs under validation where CTest says so.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "backend/common/device_cache.h"
#include "backend/vulkan/vulkan_measure.h"
#include "backend/vulkan/vulkan_weights.h"
#include "support/process.h"
#include "support/small_models.h"
#include "support/variable.h"
#include "support/vulkan_device.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

VulkanBuffer onDevice(const std::shared_ptr<VulkanDevice>& device, std::uint64_t bytes, Ledger& ledger) {
  auto buffer = device->newBuffer(bytes, VulkanMemory::Device, ledger, "test", "test");
  REQUIRE_MESSAGE(buffer.has_value(), buffer.error().message);
  return std::move(*buffer);
}

std::vector<std::byte> pattern(std::size_t bytes, unsigned seed) {
  std::vector<std::byte> all(bytes);
  std::uint32_t x = seed * 2654435761U + 1;
  for (std::byte& byte : all) {
    x = x * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(x >> 24U);
  }
  return all;
}

// What a session says: a text in chunks, a step back, and tokens one by one, with every state through the CPU. Empty:
// something failed.
std::vector<float> answer(const std::shared_ptr<const Model>& model, std::size_t start) {
  Session session(model);
  auto tokens = someTokens(24 + start);
  tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(start));
  auto logits = session.evaluate(tokens, all(tokens.size()), 16);
  if (!logits) return {};
  const auto kept = session.snapshot();
  if (!kept || !session.decode(7) || !session.restore(*kept)) return {};
  for (TokenId token = 0; token < 5; ++token) {
    if (!session.decode(token)) return {};
    const auto one = session.logits();
    logits->insert(logits->end(), one.begin(), one.end());
  }
  return std::move(*logits);
}

}  // namespace

TEST_CASE("bytes go to the device and come back, through staging memory in pieces on a card") {
  const auto device = openVulkanDevice();
  Ledger ledger;
  constexpr std::size_t kBytes = 70'000'012, kEdge = 12;  // more than two staging buffers
  const VulkanBuffer buffer = onDevice(device, kBytes, ledger);
  CHECK((buffer.data() == nullptr) == !device->candidate().integrated);
  const auto first = pattern(kBytes, 1), second = pattern(kBytes - 2 * kEdge, 2);
  REQUIRE(device->write(buffer, 0, first).has_value());
  std::vector<std::byte> back(kBytes);
  REQUIRE(device->read(buffer, 0, back).has_value());
  CHECK(back == first);
  REQUIRE(device->write(buffer, kEdge, second).has_value());
  std::vector<std::byte> middle(second.size());
  REQUIRE(device->read(buffer, kEdge, middle).has_value());
  CHECK(middle == second);
  REQUIRE(device->read(buffer, 0, back).has_value());
  CHECK(std::equal(back.begin(), back.begin() + kEdge, first.begin()));
  CHECK(std::equal(back.end() - kEdge, back.end(), first.end() - kEdge));
}

TEST_CASE("what the CPU writes to a device and reads from it lies where it can") {
  const auto device = openVulkanDevice();
  Ledger ledger;
  for (const VulkanMemory where : {VulkanMemory::ToDevice, VulkanMemory::ToHost}) {
    const auto buffer = device->newBuffer(1000, where, ledger, "test", "test");
    REQUIRE(buffer.has_value());
    CHECK(buffer->data() != nullptr);
  }
}

TEST_CASE("threads that copy at the same time do not mix their bytes") {
  const auto device = openVulkanDevice();
  Ledger ledger;
  constexpr std::size_t kBytes = 300'000;
  std::vector<VulkanBuffer> buffers;
  for (int i = 0; i < 4; ++i) buffers.push_back(onDevice(device, kBytes, ledger));
  std::array<int, 4> wrong{};
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        std::vector<std::byte> back(kBytes);
        for (unsigned round = 0; round < 20; ++round) {
          const auto bytes = pattern(kBytes, 100 * i + round);
          if (!device->write(buffers[i], 0, bytes) || !device->read(buffers[i], 0, back) || back != bytes) ++wrong[i];
        }
      });
    }
  }
  CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("a card's tuning is measured when a model is first loaded, and read the next time; a processor's is known") {
  const TemporaryFolder folder;
  const Variable cache("ROOKERY_CACHE_DIR", folder.path().c_str()), untold("ROOKERY_VULKAN_TUNING", nullptr);
  const auto kept = [&] {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "vulkan"))
      if (entry.path().string().ends_with(".tuning.bin")) found.push_back(entry.path());
    return found;
  };
  ModelShape shape = smallShape(RwkvVersion::V7);
  const auto model = makeModel(shape, {}, true, vulkanDevice());
  if (softwareDevice()) {
    CHECK(kept().empty());
    return;
  }
  REQUIRE(kept().size() == 1);
  std::string key = kept().front().filename().string();
  key.resize(key.size() - std::string(".bin").size());
  const auto text = [&] {
    const auto bytes = readCached("vulkan", key);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const auto measured = parseTuning(text(), {});
  REQUIRE_MESSAGE(measured.has_value(), text());
  const auto written = std::filesystem::last_write_time(kept().front());
  REQUIRE(makeModel(shape, {}, true, vulkanDevice()) != nullptr);
  CHECK(kept().size() == 1);
  CHECK(std::filesystem::last_write_time(kept().front()) == written);  // not measured again
  // What stands there is what is used: a number of strips that measuring never tries.
  VulkanTuning planted = *measured;
  planted.strips = 7;
  const std::string plantedText = tuningText(planted);
  writeCached("vulkan", key, std::as_bytes(std::span(plantedText)));
  const auto weights = std::static_pointer_cast<const VulkanWeights>(model->impl().weights);
  const auto used = tuningFor(model->impl().program, weights, openVulkanDevice());
  REQUIRE(used.has_value());
  CHECK(tuningText(*used) == plantedText);
  // Another shape is another tuning.
  shape.layers = 2;
  REQUIRE(makeModel(shape, {}, true, vulkanDevice()) != nullptr);
  CHECK(kept().size() == 2);
  CHECK(text() == plantedText);
}

TEST_CASE("what a driver compiled is kept, and read when the device is opened again; a damaged file is as none") {
  const TemporaryFolder folder;
  const Variable cache("ROOKERY_CACHE_DIR", folder.path().c_str()), tuning("ROOKERY_VULKAN_TUNING", "unroll=1");
  const std::string key = openVulkanDevice()->candidate().cacheKey;
  const auto file = folder.path() / "vulkan" / (key + ".bin");
  CHECK_FALSE(std::filesystem::exists(file));
  const auto load = [] { REQUIRE(makeModel(smallShape(RwkvVersion::V7), {}, true, vulkanDevice()) != nullptr); };
  load();
  REQUIRE(std::filesystem::exists(file));
  const auto bytes = readCached("vulkan", key);
  CHECK_FALSE(bytes.empty());
  const auto longAgo = std::filesystem::last_write_time(file) - std::chrono::hours(1);
  std::filesystem::last_write_time(file, longAgo);
  load();
  CHECK(std::filesystem::last_write_time(file) == longAgo);  // it was read: there was nothing to add
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  CHECK(readCached("vulkan", key).empty());
  load();
  CHECK(readCached("vulkan", key).size() == bytes.size());
}

TEST_CASE("two sessions of one model on two threads say what each says by itself") {
  // Whole, and in segments that share one device.
  for (const std::string& strategy : {vulkanDevice(), vulkanDevice() + " *1 -> " + vulkanDevice()}) {
    CAPTURE(strategy);
    const auto model = makeModel(smallShape(RwkvVersion::V7), {}, true, strategy);
    std::array<std::vector<float>, 2> expected{answer(model, 0), answer(model, 5)}, together;
    REQUIRE_FALSE(expected[0].empty());
    REQUIRE_FALSE(expected[1].empty());
    CHECK(expected[0] != expected[1]);
    for (int round = 0; round < 2; ++round) {
      {
        std::jthread other([&] { together[1] = answer(model, 5); });
        together[0] = answer(model, 0);
      }
      CHECK(together[0] == expected[0]);
      CHECK(together[1] == expected[1]);
    }
  }
}

TEST_CASE("two models on two threads, loaded there too, say what each says by itself") {
  const TemporaryFolder folder;
  const Variable cache("ROOKERY_CACHE_DIR", folder.path().c_str()), untold("ROOKERY_VULKAN_TUNING", nullptr);
  const std::array<RwkvVersion, 2> versions{RwkvVersion::V7, RwkvVersion::V6};
  std::array<std::vector<float>, 2> expected, together;
  const auto say = [&](std::size_t i, std::vector<float>& out) {
    SyntheticSource source(smallShape(versions[i]), "test", DType::F16, 7);
    LoadOptions options;
    options.sparseFfn = true;
    options.strategy = vulkanDevice();
    const auto model = buildModel(source, nullptr, {}, true, options, {}, {});
    if (model) out = answer(*model, i);
  };
  for (const bool known : {false, true}) {  // measured by both at the same time, and known
    CAPTURE(known);
    {
      std::jthread other([&] { say(1, together[1]); });
      say(0, together[0]);
    }
    for (std::size_t i = 0; i < 2; ++i) {
      say(i, expected[i]);
      REQUIRE_FALSE(expected[i].empty());
      CHECK(together[i] == expected[i]);
      together[i].clear();
    }
  }
}

TEST_CASE("nothing above drew a message of the validation layer") {
  const char* wanted = std::getenv("ROOKERY_VULKAN_VALIDATION");
  if (wanted != nullptr) REQUIRE(VulkanInstance::get().value()->validates());  // or there would be none to draw
  CHECK(VulkanInstance::validationMessages() == 0);
}
