// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/torch_globals.h"
#include "rookery/result.h"

namespace rookery::engine {

/// A value from a pickle. Values refer to each other by index, so shared and cyclic structures cost
/// nothing to build or to destroy.
struct PickleNode {
  enum class Kind : std::uint8_t {
    None,
    Bool,
    Int,
    Opaque,   ///< float, bytes, long integer, set, object: allowed to be there, never looked at. number: 1 for an object
    Text,
    Tuple,
    List,
    Dict,     ///< items: key, value, key, value...
    Global,   ///< number: GlobalUse; text: its name without the module; type: of a storage class or a dtype
    Storage,  ///< items: none; text: key; number: elements; type
    Tensor,   ///< items: storage, size tuple, stride tuple; number: offset in elements; type
    OddTensor,  ///< sparse, quantised ...: text: the name of torch's function that makes it
  };
  Kind kind = Kind::None;
  std::int64_t number = 0;
  std::string_view text;            ///< into the pickle's bytes
  const TorchType* type = nullptr;  ///< static
  std::vector<std::uint32_t> items;
};

struct PickleGraph {
  std::vector<PickleNode> nodes;
  std::uint32_t root = 0;
  std::size_t consumed = 0;  ///< bytes up to and including STOP
  std::string object;        ///< the class of the first object in it that is nothing of torch's or Python's own; often empty

  const PickleNode& at(std::uint32_t index) const { return nodes[index]; }
};

/// Reads one pickle (protocols 1 to 5) as torch.save writes it. A restricted reader, not an interpreter: nothing is
/// imported, called or built. What rebuilds tensors and dictionaries is carried out here as data; what makes any other
/// value (see GlobalUse) leaves an Opaque node. FileUnsafe: a function is to be called that does more than that, or
/// something is asked for that no file of weights needs. FileDamaged: anything that torch's pickles never have.
/// The graph points into `bytes`.
Result<PickleGraph> readPickle(std::span<const std::byte> bytes);

}  // namespace rookery::engine
