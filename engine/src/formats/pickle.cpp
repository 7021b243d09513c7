// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/pickle.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "formats/byte_reader.h"
#include "formats/contents.h"

namespace rookery::engine {
namespace {

using Kind = PickleNode::Kind;

constexpr std::size_t kMostNodes = 1u << 20;
constexpr std::size_t kDeepestStack = 1u << 20;
constexpr std::size_t kMostMarks = 64;  // nested tuples and dicts of a state dict need five

enum Op : std::uint8_t {
  Mark = '(', Stop = '.', Pop = '0', PopMark = '1', Dup = '2', BinInt = 'J', BinInt1 = 'K', BinInt2 = 'M',
  IntText = 'I', LongText = 'L', NoneOp = 'N', BinPersId = 'Q', Reduce = 'R', BinString = 'T', ShortBinString = 'U',
  BinUnicode = 'X', Append = 'a', Build = 'b', GlobalOp = 'c', Inst = 'i', Obj = 'o', EmptyDict = '}', Appends = 'e',
  BinGet = 'h', LongBinGet = 'j', EmptyList = ']', TupleOp = 't', EmptyTuple = ')', BinPut = 'q', LongBinPut = 'r',
  SetItem = 's', SetItems = 'u', BinFloat = 'G', BinBytes = 'B', ShortBinBytes = 'C', Proto = 0x80, NewObj = 0x81,
  Tuple1 = 0x85, Tuple2 = 0x86, Tuple3 = 0x87, NewTrue = 0x88, NewFalse = 0x89, Long1 = 0x8A, Long4 = 0x8B,
  ShortBinUnicode = 0x8C, BinUnicode8 = 0x8D, BinBytes8 = 0x8E, EmptySet = 0x8F, AddItems = 0x90, FrozenSet = 0x91,
  NewObjEx = 0x92, StackGlobal = 0x93, Memoize = 0x94, Frame = 0x95, ByteArray8 = 0x96
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : m_in(bytes) {}

  Result<PickleGraph> run() {
    while (!m_stopped) {
      const auto op = m_in.read<std::uint8_t>();
      if (m_in.failed() || !step(op) || m_in.failed()) {
        if (m_unsafe) return fail(ErrorCode::FileUnsafe, m_problem);
        return damagedPth(m_in.failed() && m_problem.empty() ? "its list of tensors ends early" : m_problem);
      }
    }
    if (m_stack.size() != 1 || !m_marks.empty()) {
      return damagedPth("its list of tensors leaves values behind");
    }
    m_graph.root = m_stack.back();
    m_graph.consumed = m_in.position();
    return std::move(m_graph);
  }

 private:
  bool problem(std::string clause) {
    m_problem = std::move(clause);
    return false;
  }
  bool codeWanted(const std::string& global) {
    m_unsafe = true;
    return problem(fmt::format("The .pth file asks to run program code ({}), which no model needs; nothing was executed.",
                               global));
  }
  bool malformed() { return problem(fmt::format("its list of tensors is malformed near byte {}", m_in.position())); }

  PickleNode& node(std::uint32_t index) { return m_graph.nodes[index]; }
  std::size_t floor() const { return m_marks.empty() ? 0 : m_marks.back(); }

  bool pushIndex(std::uint32_t index) {
    if (m_stack.size() >= kDeepestStack) {
      return problem("its list of tensors is too complex");
    }
    m_stack.push_back(index);
    return true;
  }

  bool push(PickleNode value) {
    if (m_graph.nodes.size() >= kMostNodes) {
      return problem("its list of tensors is too complex");
    }
    m_graph.nodes.push_back(std::move(value));
    return pushIndex(static_cast<std::uint32_t>(m_graph.nodes.size() - 1));
  }
  bool push(Kind kind, std::int64_t number = 0, std::string_view text = {}) {
    return push(PickleNode{kind, number, text, nullptr, {}});
  }

