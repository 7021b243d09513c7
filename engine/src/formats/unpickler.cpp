// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/unpickler.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <map>
#include <string_view>

namespace rookery::engine {

namespace {

constexpr std::size_t kMostItems = 4'000'000;  // a state dict has some twenty values per tensor

enum class Kind : std::uint8_t { Mark, None, Bool, Int, Float, String, Global, Tuple, List, Dict, Storage, Tensor };

/// Small and copyable: containers are indices into the arena.
struct Value {
  Kind kind = Kind::None;
  std::int64_t number = 0;  ///< Int, Bool
  std::size_t index = 0;    ///< into strings, lists or tensors
};

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The .pth file cannot be read as a dictionary of tensors: {}.", what));
}

class Machine {
 public:
  explicit Machine(std::span<const std::byte> pickle) : m_pickle(pickle) {}

  Result<std::vector<std::pair<std::string, PickledTensor>>> run() {
    while (true) {
      std::uint8_t op = 0;
      if (!take(op)) return damaged("its pickle ends without STOP");
      if (op == '.') return finish();
      if (auto good = step(op); !good) return tl::unexpected(good.error());
      if (m_items > kMostItems || m_stack.size() > kMostItems) return damaged("its pickle holds too many values");
    }
  }

 private:
  template <class T>
  bool take(T& out) {
    if (m_pickle.size() - m_at < sizeof(T)) return false;
    std::memcpy(&out, m_pickle.data() + m_at, sizeof(T));
    m_at += sizeof(T);
    return true;
  }
  template <class Length>
  bool takeText(std::string& out) {
    Length length = 0;
    if (!take(length) || length > m_pickle.size() - m_at) return false;
    out.assign(reinterpret_cast<const char*>(m_pickle.data() + m_at), static_cast<std::size_t>(length));
    m_at += static_cast<std::size_t>(length);
    return true;
  }
  bool takeLine(std::string& out) {
    out.clear();
    for (char c = 0; take(c);) {
      if (c == '\n') return true;
      out += c;
    }
    return false;
  }

  void push(Value value) {
    m_stack.push_back(value);
    ++m_items;
  }
  void pushString(std::string text, Kind kind = Kind::String) {
    m_strings.push_back(std::move(text));
    push({kind, 0, m_strings.size() - 1});
  }
  void pushList(Kind kind, std::vector<Value> items) {
    m_items += items.size();
    m_lists.push_back(std::move(items));
    push({kind, 0, m_lists.size() - 1});
  }
  bool pop(Value& out) {
    if (m_stack.empty() || m_stack.back().kind == Kind::Mark) return false;
    out = m_stack.back();
    m_stack.pop_back();
    return true;
  }
  // Everything above the last mark, the mark removed.
  bool popToMark(std::vector<Value>& out) {
    std::size_t mark = m_stack.size();
    while (mark > 0 && m_stack[mark - 1].kind != Kind::Mark) --mark;
    if (mark == 0) return false;
    out.assign(m_stack.begin() + static_cast<std::ptrdiff_t>(mark), m_stack.end());
    m_stack.resize(mark - 1);
    return true;
  }
  bool popMany(std::size_t count, std::vector<Value>& out) {
    out.resize(count);
    for (std::size_t i = count; i-- > 0;)
      if (!pop(out[i])) return false;
    return true;
  }

  const std::string& text(Value v) const { return m_strings[v.index]; }
  std::vector<Value>& list(Value v) { return m_lists[v.index]; }
  bool isString(Value v) const { return v.kind == Kind::String; }
  bool isInt(Value v) const { return v.kind == Kind::Int; }

  static tl::unexpected<Error> cut() { return damaged("its pickle ends in the middle"); }
  static tl::unexpected<Error> underflow() { return damaged("its pickle takes values that are not there"); }

