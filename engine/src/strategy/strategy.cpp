// SPDX-License-Identifier: GPL-3.0-or-later
// Grammar and arithmetic of strategies in rwkv/model.py of the rwkv package.
#include "rookery/strategy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "rookery/device.h"

namespace rookery::engine {
namespace {

constexpr std::string_view kExample = "\"cuda fp16 *10 -> cpu fp32\"";
constexpr std::string_view kSpaces = " \t";

/// A stage as written, before layers are shared out.
struct Written {
  StrategyStage stage;
  std::optional<int> layers;  ///< `*N`
};

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::StrategyInvalid, std::move(message)); }

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return found;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kSpaces), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

/// ASCII; case says nothing in a strategy.
std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Digits only; a number too large for an int becomes the largest one.
std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || end != text.data() + text.size()) return std::nullopt;
  return error == std::errc::result_out_of_range ? std::numeric_limits<int>::max() : value;
}

Result<std::string> parseDevice(std::string_view word) {
  constexpr int kMostDevices = 1024;
  const std::string_view kind = word.substr(0, word.find(':'));
  const auto device = deviceNamed(word), kindAlone = deviceNamed(kind);
  if (device && device->index < kMostDevices) {
    if (device->index >= 0) return fmt::format("{}:{}", kind, device->index);
    // The first CUDA device is cuda:0, as in the official program; which Vulkan device it is is seen when it is opened.
    return device->kind == DeviceKind::Cuda ? fmt::format("{}:0", kind) : std::string(word);
  }
  if (kindAlone && kindAlone->kind != DeviceKind::Cpu) {
    return invalid(fmt::format("\"{}\" does not name a device: write {}:0 for the first one.", word, kind));
  }
  if (kind == "mps" || kind == "dml") {
    return invalid(fmt::format("The device \"{}\" is not supported; use vulkan, cuda or cpu.", word));
  }
  if (precisionNamed(word)) return invalid(fmt::format("\"{}\" is a type of weights; a stage begins with its device: \"cpu {}\".", word, word));
  return invalid(fmt::format("\"{}\" is not a device: write cpu, vulkan for the first graphics device, or vulkan:0, vulkan:1 and so on for a certain one "
                             "(cuda and cuda:0 likewise, in a build that has CUDA).", word));
}

Result<DType> parseType(std::string_view word) {
  if (const auto type = precisionNamed(word)) return *type;
  if (word.ends_with("i4") || word.ends_with("i3")) {
    return invalid(fmt::format("The type \"{}\" is refused: the official program accepts it, but leaves the weights as "
                               "they are. int4 and nf4 do make them smaller.", word));
  }
  if (word == "fp32i8" || word == "bf16i8") {
    return invalid(fmt::format("Write fp16i8 for \"{}\": the weights are the same, and activations are fp32 here anyway.", word));
  }
  return invalid(fmt::format("\"{}\" is not a type of weights; there are {}.", word, precisionList()));
}

std::vector<std::string_view> stageTexts(std::string_view text) {
  std::vector<std::string_view> stages;
  for (std::size_t arrow = text.find("->"); arrow != std::string_view::npos; arrow = text.find("->")) {
    stages.push_back(text.substr(0, arrow));
    text.remove_prefix(arrow + 2);
  }
  stages.push_back(text);
  return stages;
}

