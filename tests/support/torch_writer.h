// SPDX-License-Identifier: GPL-3.0-or-later
// Writes files as torch.save does, for the readers' tests. A Python value is the piece of pickle that makes it, so
// values are put together by putting text together: torch.list({torch.number(1), torch.text("a")}).
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
inline Value text(std::string_view value) {
  return "X" + raw(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
inline Value joined(const std::vector<Value>& values) {
  std::string out;
  for (const Value& value : values) out += value;
  return out;
}
inline Value tuple(const std::vector<Value>& values) { return "(" + joined(values) + "t"; }
inline Value list(const std::vector<Value>& values) { return "](" + joined(values) + "e"; }
inline Value global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
/// The same in protocols 4 and 5.
inline Value stackGlobal(const std::string& module, const std::string& name) {
  const auto brief = [](const std::string& value) {
    return "\x8c" + raw(static_cast<std::uint8_t>(value.size())) + value;
  };
  return brief(module) + brief(name) + "\x93";
}
inline Value call(const Value& callable, const std::vector<Value>& arguments) {
  return callable + tuple(arguments) + "R";
}
/// An object of a class with these attributes.
inline Value object(const Value& type, const Value& attributes) { return type + ")\x81" + attributes + "b"; }

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
  explicit TorchWriter(int protocol = 2) : m_protocol(protocol) {}

  py::Value global(const std::string& module, const std::string& name) const {
    return m_protocol >= 4 ? py::stackGlobal(module, name) : py::global(module, name);
  }

  /// A contiguous tensor; `storage` is torch's class, "FloatStorage", for elements of `elementBytes`.
  py::Value tensor(const std::vector<std::int64_t>& shape, std::string bytes,
                   const std::string& storage = "FloatStorage", std::size_t elementBytes = 4) {
    return py::call(global("torch._utils", "_rebuild_tensor_v2"),
                    tensorArguments(shape, std::move(bytes), global("torch", storage), elementBytes));
  }
  /// As torch 2 saves the types that have no storage class of their own, "float8_e4m3fn".
  py::Value typedTensor(const std::vector<std::int64_t>& shape, std::string bytes, const std::string& type) {
    auto arguments = tensorArguments(shape, std::move(bytes), global("torch.storage", "UntypedStorage"), 1);
    arguments.push_back(global("torch", type));
    return py::call(global("torch._utils", "_rebuild_tensor_v3"), arguments);
  }
  std::vector<py::Value> tensorArguments(const std::vector<std::int64_t>& shape, std::string bytes,
                                         const py::Value& storage, std::size_t elementBytes) {
    using namespace py;
    std::vector<Value> sizes, strides;
    std::int32_t stride = 1;
    for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
      sizes.insert(sizes.begin(), number(static_cast<std::int32_t>(*dim)));
      strides.insert(strides.begin(), number(stride));
      stride *= static_cast<std::int32_t>(*dim);
    }
    const Value id = tuple({text("storage"), storage, text(std::to_string(m_storages.size())), text("cpu"),
                            number(static_cast<std::int32_t>(bytes.size() / elementBytes))});
    m_storages.push_back({std::move(bytes), elementBytes});
    return {id + "Q", number(0), tuple(sizes), tuple(strides), kFalse, call(global("collections", "OrderedDict"), {})};
  }
  /// A vector of these numbers.
  py::Value floats(const std::vector<float>& values) {
    return tensor({static_cast<std::int64_t>(values.size())},
                  {reinterpret_cast<const char*>(values.data()), values.size() * 4});
  }

  /// The zip of torch 1.6 and later. Without checksums: torch.serialization.set_crc32_options(False).
  Bytes zip(const py::Value& root, bool checksums = true) const {
    std::vector<ZipPart> parts{{"m/data.pkl", pickle(root)}, {"m/byteorder", "little"}};
    for (std::size_t i = 0; i < m_storages.size(); ++i)
      parts.push_back({"m/data/" + std::to_string(i), m_storages[i].bytes});
    parts.push_back({"m/version", "3\n"});
    if (checksums)
      for (ZipPart& part : parts) part.crc = libdeflate_crc32(0, part.data.data(), part.data.size());
    return storedZip(parts);
  }

  /// The form before torch 1.6: pickles and storages one after the other.
  Bytes legacy(const py::Value& root) const {
    using namespace py;
    Bytes out;
    out.text(pickle(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12))).text(pickle(number(1001)));
    out.text(pickle(dict({{text("protocol_version"), number(1001)}, {text("little_endian"), kTrue}})))
        .text(pickle(root));
    std::vector<Value> keys;
    Bytes data;
    for (std::size_t i = 0; i < m_storages.size(); ++i) {
      const Value key = text(std::to_string(i));
      if (root.find(key + text("cpu")) == std::string::npos) continue;  // of another value
      keys.push_back(key);
      data.number<std::uint64_t>(m_storages[i].bytes.size() / m_storages[i].elementBytes).text(m_storages[i].bytes);
    }
    out.text(pickle(list(keys)));
    out.raw().insert(out.raw().end(), data.raw().begin(), data.raw().end());
    return out;
  }

 private:
  struct Storage {
    std::string bytes;
    std::size_t elementBytes;
  };

  std::string pickle(const py::Value& root) const {
    if (m_protocol < 2) return root + ".";
    const std::string head = std::string("\x80") + static_cast<char>(m_protocol);
    return head + (m_protocol < 4 ? "" : "\x95" + py::raw<std::uint64_t>(root.size() + 1)) + root + ".";
  }

  int m_protocol;
  std::vector<Storage> m_storages;
};

}  // namespace rookery::test
