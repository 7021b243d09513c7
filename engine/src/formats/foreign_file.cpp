// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace rookery::engine {
namespace {

using namespace std::string_view_literals;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
std::optional<Error> lfsPointer(std::string_view head, const std::string& name) {
  if (!head.starts_with("version https://git-lfs.github.com/spec/")) return std::nullopt;
  constexpr std::string_view kSize = "\nsize ";
  std::string size;
  if (const std::size_t at = head.find(kSize); at != std::string_view::npos) {
    std::string_view rest = head.substr(at + kSize.size());
    rest = rest.substr(0, rest.find_first_not_of("0123456789"));
    if (!rest.empty() && rest.size() <= 20) size = fmt::format(" of {} bytes", rest);
  }
  return Error{ErrorCode::FileIncomplete,
               fmt::format("{} is only a Git LFS pointer, a note that stands for the model{}. Get the model itself: with \"git lfs pull\", or "
                           "with the download button of its page.", name, size), {}};
}

std::optional<Error> webPage(std::string_view head, const std::string& name) {
  const std::size_t first = head.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos) return std::nullopt;
  const std::string start = lower(head.substr(first, 15));
  if (!start.starts_with("<!doctype html") && !start.starts_with("<html") && !start.starts_with("<?xml") && !start.starts_with("<head")) return std::nullopt;
  return Error{ErrorCode::FileIncomplete,
               fmt::format("{} is a web page, not a model: the page was saved in place of the file. Get the file with the download button of that page.", name), {}};
}

// What a download manager that reserves the space first leaves behind.
std::optional<Error> onlyZeros(std::string_view head, const std::string& name) {
  if (head.size() < 64 || head.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
  return Error{ErrorCode::FileDamaged, fmt::format("{} begins with nothing but zeros: its download was not finished. Download it again.", name), {}};
}

// Magic numbers of ggml's formats before GGUF, as they lie in the file (rwkv.cpp: "ggmf", version 100 or 101).
std::optional<Error> oldGgml(std::string_view head, const std::string& name) {
  if (!head.starts_with("fmgg") && !head.starts_with("lmgg") && !head.starts_with("tjgg") && !head.starts_with("algg")) return std::nullopt;
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} is in an old ggml format, as rwkv.cpp used it, which cannot be read. Get the same model as .pth or .gguf.", name), {}};
}

// A CBOR map whose first key is a field of web-rwkv's model (src/runtime/v7.rs, examples/serde.rs).
std::optional<Error> prefab(std::string_view head, const std::string& name) {
  const bool map = !head.empty() && (static_cast<unsigned char>(head[0]) & 0xE0U) == 0xA0U;
  const bool known = map && (head.substr(1).starts_with("\x67"
                                                        "context"sv) ||
                             head.substr(1).starts_with("\x64"
                                                        "info"sv));
  if (!known && !lower(name).ends_with(".prefab")) return std::nullopt;
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} is a .prefab of web-rwkv, whose weights are laid out for that program. Get the same model as .st, .pth or .gguf.", name), {}};
}

std::optional<Error> archive(std::string_view head, const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kKinds{{{"\x1F\x8B\x08", "gzip"},
                                                                                 {"\x28\xB5\x2F\xFD", "Zstandard"},
                                                                                 {"7z\xBC\xAF\x27\x1C", "7-Zip"},
                                                                                 {"Rar!\x1A\x07", "RAR"},
                                                                                 {"\xFD"
                                                                                  "7zXZ",
                                                                                  "xz"},
                                                                                 {"BZh", "bzip2"}}};
  for (const auto& [magic, kind] : kKinds)
    if (head.starts_with(magic))
      return Error{ErrorCode::FormatUnknown, fmt::format("{} is a compressed file ({}). Unpack it and open what is inside.", name, kind), {}};
  return std::nullopt;
}

std::optional<Error> jsonText(std::string_view head, const std::string& name) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || head[first] != '{') return std::nullopt;
  const std::size_t next = head.find_first_not_of(" \t\r\n", first + 1);
  if (next == std::string_view::npos || (head[next] != '"' && head[next] != '}')) return std::nullopt;
  const char* what = lower(name).ends_with(".index.json") ? "the list of a model's parts" : "a description that comes with a model";
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} is {}, not the model. Its weights are in the .safetensors, .pth or .gguf file beside it.", name, what), {}};
}

}  // namespace

std::optional<Error> foreignFile(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 1024));
  for (const auto known : {onlyZeros, lfsPointer, webPage, oldGgml, prefab, archive, jsonText})
    if (auto error = known(head, name)) return error;
  return std::nullopt;
}

bool isUnfinishedName(const std::string& name) {
  constexpr std::array<std::string_view, 7> kEnds{".part", ".partial", ".crdownload", ".aria2", ".incomplete", ".download", ".tmp"};
  const std::string small = lower(name);
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return small.ends_with(end); });
}

}  // namespace rookery::engine
