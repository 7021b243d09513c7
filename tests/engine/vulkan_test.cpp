// SPDX-License-Identifier: GPL-3.0-or-later
// The Vulkan backend against the oracle and the CPU, on the device that ROOKERY_TEST_VULKAN names (default 0; llvmpipe
// where there is no other), under the Khronos validation layer with synchronisation validation where the test says so.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "backend/vulkan/vulkan_bandwidth.h"
#include "backend/vulkan/vulkan_executable.h"
#include "support/oracle.h"
#include "support/golden.h"
#include "support/small_models.h"
#include "support/variable.h"
#include "support/validation.h"
#include "support/vulkan_device.h"
#include "support/vulkan_hooks.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

std::string device() { return vulkanDevice(); }

}  // namespace

TEST_CASE("Vulkan: fp16 weights agree with the double-precision oracle at every position") {
  const auto tokens = someTokens(50);
  // As a software device gets its work, and as cards do: groups of several subgroups, tiles. A card has its own cut.
  for (const char* tuning : {"", "group=32,part=8,tiles=1,unroll=4,strips=1"}) {
    if (*tuning != '\0' && !softwareDevice()) continue;
    CAPTURE(std::string(tuning));
    const Variable cut("ROOKERY_VULKAN_TUNING", *tuning != '\0' ? tuning : std::getenv("ROOKERY_VULKAN_TUNING"));
    for (const RwkvVersion version : kVersions) {
      CAPTURE(std::string(versionName(version)));
      SyntheticSource source(smallShape(version), "test", DType::F16, 7);
      const auto oracle = makeOracle(source);
      Session session(makeModel(smallShape(version), {}, true, device()));
      std::vector<float> logits = session.evaluate(std::span(tokens).first(45), all(45)).value();
      for (std::size_t t = 45; t < tokens.size(); ++t) {
        const auto one = session.evaluate(std::span(tokens).subspan(t, 1), all(1));
        REQUIRE(one.has_value());
        logits.insert(logits.end(), one->begin(), one->end());
      }
      double worst = 0;
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        const auto expected = oracle->step(tokens[t]);
        for (std::size_t i = 0; i < expected.size(); ++i)
          worst = std::max(worst, std::fabs(expected[i] - static_cast<double>(logits[t * expected.size() + i])));
      }
      CHECK(worst < 1e-4);
    }
  }
}

// Short, for the sanitizers.
TEST_CASE("Vulkan: a model is loaded, reads, writes, stops, is copied and let go, and agrees with the CPU") {
  const auto tokens = someTokens(20);
  for (const std::string& strategy : {device(), device() + " *1 -> cpu"}) {
    CAPTURE(strategy);
    Session cpu(makeModel(smallShape(RwkvVersion::V7), DType::Q8_0, true, "cpu")), session(makeModel(smallShape(RwkvVersion::V7), DType::Q8_0, true, strategy));
    for (Session* s : {&cpu, &session}) {
      REQUIRE(s->prefill(tokens).has_value());
      for (const TokenId token : {5, 6, 7}) REQUIRE(s->decode(token).has_value());
    }
    CHECK(worstDifference(session.logits(), cpu.logits()) < 1e-4F);
    Session other(session.model());
    REQUIRE(other.restore(session.snapshot().value()).has_value());
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(session.decode(8, stop.get_token()).has_value());
    REQUIRE(other.decode(8).has_value());
    REQUIRE(session.decode(8).has_value());
    CHECK(worstDifference(session.logits(), other.logits()) == 0);
  }
}

