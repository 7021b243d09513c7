// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "formats/names.h"

namespace rookery::engine {
namespace {

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
  const std::string start = lower(head.substr(first));
  const bool markup = start.starts_with("<?xml") || start.starts_with("<!--");
  if (!start.starts_with("<!doctype html") && !start.starts_with("<html") && !start.starts_with("<head") &&
      !(markup && start.find("<html") != std::string::npos))
    return std::nullopt;
  return Error{ErrorCode::FileIncomplete,
               fmt::format("{} is a web page, not a model: the page was saved in place of the file. Get the file with the "
                           "download button of that page.", name), {}};
}

// What a download manager that reserves the space first leaves behind.
std::optional<Error> onlyZeros(std::string_view head, const std::string& name) {
  if (head.size() < 64 || head.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
  return Error{ErrorCode::FileDamaged, fmt::format("{} begins with nothing but zeros: its download was not finished. Download it again.", name), {}};
}

// Kinds of files that begin in a way of their own.
struct Kind {
  std::size_t at;           ///< where these bytes are
  std::string_view begins;  ///< '?' stands for any byte
  std::string_view is, advice;
};
constexpr std::string_view kUnpack = "Unpack it and open what is inside.";
constexpr std::string_view kSame = "Get the same model as .pth, .safetensors or .gguf.";
constexpr std::string_view kSave = "Save the weights as .safetensors, under the names of the official .pth.";
constexpr std::string_view kPickle = "a Python pickle that torch did not save";
constexpr std::string_view kPickleAdvice =
    "Nothing in it was executed. Get the .pth or .safetensors of the model, or save its state_dict() with torch.save.";
constexpr std::string_view kOldGgml = "in an old ggml format, as rwkv.cpp used it, which cannot be read";
constexpr std::string_view kLlamaState = "a state that llama.cpp saved, in a form that only llama.cpp reads";
constexpr std::string_view kReadAgain = "Let the text be read again.";
constexpr std::string_view kPrefab = "a .prefab of web-rwkv, whose weights are laid out for that program";
constexpr std::string_view kGraph =
    "a graph with weights in protocol buffers (ONNX, Core ML or TensorFlow), which is not read";
constexpr std::string_view kProgram = "a program, which is not run";
constexpr std::array kKinds = std::to_array<Kind>({
    {0, "\x1F\x8B\x08", "a compressed file (gzip)", kUnpack},
    {0, "\x28\xB5\x2F\xFD", "a compressed file (Zstandard)", kUnpack},
    {0, "\x04\x22\x4D\x18", "a compressed file (LZ4)", kUnpack},
    {0, "7z\xBC\xAF\x27\x1C", "a compressed file (7-Zip)", kUnpack},
    {0, "Rar!\x1A\x07", "a compressed file (RAR)", kUnpack},
    {0, "\xFD" "7zXZ", "a compressed file (xz)", kUnpack},
    {0, "BZh", "a compressed file (bzip2)", kUnpack},
    {0, "x\x9C", "a compressed file (zlib)", kUnpack},
    {0, "x\xDA", "a compressed file (zlib)", kUnpack},
    {257, "ustar", "a tar archive", kUnpack},
    {0, "fmgg", kOldGgml, kSame},  // rwkv.cpp: version 100 or 101
    {0, "lmgg", kOldGgml, kSame},
    {0, "tjgg", kOldGgml, kSame},
    {0, "algg", kOldGgml, kSame},
    {0, "nsgg", kLlamaState, kReadAgain},
    {0, "qsgg", kLlamaState, kReadAgain},
    // CBOR maps: web-rwkv's model (src/runtime/v7.rs, examples/serde.rs).
    {0, "?\x67" "context", kPrefab, kSame},
    {0, "?\x64" "info", kPrefab, kSame},
    // MessagePack maps.
    {0, "?\xAC" "embd_weights", "a .fr of faster-rwkv, which is not read", kSame},
    {0, "?\xA8" "idx2word", "a tokenizer of faster-rwkv",
     "Choose rwkv_vocab_v20230424.txt where a vocabulary is asked for."},
    {0, "?\xA6" "params", "a file of Flax's weights (MessagePack), which is not read", kSave},
    {0, "\xDE?", "a MessagePack file, as Flax writes weights, which is not read", kSave},
    {0, "\x93NUMPY", "an array of NumPy, which is not read", kSave},
    {0, "\x89HDF\r\n\x1A\n", "an HDF5 file, as Keras writes weights, which is not read", kSave},
    {0, "\x80\x02", kPickle, kPickleAdvice},
    {0, "\x80\x03", kPickle, kPickleAdvice},
    {0, "\x80\x04", kPickle, kPickleAdvice},
    {0, "\x80\x05", kPickle, kPickleAdvice},
    {0, "\x08?\x12", kGraph, kSame},  // the version, then who made it
    {4, "TFL3", "a TensorFlow Lite model, which is not read", kSame},
    {4, "ET12", "an ExecuTorch program, which is not read", kSame},
    {0, "7767517\n", "the layout of a model for ncnn (.param) without its weights", kSame},
    {0, "Gk0\x01", "a file of ncnn's weights (.bin), which is not read", kSame},
    {0, "<?xml", "an XML text: a server's answer, or a model's layout for another program (OpenVINO)", kSame},
    {0, "# xet version", "only a pointer of Xet, a note that stands for the model",
     "Get the model itself with the download button of its page."},
    {0, "d8:announce", "a torrent, which says where a file is, and is not that file",
     "Open it with a program for torrents, then the file that this gets."},
    {0, "\x7F" "ELF", kProgram, kSame},
    {0, "MZqFpD", kProgram, "Get the .gguf that this llamafile was made from."},
    {0, "MZ\x90", kProgram, kSame},
});

bool beginsAs(std::string_view head, const Kind& kind) {
  if (head.size() < kind.at + kind.begins.size()) return false;
  return std::equal(kind.begins.begin(), kind.begins.end(), head.begin() + static_cast<std::ptrdiff_t>(kind.at),
                    [](char known, char found) { return known == '?' || known == found; });
}

std::optional<Error> knownKind(std::string_view head, const std::string& name) {
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return beginsAs(head, k); });
  if (kind == kKinds.end()) return std::nullopt;
  return Error{ErrorCode::FormatUnknown, fmt::format("{} is {}. {}", name, kind->is, kind->advice), {}};
}

