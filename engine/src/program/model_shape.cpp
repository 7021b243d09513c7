// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>

#include "rookery/model_info.h"
#include "rookery/state.h"

namespace rookery::engine {

const char* versionName(RwkvVersion version) noexcept {
  switch (version) {
    case RwkvVersion::V4: return "4";
    case RwkvVersion::V5_0: return "5.0";
    case RwkvVersion::V5_1: return "5.1";
    case RwkvVersion::V5_2: return "5.2";
    case RwkvVersion::V6: return "6";
    case RwkvVersion::V7: return "7";
    case RwkvVersion::V7a: return "7a";
  }
  return "?";
}

std::uint64_t ModelShape::parameters() const noexcept {
  const auto u = [](int n) { return static_cast<std::uint64_t>(n); };
  const std::uint64_t c = u(nEmbd), f = u(dimFfn), l = u(layers), v = u(vocab), h = u(heads());
  const std::uint64_t outside = 2 * v * c + 4 * c;  // emb, head, ln0, ln_out
  const std::uint64_t norms = 4 * c;                // ln1, ln2
  switch (version) {
    case RwkvVersion::V4:  // mixes k, v, r; decay, first; r, k, v, o; ffn mixes k, r
      return outside + l * (norms + 5 * c + 4 * c * c + 2 * c + 2 * c * f + c * c);
    case RwkvVersion::V5_0:  // decay, first per head; no gate
      return outside + l * (norms + 3 * c + 2 * h + 4 * c * c + 2 * c + 2 * c + 2 * c * f + c * c);
    case RwkvVersion::V5_1:
      return outside + l * (norms + 4 * c + 2 * h + 5 * c * c + 2 * c + 2 * c + 2 * c * f + c * c);
    case RwkvVersion::V5_2:
      return outside + l * (norms + 4 * c + 2 * c + 5 * c * c + 2 * c + 2 * c + 2 * c * f + c * c);
    case RwkvVersion::V6:  // maa x, w, k, v, r, g with a LoRA for five; decay LoRA
      return outside + l * (norms + 6 * c + 10 * u(rankMaa) * c + c + 2 * u(rankW) * c + c + 5 * c * c + 2 * c + 2 * c + 2 * c * f + c * c);
    case RwkvVersion::V7:
    case RwkvVersion::V7a: {
      const std::uint64_t s = u(rankS);  // table and s_emb_x; s0, s1, s2
      const std::uint64_t deep = version == RwkvVersion::V7a ? (v + c) * s * s + f + (c + f) * s : 0;
      const std::uint64_t layer = norms + 6 * c + 3 * c + 3 * c + 2 * c + c + 4 * c * c + 2 * c * f +
                                  2 * c * (u(rankW) + u(rankA) + u(rankV) + u(rankG));
      return outside + l * (layer + deep) - (layer0HasV ? 0 : c + 2 * c * u(rankV));
    }
  }
  return 0;
}

std::uint64_t ModelShape::stateBytes() const noexcept {
  const auto u = [](int n) { return static_cast<std::uint64_t>(n); };
  const std::uint64_t perLayer = version == RwkvVersion::V4 ? 5 * u(nEmbd) : 2 * u(nEmbd) + u(nEmbd) * u(headSize);
  return u(layers) * perLayer * sizeof(float);
}

namespace {

struct Named {
  std::string_view name;
  ModelShape shape;
};

constexpr int kPile = 50277, kWorld = 65536;

ModelShape v4(int layers, int c) { return {RwkvVersion::V4, layers, c, 0, 4 * c, kPile}; }
ModelShape v5(int layers, int c, int f) { return {RwkvVersion::V5_2, layers, c, 64, f, kWorld}; }
ModelShape v6(int layers, int c) {
  ModelShape shape{RwkvVersion::V6, layers, c, 64, c * 7 / 2, kWorld};
  shape.rankMaa = c >= 4096 ? 64 : 32;
  shape.rankW = c >= 4096 ? 128 : 64;
  return shape;
}
ModelShape v7(int layers, int c, int w, int a, int v, int g) {
  return {RwkvVersion::V7, layers, c, 64, 4 * c, kWorld, w, a, v, g};
}

// Shapes of the released files (RWKV-LM README; file sizes agree); ranks are those of the files, not of a formula.
const std::array<Named, 21>& official() {
  static const std::array<Named, 21> kShapes{{
      {"rwkv4-169m", v4(12, 768)},
      {"rwkv4-430m", v4(24, 1024)},
      {"rwkv4-1b5", v4(24, 2048)},
      {"rwkv4-3b", v4(32, 2560)},
      {"rwkv4-7b", v4(32, 4096)},
      {"rwkv4-14b", v4(40, 5120)},
      {"rwkv5-0.1b", {RwkvVersion::V5_0, 12, 768, 64, 3072, kWorld}},  // the one size that only came as 5.0, with 4 C
      {"rwkv5-0.4b", v5(24, 1024, 3584)},
      {"rwkv5-1b5", v5(24, 2048, 7168)},
      {"rwkv5-3b", v5(32, 2560, 8960)},
      {"rwkv5-7b", v5(32, 4096, 14336)},
      {"rwkv6-1b6", v6(24, 2048)},
      {"rwkv6-3b", v6(32, 2560)},
      {"rwkv6-7b", v6(32, 4096)},
      {"rwkv6-14b", v6(61, 4096)},
      {"rwkv7-0.1b", v7(12, 768, 64, 64, 32, 128)},
      {"rwkv7-0.4b", v7(24, 1024, 64, 64, 32, 128)},
      {"rwkv7-1.5b", v7(24, 2048, 96, 96, 64, 256)},
      {"rwkv7-2.9b", v7(32, 2560, 96, 96, 64, 320)},
      {"rwkv7-7.2b", v7(32, 4096, 128, 128, 96, 480)},
      {"rwkv7-13.3b", v7(61, 4096, 192, 192, 128, 384)},
  }};
  return kShapes;
}

}  // namespace

std::optional<ModelShape> officialShape(std::string_view name) {
  for (const Named& named : official())
    if (named.name == name) return named.shape;
  return std::nullopt;
}

std::vector<std::string> officialShapeNames() {
  std::vector<std::string> names;
  for (const Named& named : official()) names.emplace_back(named.name);
  return names;
}

}  // namespace rookery::engine
