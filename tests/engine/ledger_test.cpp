// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/ledger.h"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "device/control_groups.h"
#include "device/system_memory.h"

using namespace rookery::engine;
namespace fs = std::filesystem;

namespace {

/// A root folder with the files that a test names.
class FakeRoot {
 public:
  FakeRoot() : m_path(fs::temp_directory_path() / ("rookery-ledger-" + std::to_string(std::random_device{}()))) {}
  ~FakeRoot() { fs::remove_all(m_path); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((m_path / file).parent_path());
    std::ofstream(m_path / file) << text;
  }
  void writeMeminfo() const {
    write("proc/meminfo", "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    6000 kB\n");
  }
  const fs::path& path() const { return m_path; }

 private:
  fs::path m_path;
};

constexpr std::uint64_t kKiB = 1024;

}  // namespace

TEST_CASE("the ledger sums live allocations by device, component and kind") {
  Ledger ledger;
  ledger.add("cpu", "embedding", "weights", 10);
  ledger.add("cpu", "block0", "weights", 5);
  ledger.add("cuda:0", "embedding", "weights", 3);
  ledger.add("cpu", "embedding", "weights", 7);
  ledger.add("cpu", "state", "state", 2);
  ledger.add("cpu", "block1", "weights", 5);
  ledger.remove("cpu", "block1", "weights", 5);
  const auto entries = ledger.entries();
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].component == "embedding");
  CHECK(entries[0].bytes == 17);
  CHECK(entries[1].device == "cuda:0");  // beside its component's other entry
  CHECK(entries[3].component == "state");
  CHECK(ledger.total() == 27);
}

TEST_CASE("the ledger keeps a component's place and never goes below zero") {
  Ledger ledger;
  ledger.add("cpu", "block0", "weights", 1);
  ledger.add("cpu", "head", "weights", 1);
  ledger.remove("cpu", "block0", "weights", 9);
  ledger.remove("cpu", "never", "added", 9);
  CHECK(ledger.total() == 1);
  ledger.add("cpu", "block0", "weights", 4);
  CHECK(ledger.entries()[0].component == "block0");
}

TEST_CASE("the ledger counts right from many threads") {
  Ledger ledger;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&ledger, t] {
      for (int i = 0; i < 1000; ++i) {
        ledger.add("cpu", "block" + std::to_string(i % 7), "weights", 3);
        if (t % 2 == 0) ledger.remove("cpu", "block" + std::to_string(i % 7), "weights", 1);
        (void)ledger.entries();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(ledger.total() == 4 * 3000 - 2 * 1000);
}

TEST_CASE("resident memory grows with what is touched") {
  const std::uint64_t before = residentBytes();
#ifdef __linux__
  REQUIRE(before > 0);
  constexpr std::size_t kSize = std::size_t{64} << 20U;
  const auto block = std::make_unique<char[]>(kSize);
  for (std::size_t i = 0; i < kSize; i += 4096) block[i] = static_cast<char>(i);
  CHECK(residentBytes() > before + kSize * 3 / 4);
  CHECK(totalMemoryBytes() > before);
  CHECK(availableBytes() <= totalMemoryBytes());
  CHECK(availableBytes() > 0);
#else
  (void)before;
#endif
}

TEST_CASE("system memory: without limits, as the kernel says") {
  const FakeRoot root;
  root.writeMeminfo();
  root.write("proc/self/cgroup", "0::/user.slice/app\n");
  root.write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  const SystemMemory memory = readSystemMemory(root.path());
  CHECK(memory.total == 8000 * kKiB);
  CHECK(memory.available == 6000 * kKiB);
}

TEST_CASE("system memory: the tightest control group counts, file pages not used lately are free") {
  const FakeRoot root;
  root.writeMeminfo();
  root.write("proc/self/cgroup", "0::/a/b\n");
  root.write("sys/fs/cgroup/a/memory.max", "4096000\n");
  root.write("sys/fs/cgroup/a/memory.current", "3000000\n");
  root.write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 2000000\n");
  root.write("sys/fs/cgroup/a/b/memory.max", "5000000\n");
  root.write("sys/fs/cgroup/a/b/memory.current", "100\n");
  const SystemMemory memory = readSystemMemory(root.path());
  CHECK(memory.total == 4096000);
  CHECK(memory.available == 4096000 - 1000000);
}

TEST_CASE("system memory: in a container the mount itself is the group, also of version 1") {
  const FakeRoot two, one;
  two.writeMeminfo();
  two.write("proc/self/cgroup", "0::/\n");
  two.write("sys/fs/cgroup/memory.max", "1000000\n");
  two.write("sys/fs/cgroup/memory.current", "2000000\n");
  CHECK(readSystemMemory(two.path()).available == 0);
  one.writeMeminfo();
  one.write("proc/self/cgroup", "5:cpu,cpuacct:/x\n3:memory:/docker/abc\n0::/\n");
  one.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n");
  one.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "500000\n");
  one.write("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 100000\n");
  CHECK(readSystemMemory(one.path()).total == 2000000);
  CHECK(readSystemMemory(one.path()).available == 1600000);
}

