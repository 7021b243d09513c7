// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>
#include <vector>

#include "quant/convert.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "rookery/state_file.h"
#include "rookery/tokenizer.h"
#include "weights/weight_source.h"

namespace rookery::fuzz {

/// Opens the bytes as a model file and does with it what the program would: every tensor's bytes are read, the
/// model or state is described, its vocabulary read, the model bound. Aborts where a promise of the reader is broken; the sanitizers see the rest.
inline void useFile(std::span<const std::byte> bytes) {
  using namespace rookery::engine;
  const auto file = ModelFile::fromMemory(bytes, "fuzz");
  if (!file) {
    if (file.error().message.empty()) std::abort();
    return;
  }
  std::size_t budget = std::size_t{1} << 20U;  // decoding is slow under sanitizers
  for (const TensorSource& tensor : (*file)->tensors()) {
    if ((*file)->find(tensor.name) != &tensor) std::abort();
    if (tensor.bytes.size() != byteSize(tensor.dtype, tensor.elementCount())) std::abort();
    if (tensor.elementCount() > budget) continue;
    budget -= tensor.elementCount();
    std::vector<float> values(tensor.elementCount());
    decodeToF32(tensor.dtype, tensor.bytes, values);
  }
  for (const auto& [key, value] : (*file)->metadata())
    if (const auto* array = std::get_if<MetaArray>(&value))
      if (array->texts().size() + array->integers().size() + array->numbers().size() != array->size()) std::abort();
  if (const auto state = describeState(**file); state ? describe(*state).empty() : state.error().message.empty()) std::abort();
  if (const auto info = detect(**file); info ? unusedTensors(*info).empty() != info->unused.empty() : info.error().message.empty())
    std::abort();
  if (const auto tokenizer = Tokenizer::fromGguf(**file)) {
    const auto bytes = (*tokenizer)->decode((*tokenizer)->encode("a \n\xFF"));
    if (!bytes || *bytes != "a \n\xFF") std::abort();
  }
  if (auto source = bindWeights(*file)) {
    if (!(*source)->fingerprint({}).has_value()) std::abort();
    for (const char* name : {"emb.weight", "blocks.0.att.r_k", "blocks.0.att.w1", "head.weight"}) {
      const auto view = (*source)->get(name);
      if (view && view->bytes.size() != byteSize(view->dtype, static_cast<std::uint64_t>(view->rows * view->cols))) std::abort();
    }
  }
}

}  // namespace rookery::fuzz
