// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/state_file.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "formats/names.h"
#include "formats/safetensors_writer.h"
#include "quant/convert.h"
#include "rookery/version.h"
#include "sampler/softmax.h"
#include "state/state_form.h"

namespace rookery::engine {
namespace {

constexpr const char *kModelKey = "rookery.model", *kFingerprintKey = "rookery.fingerprint", *kDateKey = "rookery.date",
                     *kTokensKey = "rookery.tokens", *kChatKey = "rookery.chat", *kGenerationKey = "rookery.generation";

std::vector<std::int64_t> withoutOnes(std::vector<std::int64_t> shape) {
  std::erase(shape, 1);  // files differ in them
  return shape;
}

int generationOf(RwkvVersion version) {
  switch (version) {
    case RwkvVersion::V4: return 4;
    case RwkvVersion::V5_0:
    case RwkvVersion::V5_1:
    case RwkvVersion::V5_2: return 5;
    case RwkvVersion::V6: return 6;
    case RwkvVersion::V7:
    case RwkvVersion::V7a: return 7;
  }
  return 0;
}

std::string text(const ModelFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  const auto* value = found == file.metadata().end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? std::string() : printable(value->substr(0, 200));
}

std::optional<std::uint64_t> number(const std::string& digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() && !digits.empty() ? std::optional(value) : std::nullopt;
}

Result<void> readInto(const TensorSource& source, const std::vector<std::int64_t>& shape, std::span<float> out) {
  if (source.elementCount() == out.size() && withoutOnes(source.shape) != withoutOnes(shape))
    return fail(ErrorCode::StateMismatch, fmt::format("State tensor {} has the shape [{}]; this model needs [{}].", source.name,
                                                      fmt::join(source.shape, ", "), fmt::join(shape, ", ")));
  if (source.elementCount() != out.size())
    return fail(ErrorCode::StateMismatch, fmt::format("State tensor {} holds {} numbers; this model needs {}.", source.name,
                                                      source.elementCount(), out.size()));
  if (!isWeightType(source.dtype))
    return fail(ErrorCode::StateMismatch, fmt::format("State tensor {} is of type {}, which no state has.", source.name,
                                                      traits(source.dtype).name));
  decodeToF32(source.dtype, source.bytes, out);
  if (!allNumbers(out))
    return fail(ErrorCode::FileDamaged, fmt::format("State tensor {} holds values that are no numbers (NaN or infinite): the file is "
                                                    "damaged, or its training failed.", source.name));
  return {};
}

// Between [head, value, key] and [head, key, value].
void transposeHeads(std::span<float> kv, std::int64_t n) {
  for (std::size_t head = 0; head + static_cast<std::size_t>(n * n) <= kv.size(); head += static_cast<std::size_t>(n * n))
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < i; ++j)
        std::swap(kv[head + static_cast<std::size_t>(i * n + j)], kv[head + static_cast<std::size_t>(j * n + i)]);
}

tl::unexpected<Error> noState(const ModelFile& file) {
  return fail(ErrorCode::NotRwkv, fmt::format("{} holds no state: neither one that Rookery saved, nor a tuned state, nor one of another program that is "
                                              "known (rwkv, rwkv-metal, rwkv-tl).", printable(file.name())));
}

// Two texts with one head each look like one with two.
Result<void> checkOneText(const ModelFile& file, const StateForm& form) {
  if (form.texts() == 1) return {};
  return fail(ErrorCode::FormatUnknown, fmt::format("{} holds the states of {} texts at once; one is needed. Save the state of one text in a file of its own.",
                                                    printable(file.name()), form.texts()));
}

Result<StateInfo> infoOf(const ModelFile& file, const StateForm& form) {
  const auto odd = [&](const TensorSource& tensor) {
    return fail(ErrorCode::FileDamaged, fmt::format("State tensor {} has the shape [{}], which no state has.", tensor.name, fmt::join(tensor.shape, ", ")));
  };
  StateInfo info;
  info.kind = form.kind();
  info.form = form.name();
  info.layers = form.layers();
  info.keyFirst = form.keyFirst();
  if (form.isV4()) {
    info.generations = {4};
  } else {
    const auto kv = form.part("att_kv", 0);
    if (!kv) return fail(ErrorCode::FileDamaged, fmt::format("{} is a state without its tensor {}.", printable(file.name()), form.partName("att_kv", 0)));
    // Ones in front only: [2, 1, size, size] are not two heads.
    std::vector<std::int64_t> shape = kv->shape;
    while (shape.size() > 3 && shape[0] == 1) shape.erase(shape.begin());
    if (shape.size() == 2) shape.insert(shape.begin(), 1);
    constexpr std::int64_t kWidest = 1 << 20;
    if (shape.size() != 3 || shape[1] != shape[2] || shape[0] > kWidest || shape[1] > kWidest || shape[0] * shape[1] > kWidest) return odd(*kv);
    info.headSize = static_cast<int>(shape[1]);
    info.nEmbd = static_cast<int>(shape[0] * shape[1]);
    const bool only7 = form.part("att_x_prev", 0) && !form.part("att_xx", 0), only56 = !only7 && form.writer() == StateForm::Writer::Rookery;
    const bool theirs7 = form.writer() == StateForm::Writer::RwkvMetal || form.writer() == StateForm::Writer::RwkvTl;
    info.generations = only7 || theirs7 ? std::vector{7} : only56 ? std::vector{5, 6} : std::vector{5, 6, 7};
  }
  for (const char* name : {"att_xx", "att_x_prev"}) {
    const auto shift = form.part(name, 0);
    if (!shift) continue;
    if (shift->elementCount() > (1U << 20U) || (info.nEmbd != 0 && shift->elementCount() != static_cast<std::uint64_t>(info.nEmbd))) return odd(*shift);
    info.nEmbd = static_cast<int>(shift->elementCount());
  }
  if (form.writer() != StateForm::Writer::Rookery) return info;
  info.label = {text(file, kModelKey), text(file, kFingerprintKey), text(file, kProgramKey), text(file, kDateKey), number(text(file, kTokensKey)),
                text(file, kChatKey) == "yes"};
  if (const auto stated = number(text(file, kGenerationKey)); stated && std::count(info.generations.begin(), info.generations.end(), static_cast<int>(*stated)) > 0)
    info.generations = {static_cast<int>(*stated)};
  return info;
}

}  // namespace

