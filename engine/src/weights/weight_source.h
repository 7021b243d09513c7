// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "rookery/result.h"

namespace rookery::engine {

/// One weight as some source holds it, under its official name ("blocks.3.att.receptance.weight").
/// A matrix computes y[rows] = W x[cols]; a vector has cols = 1. Squeezed: [1,1,C] comes as rows = C. The five matrices
/// of time_maa_w2 (version 6) come one above the other: rows = 5 C, cols = rank, not transposed. The bonus of version 5
/// is time_faaaa, also where the file has its logarithm as time_first.
struct WeightView {
  DType dtype{};
  std::int64_t rows = 0;    ///< outputs
  std::int64_t cols = 1;    ///< inputs
  bool transposed = false;  ///< stored [cols][rows] (official LoRA tensors, `x @ w`) instead of [rows][cols]
  std::span<const std::byte> bytes;
};

/// Where a model's weights come from: a file of any container and naming, or a generator.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual const ModelInfo& info() const noexcept = 0;
  /// By official name. The view is valid until the next call on the same source. TensorMissing if absent.
  virtual Result<WeightView> get(const std::string& officialName) = 0;
  /// The same without the bytes, for planning: cheap even where get() has to make them.
  virtual Result<WeightView> describe(const std::string& officialName) { return get(officialName); }
  virtual bool has(const std::string& officialName) const = 0;
  /// Hex hash over names, shapes, types and bytes of all weights, in official order, and over the norms' epsilon
  /// where it is not the official one: the model's fingerprint.
  /// Containers that hold the same bytes may differ (types, transposes); the same file always agrees with itself.
  /// Runs at memory speed (xxh3); `progress` gets bytes done and may return false to cancel.
  virtual Result<std::string> fingerprint(const std::function<bool(std::uint64_t)>& progress) = 0;
};

/// Binds a file's tensors to official names (GGUF: as llama.cpp writes RWKV-6 and 7; fused lerps are split, halved
/// matrices whole again). Runs detect(), so every tensor the model needs is there and has its shape. The file stays
/// alive with the source.
Result<std::unique_ptr<WeightSource>> bindWeights(std::shared_ptr<const ModelFile> file);

}  // namespace rookery::engine
