// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rookery/dtype.h"

namespace rookery::engine {

/// An element type of torch.
struct TorchType {
  std::string_view storage;  ///< its class in torch ("FloatStorage"); empty: in untyped storages only
  std::string_view name;     ///< as dtype: "float32"
  std::optional<DType> dtype;
  std::uint32_t elementBytes;
};

/// What a pickle may do with a name that it imports ("torch._utils _rebuild_tensor_v2").
enum class GlobalUse : std::uint8_t {
  Tensor,         ///< (storage, offset, size, stride, requires_grad, hooks[, metadata])
  TypedTensor,    ///< the same with a dtype after the hooks, on an untyped storage
  Parameter,      ///< (tensor, ...): the tensor
  TensorOfClass,  ///< (function, class, arguments of the function, attributes): what the function makes
  OddTensor,      ///< makes a tensor that is not read: sparse, quantised, on another device ...
  Dict,           ///< an empty dictionary
  Storage,        ///< a storage class or a dtype: not to be called
  Value,          ///< makes a number, a size, a path, an array ... beside the tensors
  Class,          ///< not known; by its name a class, so that calling it makes an object
  Function,       ///< not known; calling it would run code
  Code,           ///< it runs code or reaches for the system: no file needs as much as its name
};

struct GlobalMeaning {
  GlobalUse use;
  const TorchType* type = nullptr;  ///< for Storage
};

GlobalMeaning meaningOf(std::string_view module, std::string_view name) noexcept;

}  // namespace rookery::engine