TEST_CASE("Vulkan: every weight format agrees with the CPU, in decode and in chunks") {
  const auto tokens = someTokens(20);
  for (int type = 0; type <= static_cast<int>(DType::A16W4); ++type) {
    const auto precision = static_cast<DType>(type);
    if (!precisionNamed(traits(precision).name)) continue;
    CAPTURE(std::string(traits(precision).name));
    ModelShape shape = smallShape(RwkvVersion::V7);
    shape.nEmbd = 256;  // whole blocks of every format
    Session cpu(makeModel(shape, precision, true, "cpu"));
    const auto expected = cpu.evaluate(tokens, all(tokens.size()));
    REQUIRE(expected.has_value());
    const bool alsoSparse = precision == DType::F32 || precision == DType::F16 || precision == DType::Q5_K;  // one of each kind
    for (const bool sparse : {false, true}) {
      if (sparse && !alsoSparse) continue;
      Session session(makeModel(shape, precision, sparse, device()));
      for (const std::size_t chunk : {1, 16}) {
        CAPTURE(chunk);
        session.reset();
        const auto logits = session.evaluate(tokens, all(tokens.size()), chunk);
        REQUIRE(logits.has_value());
        // Where inputs are rounded to fp16, a last bit before the rounding is a step of 2^-11 after it.
        const bool halfInputs = precision == DType::A16W8 || precision == DType::A16W4;
        CHECK(worstDifference(*logits, *expected) < (halfInputs ? 5e-3F : 1e-4F));
      }
    }
  }
}

TEST_CASE("Vulkan: chunking changes no bit, and the sparse path little") {
  const auto tokens = someTokens(70);
  for (const RwkvVersion version : kVersions) {
    for (const std::optional<DType> precision : {std::optional<DType>{}, std::optional(DType::F32), std::optional(DType::Int4), std::optional(DType::Q8_0)}) {
      if (version != RwkvVersion::V7 && precision) continue;  // the products are those of all versions
      CAPTURE(std::string(versionName(version)));
      std::vector<float> dense;
      for (const bool sparse : {false, true}) {
        Session session(makeModel(smallShape(version), precision, sparse, device()));
        const auto expected = session.evaluate(tokens, all(tokens.size()), 1);
        REQUIRE(expected.has_value());
        const Snapshot after = session.snapshot().value();
        if (!sparse) dense = *expected;
        CHECK(worstDifference(*expected, dense) < 1e-4F);  // its sums run in another order
        for (const std::size_t chunk : {2, 7, 16, 64}) {
          if (chunk > 16 && !softwareDevice()) continue;  // tiles: another order of sums (engine.vulkan_ops)
          CAPTURE(sparse);
          CAPTURE(chunk);
          session.reset();
          const auto logits = session.evaluate(tokens, all(tokens.size()), chunk);
          REQUIRE(logits.has_value());
          CHECK(std::equal(logits->begin(), logits->end(), expected->begin()));
          CHECK(session.snapshot().value().state.compare(after.state).maxAbs == 0.0F);
        }
      }
    }
  }
}

TEST_CASE("a state saved on the CPU continues on Vulkan, and back") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    checkStateGoesOn(makeModel(smallShape(version), {}, true, "cpu"), makeModel(smallShape(version), {}, true, device()), 1e-4F);
  }
}

TEST_CASE("the guide model writes the same 256 tokens on the CPU and on Vulkan") {
  GenerateRequest request;
  request.sampling.temperature = 0;
  request.maxTokens = 256;
  request.stopAtEndOfText = false;
  std::vector<TokenId> answers[2];
  for (const bool vulkan : {false, true}) {
    LoadOptions options;
    options.strategy = (vulkan ? device() : "cpu") + std::string(" fp32");
    const auto model = Model::guide(options);
    REQUIRE_MESSAGE(model.has_value(), (model ? "" : model.error().message));
    Session session(*model);
    REQUIRE(session.prefill((*model)->tokenizer()->encode("User: What is a state?\n\nAssistant:")).has_value());
    auto result = session.generate(request, {});
    REQUIRE(result.has_value());
    answers[vulkan] = result->tokens;
  }
  CHECK(answers[0].size() == 256);
  CHECK(answers[0] == answers[1]);
}

