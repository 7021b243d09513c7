// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/file_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace rookery::engine {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// "12" or "2.1" at the start of `text`; its length, 0: no number.
std::size_t numberLength(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && isDigit(text[at])) ++at;
  if (at == 0 || at + 1 >= text.size() || text[at] != '.' || !isDigit(text[at + 1])) return at;
  for (++at; at < text.size() && isDigit(text[at]);) ++at;
  return at;
}

int toInt(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() ? value : 0;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool isWeights(std::string_view small) {
  constexpr std::array<std::string_view, 9> kPlain{"f32", "fp32", "f16", "fp16", "bf16", "int8", "int4", "nf4", "fp8"};
  if (std::find(kPlain.begin(), kPlain.end(), small) != kPlain.end()) return true;
  if (small.starts_with("iq")) small.remove_prefix(1);
  return small.size() >= 4 && small[0] == 'q' && isDigit(small[1]) && small[2] == '_';  // Q4_0, Q4_K_M, IQ4_NL
}

/// Without the suffix, and with what stands between dots at the end as a part: "m.Q8_0.gguf".
std::string stemOf(std::string_view fileName) {
  std::string stem = withoutSuffix(fileName);
  const std::size_t dot = stem.rfind('.');
  if (dot != std::string::npos && isWeights(lower(stem.substr(dot + 1)))) stem[dot] = '-';
  return stem;
}

/// "model.safetensors", "pytorch_model-00001-of-00002.bin", "model.safetensors.index.json": says nothing.
bool isOfAnyModel(std::string_view fileName) {
  const std::string small = lower(fileName);
  std::string_view rest = small;
  const auto drop = [&rest](std::string_view end) {
    const bool has = rest.ends_with(end);
    if (has) rest.remove_suffix(end.size());
    return has;
  };
  drop(".index.json");
  if (!drop(".safetensors") && !drop(".bin")) return false;
  const auto dropNumber = [&rest] {
    const std::size_t digit = rest.find_last_not_of("0123456789") + 1;
    const bool has = digit < rest.size();
    rest = rest.substr(0, digit);
    return has;
  };
  if (const std::string_view before = rest; !dropNumber() || !drop("-of-") || !dropNumber() || !drop("-")) rest = before;
  return rest == "model" || rest == "pytorch_model";
}

/// The generation in "rwkv7", "rwkv7a", "rwkv" + "x060" or "rwkv" + "4"; takes the parts it read. Empty: none.
std::string takeGeneration(std::vector<std::string_view>& parts) {
  std::string first = lower(parts.front());
  if (!first.starts_with("rwkv")) return {};
  parts.erase(parts.begin());
  first.erase(0, 4);
  if (first.empty() && !parts.empty()) {
    first = lower(parts.front());
    parts.erase(parts.begin());
  }
  if (first.starts_with("v")) first.erase(0, 1);
  if (first.size() == 4 && first[0] == 'x' && first[1] == '0' && isDigit(first[2]) && isDigit(first[3]))  // x070, x052
    first = first[3] == '0' ? first.substr(2, 1) : fmt::format("{}.{}", first[2], first[3]);
  const std::size_t number = numberLength(first);
  const bool letter = first.size() == number + 1 && (first[number] == 'a' || first[number] == 'b');
  return number > 0 && number <= 3 && (first.size() == number || letter) ? first : std::string();
}

/// "2.9b", "169m", "1b5" as "2.9B", "169M", "1.5B"; empty: no size.
std::string sizeOf(std::string_view small) {
  const std::size_t number = numberLength(small);
  if (number == 0 || number >= small.size() || (small[number] != 'b' && small[number] != 'm')) return {};
  const char unit = small[number] == 'b' ? 'B' : 'M';
  if (small.size() == number + 1) return std::string(small.substr(0, number)) + unit;
  if (small.size() == number + 2 && isDigit(small[number + 1])) return fmt::format("{}.{}{}", small.substr(0, number), small[number + 1], unit);
  return {};
}

bool takeDate(std::string_view part, FileNameParts& out) {
  if (part.size() != 8 || !std::all_of(part.begin(), part.end(), isDigit)) return false;
  const int year = toInt(part.substr(0, 4)), month = toInt(part.substr(4, 2)), day = toInt(part.substr(6, 2));
  if (year < 2020 || year > 2099 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  out.year = year;
  out.month = month;
  out.day = day;
  return true;
}

/// "g1d" -> "G1d", "v2.1" -> "v2.1"; empty: no data version.
std::string dataOf(std::string_view small) {
  const std::size_t number = small.empty() ? 0 : numberLength(small.substr(1));
  if (number == 0) return {};
  const std::string_view rest = small.substr(1 + number);
  if (small[0] == 'v') return rest.empty() ? std::string(small) : std::string();
  if (small[0] != 'g' || number > 2 || rest.size() > 3) return {};
  const bool letterFirst = rest.empty() || (rest[0] >= 'a' && rest[0] <= 'z' && std::all_of(rest.begin() + 1, rest.end(), isDigit));
  return letterFirst ? "G" + std::string(small.substr(1)) : std::string();
}

std::string seriesOf(std::string_view small) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kSeries{{{"world", "World"}, {"pile", "Pile"}, {"pileplus", "PilePlus"}, {"raven", "Raven"},
                                                                                  {"novel", "Novel"}, {"chnovel", "Chinese novels"}, {"jpn", "Japanese"},
                                                                                  {"music", "Music"}, {"midi", "MIDI"}}};
  for (const auto& [theirs, ours] : kSeries)
    if (small == theirs) return std::string(ours);
  return {};
}

}  // namespace