  std::optional<std::uint32_t> pop() {
    if (m_stack.size() <= floor()) {
      return {};
    }
    const std::uint32_t index = m_stack.back();
    m_stack.pop_back();
    return index;
  }

  /// The values above the topmost mark, which goes too.
  std::optional<std::vector<std::uint32_t>> popMark() {
    if (m_marks.empty()) {
      return {};
    }
    const auto begin = m_stack.begin() + static_cast<std::ptrdiff_t>(m_marks.back());
    std::vector<std::uint32_t> items(begin, m_stack.end());
    m_stack.erase(begin, m_stack.end());
    m_marks.pop_back();
    return items;
  }

  bool makeTuple(std::size_t count) {
    if (m_stack.size() - floor() < count) {
      return malformed();
    }
    PickleNode tuple{Kind::Tuple, 0, {}, nullptr, {}};
    tuple.items.assign(m_stack.end() - static_cast<std::ptrdiff_t>(count), m_stack.end());
    m_stack.resize(m_stack.size() - count);
    return push(std::move(tuple));
  }

  /// APPEND(S), SETITEM(S) and ADDITEMS: the items go to the list or dict now on top. An object takes them too, and is
  /// read as what it is used as; other values swallow them (a deque, a set).
  bool extendTop(Kind kind, std::optional<std::vector<std::uint32_t>> items) {
    if (!items || m_stack.size() <= floor() || (kind == Kind::Dict && items->size() % 2 != 0)) return malformed();
    PickleNode& target = node(m_stack.back());
    if (target.kind == Kind::Opaque && (target.number == 0 || kind == Kind::Opaque)) return true;
    if (target.kind == Kind::Opaque) target.kind = kind;
    if (target.kind != kind) return malformed();
    target.items.insert(target.items.end(), items->begin(), items->end());
    return true;
  }

  std::optional<std::vector<std::uint32_t>> popItems(std::size_t count) {
    if (m_stack.size() - floor() < count) {
      return {};
    }
    std::vector<std::uint32_t> items(m_stack.end() - static_cast<std::ptrdiff_t>(count), m_stack.end());
    m_stack.resize(m_stack.size() - count);
    return items;
  }

  bool put(std::uint32_t slot) {
    if (m_stack.size() <= floor()) {
      return malformed();
    }
    m_memo[slot] = m_stack.back();
    return true;
  }

  bool get(std::uint32_t slot) {
    const auto found = m_memo.find(slot);
    return found == m_memo.end() ? malformed() : pushIndex(found->second);
  }

  bool readLong(std::uint32_t length) {
    const auto raw = m_in.take(length);
    if (raw.size() > 8) {  // the magic number of old files
      return push(Kind::Opaque, 0, {reinterpret_cast<const char*>(raw.data()), raw.size()});
    }
    std::int64_t value = 0;
    if (!raw.empty()) {
      std::memcpy(&value, raw.data(), raw.size());
      const auto unused = static_cast<unsigned>(64 - 8 * raw.size());
      value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << unused) >> unused;  // sign
    }
    return push(Kind::Int, value);
  }

  std::string_view line() {
    const auto rest = m_rest();
    const std::size_t end = rest.substr(0, 256).find('\n');
    if (end == std::string_view::npos) {
      m_in.take(UINT64_MAX);
      return {};
    }
    return m_in.text(end + 1).substr(0, end);
  }
  std::string_view m_rest() {
    ByteReader ahead = m_in;
    return ahead.text(ahead.remaining());
  }

  bool pushGlobal(std::string_view module, std::string_view name) {
    if (m_in.failed()) {
      return malformed();
    }
    const GlobalMeaning meaning = meaningOf(module, name);
    if (meaning.use == GlobalUse::Code) return codeWanted(fullName(module, name));
    // An element type of torch, not code.
    if (module == "torch" && name.ends_with("Storage") && meaning.type == nullptr)
      return problem(fmt::format("it asks for {}, which a file of weights does not need", fullName(module, name)));
    if (meaning.use == GlobalUse::Class || meaning.use == GlobalUse::Function)
      m_modules.emplace(m_graph.nodes.size(), module);
    return push(PickleNode{Kind::Global, static_cast<std::int64_t>(meaning.use), name, meaning.type, {}});
  }

