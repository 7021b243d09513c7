// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/cpu/cpu_ops.h"

namespace rookery::kernels {

// Per instruction set: its table, and the products of coded formats (coded_impl.h), which are files of their own.
#define ROOKERY_DECLARE_SET(set)                        \
  namespace set {                                       \
  const CpuOps& table() noexcept;                       \
  void gemmCoded(const GemmArgs& a);                    \
  void sparseGemvCoded(const SparseGemvArgs& a);        \
  }
ROOKERY_DECLARE_SET(scalar)
ROOKERY_DECLARE_SET(avx2)
ROOKERY_DECLARE_SET(avx512)
#undef ROOKERY_DECLARE_SET

}  // namespace rookery::kernels
