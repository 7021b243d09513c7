// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/cpu/cpu_ops.h"

namespace rookery::kernels {
namespace scalar { const CpuOps& table() noexcept; }
namespace avx2 { const CpuOps& table() noexcept; }
namespace avx512 { const CpuOps& table() noexcept; }
}  // namespace rookery::kernels