  bool stackGlobal() {
    const auto name = pop();
    const auto module = pop();
    if (!name || !module || node(*name).kind != Kind::Text || node(*module).kind != Kind::Text) {
      return malformed();
    }
    return pushGlobal(node(*module).text, node(*name).text);
  }

  /// ('storage', class, key, location, elements[, None]), or what old files of whole programs have around a class.
  bool persistentId() {
    const auto id = pop();
    if (!id || node(*id).kind != Kind::Tuple) {
      return malformed();
    }
    const auto& items = node(*id).items;
    if (items.empty() || node(items[0]).kind != Kind::Text) return malformed();
    if (items.size() == 4 && node(items[0]).text == "module") return pushIndex(items[1]);
    if (items.size() < 5 || items.size() > 6 || node(items[0]).text != "storage" ||
        useOf(items[1]) != GlobalUse::Storage || node(items[2]).kind != Kind::Text ||
        node(items[3]).kind != Kind::Text || node(items[4]).kind != Kind::Int || node(items[4]).number < 0) {
      return malformed();
    }
    if (items.size() == 6 && node(items[5]).kind != Kind::None) {
      return problem("it stores views of storages in a way that only very old torch versions did");
    }
    return push(PickleNode{Kind::Storage, node(items[4]).number, node(items[2]).text, node(items[1]).type, {}});
  }

  bool isIntTuple(std::uint32_t index) {
    const PickleNode& tuple = node(index);
    return (tuple.kind == Kind::Tuple || tuple.kind == Kind::List) && tuple.items.size() <= kMostDimensions &&
           std::all_of(tuple.items.begin(), tuple.items.end(), [&](auto i) { return node(i).kind == Kind::Int; });
  }

  std::optional<GlobalUse> useOf(std::uint32_t index) {
    const PickleNode& global = node(index);
    return global.kind == Kind::Global ? std::optional(static_cast<GlobalUse>(global.number)) : std::nullopt;
  }
  std::string fullName(std::string_view module, std::string_view name) {
    return std::string(module.substr(0, 64)) + (module.empty() ? "" : ".") + std::string(name.substr(0, 64));
  }
  std::string fullName(std::uint32_t global) {
    const auto module = m_modules.find(global);
    return fullName(module == m_modules.end() ? std::string_view{} : module->second, node(global).text);
  }

  /// An object whose class nobody knows here: it stays empty, and nothing of its class runs.
  bool pushObject(std::uint32_t type) {
    if (m_graph.object.empty() && useOf(type) != GlobalUse::Value) m_graph.object = fullName(type);
    return push(Kind::Opaque, 1);
  }

  bool reduce() {
    const auto arguments = pop();
    const auto callable = pop();
    return arguments && callable ? call(*callable, *arguments, false) : malformed();
  }

  bool call(std::uint32_t callable, std::uint32_t arguments, bool nested) {
    if (node(callable).kind == Kind::Opaque) return codeWanted("an object that it holds");
    if (node(callable).kind != Kind::Global || node(arguments).kind != Kind::Tuple) return malformed();
    const auto& items = node(arguments).items;  // good until the next push
    switch (*useOf(callable)) {
      case GlobalUse::Tensor: return rebuildTensor(items, 4, nullptr);
      case GlobalUse::TypedTensor:
        if (items.size() < 7 || useOf(items[6]) != GlobalUse::Storage) return malformed();
        return rebuildTensor(items, 7, node(items[6]).type);
      case GlobalUse::Parameter: {
        if (items.size() < 3 || items.size() > 4) return malformed();
        const Kind kind = node(items[0]).kind;
        return kind == Kind::Tensor || kind == Kind::OddTensor ? pushIndex(items[0]) : malformed();
      }
      case GlobalUse::TensorOfClass: return !nested && items.size() == 4 ? call(items[0], items[2], true) : malformed();
      case GlobalUse::OddTensor: return push(Kind::OddTensor, 0, node(callable).text);
      case GlobalUse::Dict: return push(Kind::Dict);
      case GlobalUse::Value: return push(Kind::Opaque);
      case GlobalUse::Class: return pushObject(callable);
      case GlobalUse::Storage: return malformed();
      case GlobalUse::Function:
      case GlobalUse::Code: return codeWanted(fullName(callable));
    }
    return malformed();
  }

