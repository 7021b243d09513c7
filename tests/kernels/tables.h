// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "kernels/cpu/cpu_ops.h"

namespace rookery::test {

/// The kernels of every instruction set that this machine can run.
inline std::vector<const kernels::CpuOps*> tables() {
  std::vector<const kernels::CpuOps*> found;
  for (const char* name : {"scalar", "avx2", "avx512"})
    if (const kernels::CpuOps* ops = kernels::cpuOpsByName(name)) found.push_back(ops);
  return found;
}

}  // namespace rookery::test
