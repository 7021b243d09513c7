// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/weight_shapes.h"

#include <fmt/format.h>

#include <initializer_list>

namespace rookery::engine {
namespace {

/// Keeps every product of two dimensions and the layers within 64 bits.
constexpr int kMaxDimension = 1 << 24;
constexpr int kMaxLayers = 1 << 14;

class BlockShapes {
 public:
  explicit BlockShapes(const ModelShape& shape)
      : m_shape(shape), m_c(static_cast<std::uint64_t>(shape.nEmbd)), m_f(static_cast<std::uint64_t>(shape.dimFfn)) {}

  std::vector<WeightShape> of(int layer) {
    m_weights.clear();
    vectors(4);  // ln1, ln2: weight and bias
    switch (m_shape.version) {
      case RwkvVersion::V4: version4(); break;
      case RwkvVersion::V5_0:
      case RwkvVersion::V5_1:
      case RwkvVersion::V5_2: version5(); break;
      case RwkvVersion::V6: version6(); break;
      case RwkvVersion::V7:
      case RwkvVersion::V7a: version7(layer); break;
    }
    if (layer == 0) markOutput();
    return std::move(m_weights);
  }

 private:
  /// att.output is one of the squares; which one makes no difference to sums.
  void markOutput() {
    for (WeightShape& weight : m_weights) {
      if (weight.kind != WeightPart::Matrix || weight.rows != m_c || weight.cols != m_c) continue;
      weight.kind = WeightPart::FirstOutput;
      return;
    }
  }
  void add(WeightPart kind, std::uint64_t rows, std::uint64_t cols = 1) { m_weights.push_back({kind, rows, cols}); }
  void vectors(int count) {
    for (int i = 0; i < count; ++i) add(WeightPart::Vector, m_c);
  }
  void squares(int count) {
    for (int i = 0; i < count; ++i) add(WeightPart::Matrix, m_c, m_c);
  }
  void lowRank(int rank) {  // down to the rank, up again
    add(WeightPart::LowRank, static_cast<std::uint64_t>(rank), m_c);
    add(WeightPart::LowRank, m_c, static_cast<std::uint64_t>(rank));
  }
  void gatedFfn() {         // versions 4 to 6
    vectors(2);             // mixes of k and r
    add(WeightPart::Matrix, m_f, m_c);
    squares(1);             // receptance
    add(WeightPart::Matrix, m_c, m_f);
  }

  void version4() {
    vectors(2 + 3);  // decay, first; mixes of k, v, r
    squares(4);      // k, v, r, output
    gatedFfn();
  }

  void version5() {
    const bool gate = m_shape.version != RwkvVersion::V5_0;
    const bool perChannel = m_shape.version == RwkvVersion::V5_2;  // before, decay and first are one number a head
    vectors(gate ? 4 : 3);  // mixes of k, v, r, g
    for (int i = 0; i < 2; ++i) add(WeightPart::Vector, perChannel ? m_c : static_cast<std::uint64_t>(m_shape.heads()));
    squares(gate ? 5 : 4);
    vectors(2);  // ln_x
    gatedFfn();
  }

  void version6() {
    vectors(6);  // time_maa_x, w, k, v, r, g
    lowRank(5 * m_shape.rankMaa);  // time_maa_w1 [C, 5 rank], w2 [5, rank, C]
    vectors(1);  // time_decay
    lowRank(m_shape.rankW);
    vectors(1);  // time_faaaa
    squares(5);
    vectors(2);  // ln_x
    gatedFfn();
  }

  void version7(int layer) {
    vectors(6 + 2);  // x_r .. x_g; w0, a0
    lowRank(m_shape.rankW);
    lowRank(m_shape.rankA);
    if (layer > 0 || m_shape.layer0HasV) {
      vectors(1);  // v0
      lowRank(m_shape.rankV);
    }
    lowRank(m_shape.rankG);
    vectors(3);  // k_k, k_a, r_k
    squares(4);
    vectors(2 + 1);  // ln_x; ffn.x_k
    add(WeightPart::Matrix, m_f, m_c);
    add(WeightPart::Matrix, m_c, m_f);
    if (m_shape.version == RwkvVersion::V7a) deepEmbed();
  }

  void deepEmbed() {  // but for the table
    const auto s = static_cast<std::uint64_t>(m_shape.rankS);
    add(WeightPart::Matrix, s * s, m_c);  // s_emb_x
    add(WeightPart::Vector, m_f);
    add(WeightPart::LowRank, s, m_c);
    add(WeightPart::LowRank, m_f, s);
  }

  const ModelShape& m_shape;
  std::uint64_t m_c, m_f;
  std::vector<WeightShape> m_weights;
};

}  // namespace

Result<std::vector<ComponentShapes>> weightShapes(const ModelShape& shape) {
  const auto within = [](std::initializer_list<int> values, int least, int most) {
    for (const int value : values) {
      if (value < least || value > most) return false;
    }
    return true;
  };
  if (!within({shape.layers}, 1, kMaxLayers) || !within({shape.nEmbd, shape.dimFfn, shape.vocab}, 1, kMaxDimension) ||
      !within({shape.headSize, shape.rankW, shape.rankA, shape.rankV, shape.rankG, shape.rankMaa}, 0, kMaxDimension) ||
      !within({shape.rankS}, shape.version == RwkvVersion::V7a ? 1 : 0, kMostRankS)) {
    return fail(ErrorCode::InvalidArgument, "The model's shape has a dimension that cannot be.");
  }
  const auto c = static_cast<std::uint64_t>(shape.nEmbd), v = static_cast<std::uint64_t>(shape.vocab);
  const std::vector<WeightShape> norm(2, {WeightPart::Vector, c, 1});
  std::vector<ComponentShapes> components;
  components.push_back({"embedding", {{WeightPart::Embedding, v, c}}});
  components.push_back({"ln0", norm});
  if (shape.version == RwkvVersion::V7a) {
    const auto row = static_cast<std::uint64_t>(shape.rankS * shape.rankS);
    components.push_back({"deep_embedding", std::vector<WeightShape>(static_cast<std::size_t>(shape.layers), {WeightPart::Embedding, v, row})});
  }
  BlockShapes block(shape);
  for (int layer = 0; layer < shape.layers; ++layer) components.push_back({fmt::format("block{}", layer), block.of(layer)});
  components.push_back({"ln_out", norm});
  components.push_back({"head", {{WeightPart::Head, v, c}}});
  return components;
}

}  // namespace rookery::engine