Result<Written> parseStage(std::string_view text) {
  const auto parts = words(text);
  if (parts.empty()) return invalid(fmt::format("A stage of the strategy is empty; an example is {}.", kExample));
  for (const std::string_view part : parts) {
    const std::size_t star = part.find('*');
    if (star != std::string_view::npos && star > 0)
      return invalid(fmt::format("A space is missing in \"{}\" before the *: write \"{} {}\".", part, part.substr(0, star), part.substr(star)));
  }
  Written written;
  auto device = parseDevice(lowered(parts[0]));
  if (!device) return tl::unexpected(device.error());
  written.stage.device = std::move(*device);

  std::size_t next = 1;
  if (next < parts.size() && parts[next].front() != '*') {
    const auto type = parseType(lowered(parts[next++]));
    if (!type) return tl::unexpected(type.error());
    written.stage.weights = *type;
  }
  if (next < parts.size() && parts[next].front() == '*') {
    std::string_view count = parts[next++].substr(1);
    written.stage.stream = count.ends_with('+');
    if (written.stage.stream) count.remove_suffix(1);
    written.layers = number(count);
    if (!written.layers) return invalid(fmt::format("\"{}\" is not a number of layers; write *10 for ten.", parts[next - 1]));
  }
  if (next < parts.size()) {
    return invalid(fmt::format("\"{}\" is one word too many in a stage; the order is device, type, *layers.", parts[next]));
  }
  if (written.layers == 0 && !written.stage.stream) {
    return invalid("A stage with *0 holds no layer; leave the stage out, or give it one layer at least.");
  }
  if (written.stage.stream && namesCpu(written.stage.device)) {
    return invalid("Layers are streamed from the computer's memory to a GPU; on the cpu they are there already: leave "
                   "the + out.");
  }
  return written;
}

/// `*N` takes the next N; then one stage streams all that is left, or those without `*N` share it, the last stage
/// getting what does not divide.
void shareLayers(std::vector<Written>& stages, int total) {
  int left = total;
  Written* streaming = nullptr;
  int sharing = 0;
  for (Written& written : stages) {
    if (left == 0) break;  // the rest stays empty, even what it says about streaming
    if (!written.layers) {
      ++sharing;
      continue;
    }
    written.stage.layers = std::min(*written.layers, left);
    left -= written.stage.layers;
    if (written.stage.stream) streaming = &written;
  }
  if (streaming != nullptr) {
    streaming->stage.streamedLayers = left;
    return;
  }
  for (Written& written : stages) {
    if (written.layers || left == 0) continue;
    written.stage.layers = left / sharing--;
    left -= written.stage.layers;
  }
  stages.back().stage.layers += left;
}

}  // namespace

Result<Strategy> parseStrategy(std::string_view text, int layers) {
  if (layers < 1 || layers == std::numeric_limits<int>::max()) {
    return fail(ErrorCode::InvalidArgument, fmt::format("A model cannot have {} layers.", layers));
  }
  std::vector<Written> written;
  for (const std::string_view stageText : stageTexts(text)) {
    auto stage = parseStage(stageText);
    if (!stage) return tl::unexpected(stage.error());
    written.push_back(std::move(*stage));
  }
  if (std::count_if(written.begin(), written.end(), [](const Written& w) { return w.stage.stream; }) > 1) {
    return invalid("Two stages stream (*N+), but only one can: it takes all layers that are left. Leave one + out.");
  }
  shareLayers(written, layers + 1);
  Strategy strategy;
  strategy.text = text;
  const Written& last = written.back();
  if (last.layers && last.stage.layers > *last.layers) {
    strategy.note = fmt::format("The last stage, \"{}\", takes all {} layers that are left (the head counts as one), not {}.", last.stage.device, last.stage.layers, *last.layers);
    if (!namesCpu(last.stage.device)) strategy.note += fmt::format(" To put the others elsewhere, write a stage for them behind it: \"{} -> cpu\".", text);
  }
  for (Written& stage : written) strategy.stages.push_back(std::move(stage.stage));
  return strategy;
}

Result<std::string> withWeightType(std::string_view strategy, std::string_view type) {
  std::string result;
  for (const std::string_view stage : stageTexts(strategy)) {
    auto parts = words(stage);
    if (parts.size() > 1 && parts[1].front() != '*')
      return fail(ErrorCode::InvalidArgument, "The precision is given twice: in the strategy and on its own.");
    if (!parts.empty()) parts.insert(parts.begin() + 1, type);
    result += fmt::format("{}{}", result.empty() ? "" : " -> ", fmt::join(parts, " "));
  }
  return result;
}

}  // namespace rookery::engine
