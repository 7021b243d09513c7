// SPDX-License-Identifier: GPL-3.0-or-later
// safetensors: 8 bytes little-endian header length, JSON header, data. Rules as its own library checks them: names
// unique, offsets in range, shapes fit their bytes, tensors cover the data without holes or overlap.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/contents.h"
#include "formats/safetensors_writer.h"

namespace rookery::engine {

namespace {

using nlohmann::json;

// The format's own limit is 100 MB; kMostTensors with long names need less than this.
constexpr std::uint64_t kMostHeader = 16'000'000, kMostHeaderOfFormat = 100'000'000;
constexpr std::size_t kMostMetadata = 4096;

std::uint64_t headerLength(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

// All types of safetensors 0.8.0 (its Dtype).
std::optional<DType> dtypeOf(std::string_view name) {
  using enum DType;
  static constexpr std::array<std::pair<std::string_view, DType>, 22> kTypes{
      {{"BOOL", Bool}, {"F4", F4}, {"F6_E2M3", F6_E2M3}, {"F6_E3M2", F6_E3M2}, {"U8", U8}, {"I8", I8},
       {"F8_E5M2", F8_E5M2}, {"F8_E4M3", F8_E4M3}, {"F8_E8M0", F8_E8M0}, {"F8_E4M3FNUZ", F8_E4M3FNUZ},
       {"F8_E5M2FNUZ", F8_E5M2FNUZ}, {"I16", I16}, {"U16", U16}, {"F16", F16}, {"BF16", BF16}, {"I32", I32},
       {"U32", U32}, {"F32", F32}, {"C64", C64}, {"F64", F64}, {"I64", I64}, {"U64", U64}}};
  for (const auto& [known, type] : kTypes)
    if (known == name) return type;
  return std::nullopt;
}

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The safetensors file is damaged: {}.", what));
}

// Takes the header as the parser meets it, so that it costs no more than the tensors it names. What it may not be ends
// the parsing, with `problem` set where there is more to say than that it is not the JSON object it should be.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  HeaderReader(ModelFile::Contents& contents, std::span<const std::byte> data) : m_contents(contents), m_data(data) {}

  std::optional<Error> problem;

