// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/simd_scalar.h"
#include "kernels/cpu/tables.h"

namespace rookery::kernels::scalar {

#include "kernels/cpu/ops_impl.h"

const CpuOps& table() noexcept {
  static constexpr CpuOps kOps = makeOps("scalar");
  return kOps;
}

}  // namespace rookery::kernels::scalar
