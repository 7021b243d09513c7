// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>

#include "fuzz/use_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rookery::fuzz::useFile(std::as_bytes(std::span(data, size)));
  return 0;
}