/// The beginning of a text, to be quoted.
std::string opening(std::string_view text) {
  constexpr std::size_t kMost = 60;
  text = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return printable(text.substr(0, text.find_first_of("\r\n")), kMost);
}

std::optional<Error> jsonText(std::string_view head, const std::string& name) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || head[first] != '{') return std::nullopt;
  const std::size_t next = head.find_first_not_of(" \t\r\n", first + 1);
  if (next == std::string_view::npos || (head[next] != '"' && head[next] != '}')) return std::nullopt;
  const std::string key = lower(head.substr(next + 1, std::min(head.find('"', next + 1), head.size()) - next - 1));
  constexpr std::array<std::string_view, 7> kAnswers{"error", "errors", "code", "message", "msg", "detail", "success"};
  if (std::find(kAnswers.begin(), kAnswers.end(), key) != kAnswers.end())
    return Error{ErrorCode::FileIncomplete,
                 fmt::format("{} is a server's answer, not a model: {}. Get the file with the download button of its page.",
                             name, opening(head)), {}};
  const char* what = lower(name).ends_with(".index.json")
                         ? "the list of a model's parts"
                         : "JSON text (settings, data, or a description that comes with a model)";
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} is {}, not the model. Its weights are in the .safetensors, .pth or .gguf file beside it.",
                           name, what), {}};
}

/// A settings file, a README, or the line that a server sends where it has no such file.
std::optional<Error> plainText(std::string_view head, const std::string& name) {
  const bool isText = std::all_of(head.begin(), head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7F : c == '\n' || c == '\r' || c == '\t';
  });
  const std::string begins = opening(head);
  if (!isText || begins.empty()) return std::nullopt;
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} is a text that begins \"{}\", not a model. If it was downloaded, the server sent it in "
                           "place of the file: get that with the download button of its page.", name, begins), {}};
}

}  // namespace

std::optional<Error> foreignFile(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 1024));
  for (const auto known : {onlyZeros, lfsPointer, webPage, knownKind, jsonText, plainText})
    if (auto error = known(head, name)) return error;
  return std::nullopt;
}

Error foreignArchive(std::span<const std::string_view> entries, const std::string& name) {
  struct Entry {
    std::string_view ends, is, advice;
  };
  constexpr std::array kEntries = std::to_array<Entry>({
      {".npy", "NumPy arrays (.npz), which are not read", kSave},
      {".weights.h5", "a model of Keras, which is not read", kSave},
      {".mlmodel", "a Core ML model, which is not read", kSame},
      {"archive_format", "a program with its weights (torch.export), which is not read", kSame},
      {".pth", "a zip archive with a model in it", kUnpack},
      {".pt", "a zip archive with a model in it", kUnpack},
      {".ckpt", "a zip archive with a model in it", kUnpack},
      {".safetensors", "a zip archive with a model in it", kUnpack},
      {".st", "a zip archive with a model in it", kUnpack},
      {".gguf", "a zip archive with a model in it", kUnpack},
  });
  for (const Entry& kind : kEntries)
    if (std::any_of(entries.begin(), entries.end(), [&](std::string_view e) { return e.ends_with(kind.ends); }))
      return Error{ErrorCode::FormatUnknown, fmt::format("{} is {}. {}", name, kind.is, kind.advice), {}};
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} is a zip archive, but not one that torch saved. If there is a model in it, unpack it and "
                           "open that.", name), {}};
}

bool isUnfinishedName(const std::string& name) {
  constexpr std::array<std::string_view, 7> kEnds{".part", ".partial", ".crdownload", ".aria2", ".incomplete", ".download", ".tmp"};
  const std::string small = lower(name);
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return small.ends_with(end); });
}

}  // namespace rookery::engine
