// SPDX-License-Identifier: GPL-3.0-or-later
// Tests of rookery-cli that run once more on other devices: ROOKERY_TEST_STRATEGY names them.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "support/process.h"

namespace rookery::test {

/// nullptr: as the test wants it.
inline const char* testStrategy() { return std::getenv("ROOKERY_TEST_STRATEGY"); }

/// A global of this: where the strategy names a device that is not there, the program ends so that CTest reports it as
/// skipped.
struct NeedsTestStrategy {
  NeedsTestStrategy() {
    if (testStrategy() == nullptr) return;
    const auto process = runCli({"generate", "--model", "guide", "--prompt", "a", "--tokens", "1", "--strategy", testStrategy()});
    const bool none = process.exitCode == 1 && (process.err.find("No Vulkan") != std::string::npos || process.err.find("No graphics device") != std::string::npos);
    if (!none) return;
    std::printf("SKIP: %s\n", process.err.c_str());
    std::fflush(stdout);
    std::_Exit(77);
  }
};

}  // namespace rookery::test
