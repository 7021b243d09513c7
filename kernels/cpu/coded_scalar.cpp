// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/coded_format.h"
#include "kernels/cpu/simd_scalar.h"
#include "kernels/cpu/tables.h"

namespace rookery::kernels::scalar {

#include "kernels/cpu/coded_impl.h"

}  // namespace rookery::kernels::scalar