TEST_CASE("what this process takes of a device's memory is counted, whichever opening of the device took it") {
  const int index = vulkanIndex();
  const auto one = VulkanDevice::open(index), other = VulkanDevice::open(index);
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  const auto taken = [&] {
    std::uint64_t sum = 0;
    for (const auto& heap : *(*other)->candidate().use) sum += heap;
    return sum;
  };
  const std::uint64_t before = taken();
  Ledger ledger;
  {
    const auto buffer = (*one)->newBuffer(10'000'000, VulkanMemory::Device, ledger, "test", "test");
    REQUIRE(buffer.has_value());
    CHECK(taken() >= before + 10'000'000);
    CHECK(taken() < before + 11'000'000);
  }
  CHECK(taken() == before);
}

TEST_CASE("every pattern of the bandwidth probe reads every word of a part once") {
  const auto opened = VulkanDevice::open(vulkanIndex());
  REQUIRE(opened.has_value());
  const auto probe = VulkanReadProbe::create(*opened, std::uint64_t{48} << 20, {});
  REQUIRE_MESSAGE(probe.has_value(), (probe ? "" : probe.error().message));
  VulkanReadProbe& p = **probe;
  CHECK(p.bytes() >= std::uint64_t{16} << 20);
  for (const std::uint32_t loads : {1, 2, 4, 8}) {
    for (const bool strided : {false, true}) {
      for (const std::uint32_t groups : {1, 3, 64}) {
        CAPTURE(loads);
        CAPTURE(strided);
        CAPTURE(groups);
        const auto pass = p.read({loads, strided, groups}, p.bytes());
        REQUIRE(pass.has_value());
        CHECK(pass->bytes > p.bytes() / 2);
        CHECK(pass->bytes <= p.bytes());
        CHECK(pass->seconds > 0);
        std::uint32_t expected = 0;
        for (std::uint64_t word = pass->lastPart / 4; word < (pass->lastPart + pass->partBytes) / 4; ++word) expected ^= VulkanReadProbe::word(static_cast<std::uint32_t>(word));
        CHECK(p.checksum().value() == expected);
      }
    }
  }
  const auto all = p.read({4, true, 64}, 3 * p.bytes());  // three times over
  REQUIRE(all.has_value());
  CHECK(all->bytes > 2 * p.bytes());
  CHECK(p.read({8, true, 1U << 20U}, 1)->bytes == 0);  // one step is more than there is
}

TEST_CASE("at most six dispatches a layer for files whose matrices are of three types") {
  LoadOptions options;
  options.strategy = device();
  for (const std::string name : {"model.f16.gguf", "model.Q8_0.gguf", "model.Q4_K_M.gguf"}) {
    CAPTURE(name);
    const auto model = Model::load(goldenFolders().front() / "models/v7_quant" / name, options);
    REQUIRE_MESSAGE(model.has_value(), (model ? "" : model.error().message));
    const VulkanHooks executable(static_cast<VulkanExecutable&>(*(*model)->impl().executable));
    for (int layer = 0; layer < (*model)->info().shape.layers; ++layer) CHECK(executable.decodeDispatches(layer) <= 6);
  }
}

TEST_CASE("at most six dispatches and six barriers a layer in RWKV-7 decode") {
  for (const RwkvVersion version : {RwkvVersion::V7, RwkvVersion::V7a}) {
    const auto model = makeModel(smallShape(version), DType::Int4, true, device());
    const VulkanHooks executable(static_cast<VulkanExecutable&>(*model->impl().executable));
    for (int layer = 0; layer < 3; ++layer) {
      const std::size_t most = version == RwkvVersion::V7a ? 7 : 6;
      CHECK(executable.decodeDispatches(layer) <= most);  // each is followed by one barrier
      CHECK(executable.decodeDispatches(layer) >= 5);
    }
  }
}

TEST_CASE("validation: every generation runs without a message") {
  if (!turnValidationOn()) return;
  const auto tokens = someTokens(20);
  for (const RwkvVersion version : kVersions) {
    CAPTURE(std::string(versionName(version)));
    const auto before = VulkanInstance::validationMessages();
    const auto model = makeModel(smallShape(version), {}, true, device());
    Session session(model);
    REQUIRE(session.evaluate(tokens, all(tokens.size()), 16).has_value());
    REQUIRE(session.decode(5).has_value());
    CHECK(VulkanInstance::validationMessages() == before);
  }
}
