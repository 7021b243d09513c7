// SPDX-License-Identifier: GPL-3.0-or-later
// Tests of rookery-cli that run once more on other devices: ROOKERY_TEST_STRATEGY names them.
#pragma once

#include <cstdlib>

#include "support/needs_vulkan.h"
#include "support/process.h"

namespace rookery::test {

/// nullptr: as the test wants it.
inline const char* testStrategy() { return std::getenv("ROOKERY_TEST_STRATEGY"); }

/// A global of this: where the strategy names a device that is not there, the program ends so that CTest reports it as
/// skipped; any other failure is one.
struct NeedsTestStrategy {
  NeedsTestStrategy() {
    if (testStrategy() == nullptr) return;
    const auto process = runCli({"generate", "--model", "guide", "--prompt", "a", "--tokens", "1", "--strategy", testStrategy()});
    if (process.exitCode != 0) endProgram(process.exitCode == 1 && meansNoVulkan(process.err), process.err);
  }
};

}  // namespace rookery::test