  bool start_object(std::size_t) override {
    switch (m_where) {
      case Where::Outside: m_where = Where::Header; return true;
      case Where::Header:
        if (m_name == kMetadata) {
          m_where = Where::Metadata;
          return !std::exchange(m_hasMetadata, true);
        }
        m_where = Where::Entry;
        m_tensor = {};
        m_hasDtype = m_hasShape = false;
        m_offsets.clear();
        return true;
      default: return start();
    }
  }
  bool end_object() override {
    switch (m_where) {
      case Where::Header: m_where = Where::Outside; return true;
      case Where::Metadata: m_where = Where::Header; return true;
      case Where::Entry: m_where = Where::Header; return finishTensor();
      default: return end();
    }
  }
  bool start_array(std::size_t) override {
    if (m_where == Where::Entry && m_key == "shape") return enter(Where::Shape, m_hasShape);
    if (m_where == Where::Entry && m_key == "data_offsets" && m_offsets.empty()) {
      m_where = Where::Offsets;
      return true;
    }
    return start();
  }
  bool end_array() override {
    if (m_where != Where::Shape && m_where != Where::Offsets) return end();
    m_where = Where::Entry;
    return true;
  }
  bool key(std::string& name) override {
    if (m_where == Where::Header) m_name = name;
    else if (m_where == Where::Entry || m_where == Where::Metadata) m_key = name;
    return true;
  }
  bool null() override {
    if (m_where == Where::Header && m_name == kMetadata)
      return !std::exchange(m_hasMetadata, true);  // MLX writes it; it means none
    return other();
  }
  bool boolean(bool) override { return other(); }
  bool number_integer(std::int64_t) override { return other(); }
  bool number_float(double, const std::string&) override { return other(); }
  bool binary(json::binary_t&) override { return other(); }
  bool number_unsigned(std::uint64_t value) override {
    if (m_where == Where::Shape) {
      if (m_tensor.shape.size() == kMostDimensions || value > (std::uint64_t{1} << 60U)) return other();
      m_tensor.shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (m_where != Where::Offsets || m_offsets.size() == 2) return other();
    m_offsets.push_back(value);
    return true;
  }
  bool string(std::string& text) override {
    if (m_where == Where::Metadata) {
      if (m_contents.metadata.size() == kMostMetadata)
        return stop(tooMany("safetensors file", "metadata keys", kMostMetadata).value());
      return m_contents.metadata.emplace(m_key, text).second;
    }
    if (m_where != Where::Entry || m_key != "dtype") return other();
    if (std::exchange(m_hasDtype, true)) return false;
    const auto type = dtypeOf(text);
    if (!type) return bad("has an unknown dtype");
    m_tensor.dtype = *type;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  enum class Where { Outside, Header, Metadata, Entry, Shape, Offsets, Skipped };
  static constexpr std::string_view kMetadata = "__metadata__";
  static constexpr int kDeepest = 8;

  bool stop(Error error) {
    problem = std::move(error);
    return false;
  }
  bool bad(const char* what) { return stop(damaged(fmt::format("tensor {} {}", m_name, what)).value()); }
  bool enter(Where where, bool& once) {
    m_where = where;
    return !std::exchange(once, true);
  }

  // A value that is of no use here: passed over where the format leaves room for more.
  bool other() {
    switch (m_where) {
      case Where::Header:
        return m_name == kMetadata ? stop(damaged("its metadata is no object").value())
                                   : bad("lacks its dtype, shape or offsets");
      case Where::Entry:
        if (m_key == "dtype") return bad("has a dtype that is no text");
        if (m_key == "shape") return bad("has an impossible shape");
        return m_key == "data_offsets" ? bad("has offsets that are no two numbers") : true;
      case Where::Shape: return bad("has an impossible shape");
      case Where::Offsets: return bad("has offsets that are no two numbers");
      case Where::Metadata: case Where::Skipped: return true;
      case Where::Outside: break;
    }
    return false;
  }
  bool start() {
    if (m_where != Where::Skipped) {
      if (!other()) return false;
      m_return = std::exchange(m_where, Where::Skipped);
    }
    return ++m_depth <= kDeepest;
  }
  bool end() {
    if (--m_depth == 0) m_where = m_return;
    return true;
  }

  bool finishTensor() {
    if (!m_hasDtype || !m_hasShape || m_offsets.empty()) return bad("lacks its dtype, shape or offsets");
    if (m_offsets.size() != 2) return bad("has offsets that are no two numbers");
    const std::uint64_t begin = m_offsets[0], end = m_offsets[1];
    if (begin > end) return bad("ends before it begins");
    if (end > m_data.size())
      return stop(damaged(fmt::format("tensor {} lies outside the file, which ends {} bytes too early; the download may "
                                      "not be complete", m_name, end - m_data.size())).value());
    const auto bytes = tensorBytes(m_tensor.dtype, m_tensor.shape);
    if (!bytes || *bytes != end - begin) return bad("has a shape that does not fit its bytes");
    m_tensor.name = m_name;
    m_tensor.bytes = m_data.subspan(begin, end - begin);
    auto added = m_contents.add(std::move(m_tensor));
    return added ? true : stop(std::move(added.error()));
  }

  ModelFile::Contents& m_contents;
  std::span<const std::byte> m_data;
  Where m_where = Where::Outside, m_return = Where::Outside;
  int m_depth = 0;  // of what is passed over
  bool m_hasMetadata = false, m_hasDtype = false, m_hasShape = false;
  std::string m_name, m_key;
  TensorSource m_tensor;
  std::vector<std::uint64_t> m_offsets;
};

// Our own files keep block types as bytes, the type in the name (safetensors_writer.h).
Result<void> unwrapBlocks(TensorSource& tensor) {
  const std::size_t dot = tensor.name.rfind('.');
  if (tensor.dtype != DType::U8 || dot == std::string::npos || tensor.shape.empty()) return {};
  for (std::size_t i = 0; i < kDTypes; ++i) {
    const auto type = static_cast<DType>(i);
    const DTypeTraits& t = traits(type);
    if (t.blockSize == 1 || !isWeightType(type) || std::string_view(tensor.name).substr(dot + 1) != t.name) continue;
    const std::int64_t rowBytes = tensor.shape.back();
    if (rowBytes % t.blockBytes != 0) return damaged(fmt::format("rows of tensor {} are no whole number of blocks", tensor.name));
    tensor.name.resize(dot);
    tensor.dtype = type;
    tensor.shape.back() = rowBytes / t.blockBytes * t.blockSize;
    return {};
  }
  return {};
}

// As it stands in the file, with its escapes.
std::size_t longestText(std::string_view header) {
  std::size_t longest = 0;
  for (std::size_t at = header.find('"'); at != std::string_view::npos; at = header.find('"', at)) {
    const std::size_t begin = ++at;
    while (at < header.size() && header[at] != '"') at += header[at] == '\\' ? 2 : 1;
    longest = std::max(longest, std::min(at, header.size()) - begin);
    ++at;
  }
  return longest;
}

}  // namespace

bool hasSafetensorsHeader(std::span<const std::byte> bytes) noexcept {
  return bytes.size() > 8 && bytes[8] == std::byte{'{'} && headerLength(bytes) <= bytes.size() - 8;
}

bool looksLikeSafetensors(std::span<const std::byte> bytes) noexcept {
  // A header starts with '{'. Short files too, so that a cut one is called damaged rather than unknown.
  if (bytes.size() <= 8) return true;
  return bytes[8] == std::byte{'{'} || bytes[8] == std::byte{'['} || headerLength(bytes) == 0;
}

Result<void> readSafetensors(ModelFile::Contents& contents) {
  const auto file = contents.file.bytes();
  if (file.size() < 8) return damaged("it ends before the length of its header");
  const std::uint64_t length = headerLength(file);
  if (length < 2 || length > kMostHeaderOfFormat || length > file.size() - 8)
    return damaged(fmt::format("its header is said to have {} bytes, the file has {}; the download may not be complete", length, file.size()));
  if (length > kMostHeader)
    return fail(ErrorCode::FormatUnknown,
                fmt::format("The safetensors file has a table of contents of {} MB; no model has one of more than {}.",
                            length / 1'000'000, kMostHeader / 1'000'000));
  const auto* text = reinterpret_cast<const char*>(file.data() + 8);
  if (const std::size_t longest = longestText({text, length}); longest > kMostTextBytes)
    return fail(ErrorCode::FormatUnknown, fmt::format("The safetensors file has a text of {} bytes in its table of contents; no model "
                                                      "needs one of that size.", longest));
  const auto data = file.subspan(8 + length);
  HeaderReader header(contents, data);
  const bool whole = json::sax_parse(text, text + length, &header);
  if (header.problem) return tl::unexpected(std::move(*header.problem));
  if (!whole) return damaged("its header is not the JSON object it should be");

  const auto layout = contents.metadata.find(kBlockLayoutKey);
  if (layout != contents.metadata.end() && std::get<std::string>(layout->second) == kBlockLayout)
    for (TensorSource& tensor : contents.tensors)
      if (auto good = unwrapBlocks(tensor); !good) return good;

  // In file order; one after the other without overlap.
  std::sort(contents.tensors.begin(), contents.tensors.end(), [](const TensorSource& a, const TensorSource& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  const std::byte* end = data.data();
  for (const TensorSource& tensor : contents.tensors) {
    if (tensor.bytes.data() < end) return damaged(fmt::format("tensor {} overlaps another one", tensor.name));
    end = tensor.bytes.data() + tensor.bytes.size();
  }
  return {};
}

}  // namespace rookery::engine