  Result<void> step(std::uint8_t op) {
    std::vector<Value> items;
    Value value;
    switch (op) {
      case 0x80: {  // PROTO
        std::uint8_t protocol = 0;
        if (!take(protocol)) return cut();
        return protocol >= 2 && protocol <= 5 ? Result<void>{} : damaged(fmt::format("it uses pickle protocol {}", protocol));
      }
      case 0x95: {  // FRAME: only a hint for streams
        std::uint64_t length = 0;
        return take(length) ? Result<void>{} : cut();
      }
      case '(': push({Kind::Mark}); return {};
      case 'N': push({Kind::None}); return {};
      case 0x88: push({Kind::Bool, 1}); return {};
      case 0x89: push({Kind::Bool, 0}); return {};
      case '}': pushList(Kind::Dict, {}); return {};
      case ']': pushList(Kind::List, {}); return {};
      case ')': pushList(Kind::Tuple, {}); return {};
      case 'K': return integer<std::uint8_t>();
      case 'M': return integer<std::uint16_t>();
      case 'J': return integer<std::int32_t>();
      case 0x8a: return longInteger();
      case 'G': {
        double ignored = 0;
        if (!take(ignored)) return cut();
        push({Kind::Float});
        return {};
      }
      case 'X': return string<std::uint32_t>();
      case 0x8c: return string<std::uint8_t>();
      case 0x8d: return string<std::uint64_t>();
      case 'U': return string<std::uint8_t>();
      case 'T': return string<std::uint32_t>();
      case 'q': return put<std::uint8_t>();
      case 'r': return put<std::uint32_t>();
      case 0x94: return memoise(m_memo.size());
      case 'h': return get<std::uint8_t>();
      case 'j': return get<std::uint32_t>();
      case 't':
        if (!popToMark(items)) return underflow();
        pushList(Kind::Tuple, std::move(items));
        return {};
      case 0x85: case 0x86: case 0x87:
        if (!popMany(op - 0x84U, items)) return underflow();
        pushList(Kind::Tuple, std::move(items));
        return {};
      case '0': return pop(value) ? Result<void>{} : underflow();
      case 'a':
        if (!popMany(1, items)) return underflow();
        return extend(Kind::List, items);
      case 'e':
        if (!popToMark(items)) return underflow();
        return extend(Kind::List, items);
      case 's':
        if (!popMany(2, items)) return underflow();
        return extend(Kind::Dict, items);
      case 'u':
        if (!popToMark(items)) return underflow();
        return extend(Kind::Dict, items);
      case 'c': {  // GLOBAL module \n name \n
        std::string module, name;
        if (!takeLine(module) || !takeLine(name)) return cut();
        return global(module + "." + name);
      }
      case 0x93:  // STACK_GLOBAL
        if (!popMany(2, items)) return underflow();
        if (!isString(items[0]) || !isString(items[1])) return damaged("it names a global that is no text");
        return global(text(items[0]) + "." + text(items[1]));
      case 'Q':  // BINPERSID
        if (!pop(value)) return underflow();
        return storage(value);
      case 'R':
        if (!popMany(2, items)) return underflow();
        return call(items[0], items[1]);
      case 'b':  // BUILD: attributes of a state dict (its version metadata); the dictionary stays
        if (!pop(value)) return underflow();
        if (m_stack.empty() || m_stack.back().kind != Kind::Dict) return damaged("it builds an object that is no dictionary");
        return {};
      default: return damaged(fmt::format("it uses the pickle operation 0x{:02x}, which no model file needs", op));
    }
  }

  template <class T>
  Result<void> integer() {
    T number = 0;
    if (!take(number)) return cut();
    push({Kind::Int, static_cast<std::int64_t>(number)});
    return {};
  }
  Result<void> longInteger() {
    std::uint8_t length = 0;
    if (!take(length) || length > m_pickle.size() - m_at) return cut();
    if (length > 8) return damaged("it holds an integer of more than 64 bits");
    std::uint64_t bits = 0;
    for (std::uint8_t i = 0; i < length; ++i) bits |= static_cast<std::uint64_t>(m_pickle[m_at + i]) << (8U * i);
    if (length > 0 && length < 8 && (static_cast<std::uint8_t>(m_pickle[m_at + length - 1]) & 0x80U) != 0) bits |= ~std::uint64_t{0} << (8U * length);
    m_at += length;
    push({Kind::Int, static_cast<std::int64_t>(bits)});
    return {};
  }
  template <class Length>
  Result<void> string() {
    std::string value;
    if (!takeText<Length>(value)) return cut();
    pushString(std::move(value));
    return {};
  }
  template <class Index>
  Result<void> put() {
    Index index = 0;
    if (!take(index)) return cut();
    return memoise(index);
  }
  Result<void> memoise(std::size_t index) {
    if (m_stack.empty() || m_stack.back().kind == Kind::Mark) return underflow();
    m_memo[index] = m_stack.back();
    return {};
  }
  template <class Index>
  Result<void> get() {
    Index index = 0;
    if (!take(index)) return cut();
    const auto found = m_memo.find(index);
    if (found == m_memo.end()) return damaged("its pickle recalls a value that it never stored");
    push(found->second);
    return {};
  }
  Result<void> extend(Kind kind, const std::vector<Value>& items) {
    if (m_stack.empty() || m_stack.back().kind != kind) return damaged("it adds items to something that is no container");
    if (kind == Kind::Dict && items.size() % 2 != 0) return damaged("a dictionary has a key without a value");
    m_items += items.size();
    auto& target = list(m_stack.back());
    target.insert(target.end(), items.begin(), items.end());
    return {};
  }