StateLabel labelFor(const Model& model, std::uint64_t tokens, bool chat) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return {model.info().name, model.fingerprint(), fmt::format("Rookery {}", versionString()), fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now)),
          tokens, chat};
}

Result<void> State::save(const std::filesystem::path& path, const StateLabel& label) const {
  std::vector<OutputEntry> tensors;
  for (int layer = 0; layer < m_layout.layers; ++layer)
    for (const StateTensor& t : m_layout.tensors) {
      const auto values = tensor(t.name, layer);
      tensors.push_back({fmt::format("{}.{}", t.name, layer), t.shape, DType::F32, [values](const PutBytes& put) { return put(std::as_bytes(values)); }});
    }
  auto metadata = ownMetadata("state");
  const auto add = [&](const char* key, std::string value) {
    if (!value.empty()) metadata.emplace_back(key, std::move(value));
  };
  add(kModelKey, label.model);
  add(kFingerprintKey, label.fingerprint);
  add(kDateKey, label.date);
  if (label.tokens) add(kTokensKey, std::to_string(*label.tokens));
  add(kChatKey, label.chat ? "yes" : "no");
  add(kGenerationKey, std::to_string(generationOf(m_layout.version)));
  return writeSafetensors(path, tensors, std::move(metadata));
}

bool StateInfo::fits(const ModelShape& shape) const {
  return layers == shape.layers && nEmbd == shape.nEmbd && headSize == shape.headSize &&
         std::find(generations.begin(), generations.end(), generationOf(shape.version)) != generations.end();
}

std::string describe(const StateInfo& info) {
  const char* what = info.kind == StateKind::Saved ? (info.isChat() ? "a saved chat" : "a saved state") : info.kind == StateKind::Tuned ? "a tuned state" : "a state";
  std::string generations;
  for (std::size_t i = 0; i < info.generations.size(); ++i)
    generations += fmt::format("{}{}", i == 0 ? "" : i + 1 == info.generations.size() ? " or " : ", ", info.generations[i]);
  return fmt::format("{} for RWKV-{}, {} layers, width {}", what, generations, info.layers, info.nEmbd);
}

