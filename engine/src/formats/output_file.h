// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "formats/file_writer.h"
#include "rookery/dtype.h"

namespace rookery::engine {

/// A tensor to be written: what the table of contents says, and how its bytes are made when their turn comes.
struct OutputEntry {
  std::string name;
  std::vector<std::int64_t> shape;  ///< row-major, in elements
  DType type{};
  std::function<Result<void>(const PutBytes& put)> make;  ///< exactly the bytes of shape and type

  std::uint64_t bytes() const noexcept {
    std::uint64_t count = 1;
    for (const std::int64_t dim : shape) count *= static_cast<std::uint64_t>(dim);
    return byteSize(type, count);
  }
};

}  // namespace rookery::engine
