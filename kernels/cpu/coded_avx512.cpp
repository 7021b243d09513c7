// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/coded_format.h"
#include "kernels/cpu/simd_avx512.h"
#include "kernels/cpu/tables.h"

namespace rookery::kernels::avx512 {

#include "kernels/cpu/coded_impl.h"

}  // namespace rookery::kernels::avx512