std::optional<StateKind> stateKindOf(const ModelFile& file) {
  const auto form = StateForm::of(file);
  return form ? std::optional(form->kind()) : std::nullopt;
}

Result<StateInfo> describeState(const ModelFile& file) {
  const auto form = StateForm::of(file);
  if (!form) return noState(file);
  if (auto good = checkOneText(file, *form); !good) return tl::unexpected(good.error());
  return infoOf(file, *form);
}

Result<void> checkState(const ModelFile& file, const StateInfo& info) {
  ModelShape shape;
  const int generation = info.generations.front();
  shape.version = generation == 4 ? RwkvVersion::V4 : generation == 5 ? RwkvVersion::V5_2 : generation == 6 ? RwkvVersion::V6 : RwkvVersion::V7;
  shape.layers = info.layers;
  shape.nEmbd = info.nEmbd;
  shape.headSize = info.headSize;
  // Layers are counted by name and measured by the first one. Files of 16 bits and without token shifts take up to thrice their size.
  constexpr std::uint64_t kMostTimes = 4, kSmall = 1 << 20;
  if (shape.stateBytes() > kSmall + kMostTimes * file.sizeBytes())
    return fail(ErrorCode::FileDamaged, fmt::format("{} is damaged: its layers are not of one size.", printable(file.name())));
  if (const auto loaded = loadState(file, shape); !loaded) return tl::unexpected(loaded.error());
  return {};
}

Result<LoadedState> loadState(const std::filesystem::path& path, const ModelShape& shape) {
  const auto file = ModelFile::open(path);
  if (!file) return tl::unexpected(file.error());
  return loadState(**file, shape);
}

Result<LoadedState> loadState(const ModelFile& file, const ModelShape& shape) {
  const auto form = StateForm::of(file);
  if (!form) return noState(file);
  if (auto good = checkOneText(file, *form); !good) return tl::unexpected(good.error());
  const std::string name = printable(file.name());
  const bool tuned = form->writer() == StateForm::Writer::Tuner;
  if (tuned && shape.headSize == 0) return fail(ErrorCode::StateMismatch, "RWKV-4 has no tuned states of this form.");
  const bool theirs7 = form->writer() == StateForm::Writer::RwkvMetal || form->writer() == StateForm::Writer::RwkvTl;
  if ((theirs7 && !isRwkv7(shape.version)) || (form->isV4() != (shape.version == RwkvVersion::V4)))
    return fail(ErrorCode::StateMismatch, fmt::format("{} is a state of {}; this model is RWKV-{}.", name,
                                                      form->isV4() ? "RWKV-4" : theirs7 ? "RWKV-7" : "RWKV-5, 6 or 7", versionName(shape.version)));
  // A bigger model of the same width has the same tensors, and more.
  if (form->layers() > shape.layers)
    return fail(ErrorCode::StateMismatch, fmt::format("{} is a state of a model with more layers than this one, which has {}.", name, shape.layers));
  LoadedState loaded{State(shape), {}};
  for (int layer = 0; layer < shape.layers; ++layer) {
    for (const StateTensor& t : loaded.state.layout().tensors) {
      const auto part = form->part(t.name, layer);
      const auto out = loaded.state.tensor(t.name, layer);
      if (!part && tuned && t.name != "att_kv") continue;  // token shifts start at zero
      if (!part && layer > 0)
        return fail(ErrorCode::StateMismatch, fmt::format("{} is not a state of this model, which has {} layers: tensor {} is missing.", name, shape.layers,
                                                          form->partName(t.name, layer)));
      if (!part) return fail(ErrorCode::StateMismatch, fmt::format("{} is not a state of this model: tensor {} is missing.", name, form->partName(t.name, layer)));
      if (auto good = readInto(*part, t.shape, out); !good) return tl::unexpected(good.error());
      // Tuned as [head, value, key]; versions 5 and 6 keep [head, key, value] (golden/README.md).
      if (tuned && isRwkv7(shape.version) == form->keyFirst()) transposeHeads(out, shape.headSize);
    }
  }
  auto info = infoOf(file, *form);
  if (!info) return tl::unexpected(info.error());
  loaded.info = std::move(*info);
  return loaded;
}

}  // namespace rookery::engine
