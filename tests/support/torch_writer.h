// SPDX-License-Identifier: GPL-3.0-or-later
// Writes files as torch.save does, for the readers' tests. A Python value is the piece of pickle that makes it, so values
// are put together by putting text together: torch.list({torch.number(1), torch.text("a")}).
#pragma once

#include <libdeflate.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/format_builders.h"

namespace rookery::test::py {

using Value = std::string;

template <class T>
std::string raw(T number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

inline const Value kNone = "N", kTrue = "\x88", kFalse = "\x89";
inline Value number(std::int32_t value) { return "J" + raw(value); }
inline Value text(std::string_view value) { return "X" + raw(static_cast<std::uint32_t>(value.size())) + std::string(value); }
inline Value joined(const std::vector<Value>& values) {
  std::string out;
  for (const Value& value : values) out += value;
  return out;
}
inline Value tuple(const std::vector<Value>& values) { return "(" + joined(values) + "t"; }
inline Value list(const std::vector<Value>& values) { return "](" + joined(values) + "e"; }
inline Value global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
inline Value call(const Value& callable, const std::vector<Value>& arguments) { return callable + tuple(arguments) + "R"; }

using Items = std::vector<std::pair<Value, Value>>;  ///< keys are values, too
inline Value dict(const Items& items) {
  std::string out = "}(";
  for (const auto& [key, value] : items) out += key + value;
  return out + "u";
}

}  // namespace rookery::test::py

namespace rookery::test {

/// Collects the storages of one file while its values are made.
class TorchWriter {
 public:
  /// A contiguous tensor; `storage` is torch's class, "FloatStorage", for elements of `elementBytes`.
  py::Value tensor(const std::vector<std::int64_t>& shape, std::string bytes, const std::string& storage = "FloatStorage", std::size_t elementBytes = 4) {
    using namespace py;
    std::vector<Value> sizes, strides;
    std::int32_t stride = 1;
    for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
      sizes.insert(sizes.begin(), number(static_cast<std::int32_t>(*dim)));
      strides.insert(strides.begin(), number(stride));
      stride *= static_cast<std::int32_t>(*dim);
    }
    const Value id = tuple({text("storage"), global("torch", storage), text(std::to_string(m_storages.size())), text("cpu"), number(static_cast<std::int32_t>(bytes.size() / elementBytes))});
    m_storages.push_back({std::move(bytes), elementBytes});
    return call(global("torch._utils", "_rebuild_tensor_v2"), {id + "Q", number(0), tuple(sizes), tuple(strides), kFalse, call(global("collections", "OrderedDict"), {})});
  }
  /// A vector of these numbers.
  py::Value floats(const std::vector<float>& values) {
    return tensor({static_cast<std::int64_t>(values.size())}, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
  }

  /// The zip of torch 1.6 and later.
  Bytes zip(const py::Value& root, int protocol = 2) const {
    std::vector<ZipPart> parts{part("m/data.pkl", pickle(root, protocol)), part("m/byteorder", "little")};
    for (std::size_t i = 0; i < m_storages.size(); ++i) parts.push_back(part("m/data/" + std::to_string(i), m_storages[i].bytes));
    parts.push_back(part("m/version", "3\n"));
    return storedZip(parts);
  }

  static std::string pickle(const py::Value& root, int protocol) { return std::string("\x80") + static_cast<char>(protocol) + root + "."; }

 private:
  struct Storage {
    std::string bytes;
    std::size_t elementBytes;
  };
  static ZipPart part(const std::string& name, const std::string& data) { return {name, data, libdeflate_crc32(0, data.data(), data.size())}; }

  std::vector<Storage> m_storages;
};

}  // namespace rookery::test