TEST_CASE("system memory: nothing known where there are no such files, or they are damaged") {
  const FakeRoot root;
  CHECK(readSystemMemory(root.path()).total == 0);
  root.write("proc/meminfo", "MemTotal: many\nMemAvailable:\n");
  root.write("proc/self/cgroup", "nonsense\n::\n0::\n");
  CHECK(readSystemMemory(root.path()).available == 0);
}

TEST_CASE("processors: without a limit as many as there are") {
  const FakeRoot root;
  CHECK(cpuQuota(root.path()) == 0);
  root.write("proc/self/cgroup", "5:cpu,cpuacct:/x\n0::/user.slice/app\n");
  root.write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  root.write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  CHECK(cpuQuota(root.path()) == 0);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "nonsense\n");
  root.write("sys/fs/cgroup/user.slice/app/cpu.max", "100000 0\n");
  root.write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "100000\n");
  root.write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "\n");
  CHECK(cpuQuota(root.path()) == 0);
}

TEST_CASE("processors: version 2, the own group and each above it, rounded down") {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/system.slice/run.scope/inner\n");
  const auto quota = [&](const std::string& folder, const std::string& text) { root.write("sys/fs/cgroup/" + folder + "cpu.max", text); };
  quota("system.slice/run.scope/inner/", "800000 100000\n");
  CHECK(cpuQuota(root.path()) == 8);
  quota("system.slice/run.scope/", "390000 100000\n");
  CHECK(cpuQuota(root.path()) == 3);
  quota("system.slice/", "50000 100000\n");
  CHECK(cpuQuota(root.path()) == 1);
  quota("system.slice/", "max 100000\n");
  quota("", "200000 100000\n");
  CHECK(cpuQuota(root.path()) == 2);
}

TEST_CASE("processors: version 1, nested, under either name of its mount, and in a container that sees its own group only") {
  for (const char* mount : {"cpu", "cpu,cpuacct"}) {
    const FakeRoot root;
    const std::string at = std::string("sys/fs/cgroup/") + mount + "/";
    root.write("proc/self/cgroup", "9:name=systemd:/\n5:cpu,cpuacct:/docker/abc\n0::/\n");
    root.write(at + "docker/abc/cpu.cfs_quota_us", "350000\n");
    root.write(at + "docker/abc/cpu.cfs_period_us", "100000\n");
    CHECK(cpuQuota(root.path()) == 3);
    root.write(at + "docker/cpu.cfs_quota_us", "100000\n");
    root.write(at + "docker/cpu.cfs_period_us", "50000\n");
    CHECK(cpuQuota(root.path()) == 2);
  }
  const FakeRoot container;
  container.write("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n");
  container.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  container.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CHECK(cpuQuota(container.path()) == 1);
  container.write("proc/self/cgroup", "0::/\n");  // nobody says which group it is
  CHECK(cpuQuota(container.path()) == 1);
}