std::optional<FileNameParts> parseFileName(std::string_view fileName) {
  constexpr std::size_t kLongest = 255;  // of any file system
  if (fileName.size() > kLongest) return std::nullopt;
  const std::string stem = stemOf(fileName);
  auto parts = split(stem, '-');
  FileNameParts out;
  out.generation = takeGeneration(parts);
  if (out.generation.empty()) return std::nullopt;
  const auto set = [](std::string& field, std::string value) {
    if (value.empty() || !field.empty()) return false;
    field = std::move(value);
    return true;
  };
  for (const std::string_view part : parts) {
    const std::string small = lower(part);
    if (set(out.series, seriesOf(small)) || set(out.size, sizeOf(small)) || set(out.data, dataOf(small))) continue;
    if (out.weights.empty() && isWeights(small)) {
      out.weights = part;
    } else if (out.context == 0 && small.starts_with("ctx") && toInt(small.substr(3)) > 0) {
      out.context = toInt(small.substr(3));
    } else if ((out.year != 0 || !takeDate(part, out)) && !part.empty()) {
      out.rest.emplace_back(part);
    }
  }
  const bool says = !out.series.empty() || !out.data.empty() || !out.size.empty() || out.year != 0 || out.context != 0;
  return says ? std::optional(std::move(out)) : std::nullopt;
}

std::string withoutSuffix(std::string_view fileName) {
  const std::string small = lower(fileName);
  for (const std::string_view suffix : {".safetensors.index.json", ".safetensors", ".pth", ".pt", ".ckpt", ".st", ".gguf", ".prefab", ".bin"})
    if (small.ends_with(suffix)) return std::string(fileName.substr(0, fileName.size() - suffix.size()));
  return std::string(fileName);
}

std::string modelName(const std::filesystem::path& file) {
  std::string name = file.filename().string();
  if (!isOfAnyModel(name)) return name;
  std::error_code error;
  const auto whole = std::filesystem::absolute(file, error);
  if (error) return name;
  const auto folder = whole.lexically_normal().parent_path();
  // <cache>/models--RWKV--rwkv7-g1/snapshots/<commit>/model.safetensors
  const auto repository = folder.parent_path().parent_path().filename().string();
  const bool isCached = folder.parent_path().filename() == "snapshots" && repository.starts_with("models--");
  const std::string above = isCached ? repository.substr(repository.rfind("--") + 2) : folder.filename().string();
  return above.empty() ? name : above;
}

std::optional<DataVersion> worldData(const FileNameParts& parts) {
  if (parts.series != "World") return std::nullopt;
  if (parts.data.empty() || parts.data == "v1") return DataVersion{0.59, 0};
  if (parts.data == "v2") return DataVersion{1.1, 0};
  if (parts.data == "v2.1") return DataVersion{1.42, 2.5};
  if (parts.data == "v3") return DataVersion{3, 5.5};
  return std::nullopt;
}

std::vector<std::string> explainFileName(const FileNameParts& parts) {
  std::vector<std::string> out;
  const bool deepEmbed = parts.generation.ends_with('a') || parts.generation.ends_with('b');
  out.push_back(fmt::format("RWKV-{}{}{}", parts.generation, parts.series.empty() ? "" : ", series ", parts.series) +
                (deepEmbed ? ", an experimental variant with DeepEmbed" : ""));
  if (const auto data = worldData(parts)) {
    out.push_back(fmt::format("training data {}: about {} trillion tokens{}", parts.data.empty() ? "v1 (no version in the name)" : parts.data, data->tokens,
                              data->total > 0 ? fmt::format(", {} with those of earlier versions", data->total) : ""));
  } else if (parts.data.starts_with('G')) {
    out.push_back(fmt::format("training data {}: of the G releases, with instructions and reasoning; a later letter is newer data", parts.data));
  } else if (!parts.data.empty()) {
    out.push_back(fmt::format("version {} of its series", parts.data));
  }
  if (!parts.size.empty()) out.push_back(fmt::format("size {}: about that many parameters (M: million, B: billion)", parts.size));
  if (parts.year != 0) out.push_back(fmt::format("date {:04}-{:02}-{:02}", parts.year, parts.month, parts.day));
  if (parts.context != 0) out.push_back(fmt::format("context {}: the longest texts in training, in tokens; longer ones can be read, a little less well", parts.context));
  if (!parts.weights.empty()) out.push_back(fmt::format("weights stored as {}", parts.weights));
  return out;
}

}  // namespace rookery::engine