  /// The arguments begin with storage, offset, size and stride; `type`: where it is not the storage's own.
  bool rebuildTensor(const std::vector<std::uint32_t>& items, std::size_t least, const TorchType* type) {
    if (items.size() < least || items.size() > 8 || node(items[0]).kind != Kind::Storage ||
        node(items[1]).kind != Kind::Int || !isIntTuple(items[2]) || !isIntTuple(items[3])) {
      return malformed();
    }
    if (type == nullptr) type = node(items[0]).type;
    return push(PickleNode{Kind::Tensor, node(items[1]).number, {}, type, {items[0], items[2], items[3]}});
  }

  /// NEWOBJ and NEWOBJ_EX: a class makes an empty object, whatever is handed to it.
  bool newObject(int arguments) {
    for (int i = 0; i < arguments; ++i)
      if (!pop()) return malformed();
    const auto type = pop();
    const auto use = type ? useOf(*type) : std::nullopt;
    if (use == GlobalUse::Dict) return push(Kind::Dict);
    const bool object = use == GlobalUse::Class || use == GlobalUse::Function || use == GlobalUse::Value;
    return object ? pushObject(*type) : malformed();
  }

  /// BUILD: attributes of a dictionary (a state dict's _metadata) or of an object. Not needed.
  bool build() {
    if (!pop() || m_stack.size() <= floor()) return malformed();
    const Kind kind = node(m_stack.back()).kind;
    return kind == Kind::Dict || kind == Kind::List || kind == Kind::Opaque || malformed();
  }

  /// Numbers as protocol 1 writes them: "01" is true, "12L" a long one.
  bool numberFromText() {
    std::string_view digits = line();
    if (digits == "00" || digits == "01") return push(Kind::Bool, digits == "01" ? 1 : 0);
    if (digits.ends_with('L')) digits.remove_suffix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || end != digits.data() + digits.size()) return malformed();
    if (error == std::errc::result_out_of_range) return push(Kind::Opaque);
    return error == std::errc() ? push(Kind::Int, value) : malformed();
  }