  Result<void> global(std::string name) {
    const bool known = name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_parameter" ||
                       name == "collections.OrderedDict" || (name.starts_with("torch.") && name.ends_with("Storage"));
    if (!known) return damaged(fmt::format("it asks for {}, which has no place in a model file and was not run", name));
    pushString(std::move(name), Kind::Global);
    return {};
  }

  // ('storage', class, key, location, element count)
  Result<void> storage(Value id) {
    if (id.kind != Kind::Tuple || list(id).size() != 5) return damaged("a storage is not described as one");
    const auto& part = list(id);
    if (!isString(part[0]) || text(part[0]) != "storage" || part[1].kind != Kind::Global || !isString(part[2]) || !isInt(part[4]) || part[4].number < 0)
      return damaged("a storage is not described as one");
    PickledTensor whole;
    whole.storageClass = text(part[1]);
    whole.storageKey = text(part[2]);
    whole.storageCount = part[4].number;
    m_tensors.push_back(std::move(whole));
    push({Kind::Storage, 0, m_tensors.size() - 1});
    return {};
  }

  Result<void> call(Value function, Value arguments) {
    if (function.kind != Kind::Global || arguments.kind != Kind::Tuple) return damaged("it calls something that is no function");
    const std::string name = text(function);
    const std::vector<Value> args = list(arguments);
    if (name == "collections.OrderedDict") {
      if (!args.empty()) return damaged("it fills an OrderedDict in an unusual way");
      pushList(Kind::Dict, {});
      return {};
    }
    if (name == "torch._utils._rebuild_parameter") {
      if (args.empty() || args[0].kind != Kind::Tensor) return damaged("a parameter is made of no tensor");
      push(args[0]);
      return {};
    }
    if (name != "torch._utils._rebuild_tensor_v2") return damaged(fmt::format("it calls {}", name));
    if (args.size() < 4 || args[0].kind != Kind::Storage || !isInt(args[1]) || args[2].kind != Kind::Tuple || args[3].kind != Kind::Tuple)
      return damaged("a tensor is not described as one");
    PickledTensor tensor = m_tensors[args[0].index];
    tensor.offset = args[1].number;
    for (const auto& [from, to] : {std::pair{args[2], &tensor.shape}, std::pair{args[3], &tensor.strides}}) {
      if (list(from).size() > 8) return damaged("a tensor has too many dimensions");
      for (const Value dim : list(from)) {
        if (!isInt(dim)) return damaged("a tensor's shape is no list of numbers");
        to->push_back(dim.number);
      }
    }
    if (tensor.shape.size() != tensor.strides.size()) return damaged("a tensor's shape and strides disagree");
    m_tensors.push_back(std::move(tensor));
    push({Kind::Tensor, 0, m_tensors.size() - 1});
    return {};
  }

  Result<std::vector<std::pair<std::string, PickledTensor>>> finish() {
    if (m_stack.size() != 1 || m_stack[0].kind != Kind::Dict) return damaged("its pickle holds something else");
    std::vector<std::pair<std::string, PickledTensor>> tensors;
    const auto& items = list(m_stack[0]);
    for (std::size_t i = 0; i < items.size(); i += 2) {
      if (!isString(items[i])) return damaged("a key is no text");
      if (items[i + 1].kind != Kind::Tensor) return damaged(fmt::format("the entry {} is no tensor", text(items[i])));
      tensors.emplace_back(text(items[i]), m_tensors[items[i + 1].index]);
    }
    return tensors;
  }

  std::span<const std::byte> m_pickle;
  std::size_t m_at = 0;
  std::size_t m_items = 0;
  std::vector<Value> m_stack;
  std::map<std::size_t, Value> m_memo;
  std::vector<std::string> m_strings;
  std::vector<std::vector<Value>> m_lists;
  std::vector<PickledTensor> m_tensors;  ///< storages and tensors
};

}  // namespace

Result<std::vector<std::pair<std::string, PickledTensor>>> readPickledTensors(std::span<const std::byte> pickle) {
  return Machine(pickle).run();
}

}  // namespace rookery::engine
