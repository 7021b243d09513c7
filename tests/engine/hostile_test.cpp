// SPDX-License-Identifier: GPL-3.0-or-later
// Broken and malicious files through the engine's own door: a clean error, soon, without large allocations.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "support/golden.h"

namespace {
std::atomic<std::size_t> g_largest{0};
}

// Counts what is asked for; the largest single request is what a hostile length would show up in.
void* operator new(std::size_t size) {
  std::size_t seen = g_largest.load();
  while (size > seen && !g_largest.compare_exchange_weak(seen, size)) {
  }
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace rookery::engine;
using namespace rookery::test;

TEST_CASE("hostile files") {
  constexpr std::size_t kMostBytes = 64U << 20U;
  for (const auto& folder : goldenFolders()) {
    int accepted = 0, rejected = 0;
    for (const auto& entry : readJson(folder / "hostile/manifest.json")) {
      const auto path = folder / "hostile" / entry["file"].get<std::string>();
      const std::string wrong = entry["wrong"];
      CAPTURE(path.string());
      CAPTURE(wrong);
      g_largest = 0;
      const auto start = std::chrono::steady_clock::now();
      const auto file = ModelFile::open(path);
      // As a container some are sound; what they say about the model is not.
      const bool usable = file && detect(**file).has_value();
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
      CHECK(taken.count() < 1.0);
      CHECK(g_largest < kMostBytes);
      if (entry["expect"] == "accept") {
        ++accepted;
        CHECK_MESSAGE(file.has_value(), (file ? "" : file.error().message));
      } else {
        ++rejected;
        CHECK_FALSE(usable);
        if (path.filename() != "architecture_unknown.gguf") CHECK_FALSE(file.has_value());
        const Error error = file ? detect(**file).error() : file.error();
        CHECK_MESSAGE(error.message.ends_with("."), error.message);
        const bool unsafe = path.filename().string().starts_with("reduce_");
        CHECK_MESSAGE((error.code == ErrorCode::FileUnsafe) == unsafe, error.message);
      }
    }
    CHECK(accepted >= 5);
    CHECK(rejected >= 80);
  }
  CHECK_FALSE(std::filesystem::exists("rookery-pwned"));
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(ROOKERY_TEST_DATA) / "rookery-pwned"));
}

TEST_CASE("a wrong checksum of a storage is seen at open in files below 64 MB") {
  const auto file = ModelFile::open(std::filesystem::path(ROOKERY_TEST_DATA) / "golden/hostile/pth/crc_wrong_storage.pth");
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().message.find("checksum") != std::string::npos);
}