  bool step(std::uint8_t op) {
    switch (op) {
      case Proto: {
        const auto version = m_in.read<std::uint8_t>();
        if (version >= 2 && version <= 5) return true;
        return problem(fmt::format("it uses pickle protocol {}; 1 to 5 work", version));
      }
      case Frame: return m_in.read<std::uint64_t>() <= m_in.remaining() || malformed();
      case Stop: m_stopped = true; return true;

      case NoneOp: return push(Kind::None);
      case NewTrue: return push(Kind::Bool, 1);
      case NewFalse: return push(Kind::Bool, 0);
      case BinInt: return push(Kind::Int, m_in.read<std::int32_t>());
      case BinInt1: return push(Kind::Int, m_in.read<std::uint8_t>());
      case BinInt2: return push(Kind::Int, m_in.read<std::uint16_t>());
      case IntText:
      case LongText: return numberFromText();
      case Long1: return readLong(m_in.read<std::uint8_t>());
      case Long4: return readLong(m_in.read<std::uint32_t>());
      case BinFloat: m_in.take(8); return push(Kind::Opaque);
      case ShortBinUnicode:
      case ShortBinString: return push(Kind::Text, 0, m_in.text(m_in.read<std::uint8_t>()));
      case BinUnicode:
      case BinString: return push(Kind::Text, 0, m_in.text(m_in.read<std::uint32_t>()));
      case BinUnicode8: return push(Kind::Text, 0, m_in.text(m_in.read<std::uint64_t>()));
      case ShortBinBytes: m_in.take(m_in.read<std::uint8_t>()); return push(Kind::Opaque);
      case BinBytes: m_in.take(m_in.read<std::uint32_t>()); return push(Kind::Opaque);
      case BinBytes8:
      case ByteArray8: m_in.take(m_in.read<std::uint64_t>()); return push(Kind::Opaque);
      case EmptySet: return push(Kind::Opaque);
      case AddItems: return extendTop(Kind::Opaque, popMark());
      case FrozenSet: return popMark() ? push(Kind::Opaque) : malformed();

      case EmptyTuple: return push(Kind::Tuple);
      case Tuple1: return makeTuple(1);
      case Tuple2: return makeTuple(2);
      case Tuple3: return makeTuple(3);
      case TupleOp: return m_marks.empty() ? malformed() : makeMarkedTuple();
      case EmptyList: return push(Kind::List);
      case EmptyDict: return push(Kind::Dict);
      case Append: return extendTop(Kind::List, popItems(1));
      case Appends: return extendTop(Kind::List, popMark());
      case SetItem: return extendTop(Kind::Dict, popItems(2));
      case SetItems: return extendTop(Kind::Dict, popMark());

      case Mark:
        if (m_marks.size() >= kMostMarks) {
          return problem("its list of tensors is nested too deeply");
        }
        m_marks.push_back(m_stack.size());
        return true;
      case Pop: return pop().has_value() || malformed();
      case PopMark: return popMark().has_value() || malformed();
      case Dup: return m_stack.size() > floor() ? pushIndex(m_stack.back()) : malformed();
      case BinPut: return put(m_in.read<std::uint8_t>());
      case LongBinPut: return put(m_in.read<std::uint32_t>());
      case Memoize: return put(static_cast<std::uint32_t>(m_memo.size()));
      case BinGet: return get(m_in.read<std::uint8_t>());
      case LongBinGet: return get(m_in.read<std::uint32_t>());

      case GlobalOp: {
        const std::string_view module = line();
        const std::string_view name = line();
        return pushGlobal(module, name);
      }
      case Inst: {  // a global and its call in one
        const std::string module(line().substr(0, 64));
        const std::string name(line().substr(0, 64));
        return m_in.failed() ? malformed() : codeWanted(module + "." + name);
      }
      case Obj: {  // the same, the class first among its arguments
        const auto items = popMark();
        if (!items || items->empty() || node(items->front()).kind != Kind::Global) return malformed();
        return codeWanted(fullName(items->front()));
      }
      case StackGlobal: return stackGlobal();
      case BinPersId: return persistentId();
      case Reduce: return reduce();
      case NewObj: return newObject(1);
      case NewObjEx: return newObject(2);
      case Build: return build();
      default: return problem(fmt::format("its list of tensors has the unexpected opcode 0x{:02x}", op));
    }
  }

  bool makeMarkedTuple() {
    PickleNode tuple{Kind::Tuple, 0, {}, nullptr, *popMark()};
    return push(std::move(tuple));
  }

  ByteReader m_in;
  PickleGraph m_graph;
  std::vector<std::uint32_t> m_stack;
  std::vector<std::size_t> m_marks;  ///< stack heights
  std::unordered_map<std::uint32_t, std::uint32_t> m_memo;
  std::unordered_map<std::size_t, std::string_view> m_modules;  ///< of unknown globals, by node
  std::string m_problem;
  bool m_stopped = false;
  bool m_unsafe = false;
};

}  // namespace

Result<PickleGraph> readPickle(std::span<const std::byte> bytes) { return Reader(bytes).run(); }

}  // namespace rookery::engine
