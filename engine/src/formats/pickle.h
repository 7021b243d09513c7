// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "rookery/dtype.h"
#include "rookery/result.h"

namespace rookery::engine {

/// A value from a pickle. Values refer to each other by index, so shared and cyclic structures cost
/// nothing to build or to destroy.
struct PickleNode {
  enum class Kind : std::uint8_t {
    None,
    Bool,
    Int,
    Opaque,  ///< float, bytes, long integer, set: allowed to be there, never looked at
    Text,
    Tuple,
    List,
    Dict,     ///< items: key, value, key, value...
    Global,   ///< text: "module name", one of the allowed ones
    Storage,  ///< items: none; text: key; number: elements; dtype
    Tensor,   ///< items: storage, size tuple, stride tuple; number: offset in elements
  };
  Kind kind = Kind::None;
  DType dtype{};
  std::int64_t number = 0;
  std::string_view text;  ///< into the pickle's bytes
  std::vector<std::uint32_t> items;
};

struct PickleGraph {
  std::vector<PickleNode> nodes;
  std::uint32_t root = 0;
  std::size_t consumed = 0;  ///< bytes up to and including STOP

  const PickleNode& at(std::uint32_t index) const { return nodes[index]; }
};

/// Reads one pickle (protocols 2 to 4) as torch.save writes state dicts. A restricted reader, not an
/// interpreter: of all callables it knows torch's tensor and parameter rebuilders and OrderedDict, which it
/// carries out itself as data; any other global is FileUnsafe, and any opcode that
/// state dicts do not need is FileDamaged.
/// The graph points into `bytes`.
Result<PickleGraph> readPickle(std::span<const std::byte> bytes);

}  // namespace rookery::engine
