// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/dtype.h"
#include "rookery/model_file.h"
#include "rookery/result.h"

namespace rookery::engine {

enum class RwkvVersion : std::uint8_t { V4, V5_0, V5_1, V5_2, V6, V7, V7a };  ///< 7a: 7 with DeepEmbed
const char* versionName(RwkvVersion version) noexcept;  ///< "4", "5.0", "5.1", "5.2", "6", "7", "7a"
/// 7 and 7a, whose time mixing and state are the same.
constexpr bool isRwkv7(RwkvVersion version) noexcept { return version == RwkvVersion::V7 || version == RwkvVersion::V7a; }

inline constexpr int kMostRankS = 256;  ///< of a ModelShape

/// Everything that decides the arithmetic, read from tensor shapes (never from a formula).
struct ModelShape {
  RwkvVersion version = RwkvVersion::V7;
  int layers = 0;
  int nEmbd = 0;     ///< C
  int headSize = 0;  ///< 0 for version 4
  int dimFfn = 0;    ///< F
  int vocab = 0;     ///< V, rows of emb and head
  /// LoRA ranks. v7: w, a, v, g (v counts layers >= 1). v6: maa, decay (in w).
  int rankW = 0, rankA = 0, rankV = 0, rankG = 0, rankMaa = 0;
  bool layer0HasV = true;  ///< v7: layer 0 carries the unused v0, v1, v2
  int rankS = 0;           ///< v7a: DeepEmbed; a row of a layer's table is [rankS, rankS]
  float normEps = 1e-5F;   ///< of all layer norms; that of the heads' group norm is 64e-5 in every official model

  int heads() const noexcept { return headSize > 0 ? nEmbd / headSize : 0; }
  std::uint64_t parameters() const noexcept;  ///< number of stored weights
  std::uint64_t stateBytes() const noexcept;  ///< fp32, canonical form
  bool operator==(const ModelShape&) const = default;
};

enum class TokenizerKind : std::uint8_t { World, Embedded, Pile20B, Unknown };

struct ModelInfo {
  ModelShape shape;
  Container container{};
  DType dtype{};             ///< type of most weight bytes
  std::uint64_t fileBytes = 0;
  TokenizerKind tokenizer = TokenizerKind::Unknown;
  std::string name;          ///< general.name of a GGUF, else modelName()
  std::vector<std::string>
      unused;  ///< tensors that the model has no use for, by name; without a tuned state and layer 0's v0, v1, v2
};
/// "... holds 3 tensors that no RWKV-7 model has, and they are not used: a, b, c", for people; empty if there are none.
std::string unusedTensors(const ModelInfo& info);

/// Version and dimensions from tensor names and shapes (rwkv/model.py; GGUF: names as llama.cpp writes them).
/// A missing, extra-dimensional or mis-shaped tensor is an error that names it; the size of heads is never guessed.
/// Errors: NotRwkv, FormatUnknown (weights of a type that is not read, an adapter that is not merged, an unknown layout),
/// VersionUnsupported, TensorMissing, TensorMismatch.
Result<ModelInfo> detect(const ModelFile& file);

/// Official shapes, "rwkv4-169m" ... "rwkv7-13.3b", of the released files. nullopt: no such name.
std::optional<ModelShape> officialShape(std::string_view name);
std::vector<std::string> officialShapeNames();

}  // namespace rookery::engine
