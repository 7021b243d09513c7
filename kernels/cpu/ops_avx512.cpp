// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/simd_avx512.h"
#include "kernels/cpu/tables.h"

namespace rookery::kernels::avx512 {

#include "kernels/cpu/ops_impl.h"

const CpuOps& table() noexcept {
  static constexpr CpuOps kOps = makeOps("avx512");
  return kOps;
}

}  // namespace rookery::kernels::avx512
