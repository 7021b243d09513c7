// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/detect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "formats/file_notes.h"
#include "formats/names.h"
#include "rookery/file_name.h"
#include "weights/foreign_model.h"
#include "weights/names_fla.h"
#include "weights/names_web_rwkv.h"

namespace rookery::engine {

namespace {

constexpr int kMostLayers = 1024;
constexpr std::int64_t kMostWidth = 65536, kMostFfn = 1 << 20, kMostVocab = 1 << 20;

std::string shapeText(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// The tensors of one model with the questions detection asks. What was asked for and is there counts as used.
class Tensors {
 public:
  Tensors(const NamedTensors& tensors, const std::string& fileName) : m_tensors(tensors), m_fileName(fileName) {}

  const NamedTensor* find(const std::string& name) const {
    const auto found = m_tensors.find(name);
    if (found == m_tensors.end()) return nullptr;
    m_used.insert(found->first);
    return &found->second;
  }
  bool isUsed(const std::string& name) const { return m_used.contains(name); }
  bool has(const std::string& name) const { return find(name) != nullptr; }

  Result<const NamedTensor*> get(const std::string& name, std::size_t dimensions) const {
    const NamedTensor* tensor = find(name);
    if (tensor == nullptr) return fail(ErrorCode::TensorMissing, fmt::format("The model is incomplete: tensor {} is missing.", name));
    if (!isWeightType(tensor->dtype)) {
      std::string type(traits(tensor->dtype).name);
      std::transform(type.begin(), type.end(), type.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
      return fail(ErrorCode::FormatUnknown, fmt::format("{} holds weights of the type {}, which is not read ({}); get "
                                                        "a bf16, fp16 or Q8_0 file of the same model.",
                                                        m_fileName, type, name));
    }
    if (tensor->shape.size() != dimensions)
      return fail(ErrorCode::TensorMismatch, fmt::format("Tensor {} has the shape {}; {} dimension{} needed.", name, shapeText(tensor->shape),
                                                         dimensions, dimensions == 1 ? " is" : "s are"));
    return tensor;
  }

  Result<void> expect(const std::string& name, const NamedTensor& tensor, const std::vector<std::int64_t>& shape) const {
    if (tensor.shape == shape) return {};
    return fail(ErrorCode::TensorMismatch, fmt::format("Tensor {} has the shape {}; {} is needed.", name, shapeText(tensor.shape), shapeText(shape)));
  }
  // A matrix with `rows` outputs and `cols` inputs, whichever way it is stored.
  Result<void> expectMatrix(const std::string& name, std::int64_t rows, std::int64_t cols) const {
    const auto tensor = get(name, rows == 1 || cols == 1 ? 1 : 2);
    if (!tensor) return tl::unexpected(tensor.error());
    if (rows == 1 || cols == 1) return expect(name, **tensor, {rows * cols});
    return expect(name, **tensor, (*tensor)->transposed ? std::vector{cols, rows} : std::vector{rows, cols});
  }
  Result<void> expectVector(const std::string& name, std::int64_t count) const {
    const NamedTensor* tensor = find(name);
    if (tensor != nullptr && tensor->shape.size() == 2 && tensor->shape[0] * tensor->shape[1] == count && isWeightType(tensor->dtype)) return {};  // [head, size]
    const auto vector = get(name, 1);
    if (!vector) return tl::unexpected(vector.error());
    return expect(name, **vector, {count});
  }

  // Outputs of a LoRA's first matrix.
  Result<int> rank(const std::string& name) const {
    const auto tensor = get(name, 2);
    if (!tensor) return tl::unexpected(tensor.error());
    const std::int64_t rank = (*tensor)->shape[(*tensor)->transposed ? 1 : 0];
    if (rank < 1 || rank > kMostWidth) return fail(ErrorCode::TensorMismatch, fmt::format("Tensor {} has the impossible shape {}.", name, shapeText((*tensor)->shape)));
    return static_cast<int>(rank);
  }

  int layers() const {
    int most = -1;
    for (const auto& [name, tensor] : m_tensors) {
      if (!name.starts_with("blocks.")) continue;
      int layer = -1;
      const auto [end, error] = std::from_chars(name.data() + 7, name.data() + name.size(), layer);
      // A number that is none, or too large for one, must not make the model quietly shorter.
      if (error != std::errc() || layer < 0 || *end != '.') return kMostLayers + 1;
      most = std::max(most, std::min(layer, kMostLayers));
    }
    return most + 1;
  }
  bool anyContains(std::string_view part) const {
    return std::any_of(m_tensors.begin(), m_tensors.end(), [&](const auto& t) { return t.first.find(part) != std::string::npos; });
  }
  /// The first such name, fit for a sentence; empty: none.
  std::string endingIn(std::string_view end) const {
    const auto found =
        std::find_if(m_tensors.begin(), m_tensors.end(), [&](const auto& t) { return t.first.ends_with(end); });
    return found == m_tensors.end() ? std::string{} : printable(found->first, 80);
  }
  bool anyStartsWith(std::string_view part) const {
    return std::any_of(m_tensors.begin(), m_tensors.end(), [&](const auto& t) { return t.first.starts_with(part); });
  }

 private:
  const NamedTensors& m_tensors;
  const std::string& m_fileName;
  mutable std::set<std::string> m_used;
};

std::string block(int layer, const char* name) { return fmt::format("blocks.{}.{}", layer, name); }

// vocab, n_embd, layers and dim_ffn: the same in every generation.
Result<ModelShape> commonShape(const Tensors& tensors) {
  const auto embedding = tensors.get("emb.weight", 2);
  if (!embedding) return tl::unexpected(embedding.error());
  const std::int64_t vocab = (*embedding)->shape[0], width = (*embedding)->shape[1];
  const int layers = tensors.layers();
  const auto key = tensors.get("blocks.0.ffn.key.weight", 2);
  if (!key) return tl::unexpected(key.error());
  const std::int64_t ffn = (*key)->shape[0];
  if (vocab < 1 || vocab > kMostVocab || width < 16 || width > kMostWidth || width % 16 != 0 || layers < 1 || layers > kMostLayers || ffn < 1 || ffn > kMostFfn)
    return fail(ErrorCode::TensorMismatch, fmt::format("The model's dimensions are impossible: {} layers, width {}, feed-forward {}, vocabulary {}.", layers, width, ffn, vocab));
  ModelShape shape;
  shape.layers = layers;
  shape.nEmbd = static_cast<int>(width);
  shape.dimFfn = static_cast<int>(ffn);
  shape.vocab = static_cast<int>(vocab);
  return shape;
}

Result<void> checkHeads(const ModelShape& shape) {
  if (shape.headSize >= 16 && shape.headSize <= 256 && shape.headSize % 16 == 0 && shape.nEmbd % shape.headSize == 0) return {};
  return fail(ErrorCode::TensorMismatch, fmt::format("A head size of {} is impossible with width {}.", shape.headSize, shape.nEmbd));
}

Result<void> checkOuter(const Tensors& tensors, const ModelShape& shape) {
  for (const char* name : {"blocks.0.ln0.weight", "blocks.0.ln0.bias", "ln_out.weight", "ln_out.bias"})
    if (auto good = tensors.expectVector(name, shape.nEmbd); !good) return good;
  return tensors.expectMatrix("head.weight", shape.vocab, shape.nEmbd);
}

template <class T>
const T* metadataOf(const ModelFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? nullptr : std::get_if<T>(&found->second);
}

// The config.json beside a file, where it is this model's: a folder may hold several.
Result<const FolderConfig*> configOf(const ModelFile& file, const ModelShape& shape) {
  const FolderConfig* config = file.config();
  if (config == nullptr || config->width != shape.nEmbd) return nullptr;
  if (!config->layers || *config->layers == shape.layers) return config;
  return fail(ErrorCode::TensorMismatch, fmt::format("The config.json beside the model says that it has {} layers, but "
                                                     "its tensors make {}. Tensors are missing, or the config.json is "
                                                     "another model's.",
                                                     *config->layers, shape.layers));
}

// From a tensor of one number for each head and channel, [head, size]. Stored flat, it does not tell where a head ends,
// and another size would go unseen; then the keys have to say it (llama.cpp's loader asks for them always).
Result<int> headSizeOf(const ModelFile& file, const ModelShape& shape, const std::string& name,
                       const NamedTensor& tensor) {
  const auto config = configOf(file, shape);
  if (!config) return tl::unexpected(config.error());
  const bool gguf = file.container() == Container::Gguf;
  const auto* key =
      metadataOf<std::int64_t>(file, shape.version == RwkvVersion::V6 ? "rwkv6.wkv.head_size" : "rwkv7.wkv.head_size");
  // A GGUF may have it as [1, C] whatever the number of heads.
  const std::int64_t inner = gguf && tensor.shape.size() < 2 ? 0 : tensor.inner;
  const std::int64_t stated = gguf && key != nullptr ? *key : *config != nullptr ? (*config)->headSize.value_or(0) : 0;
  const auto count = std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
  if (count != shape.nEmbd)
    return fail(ErrorCode::TensorMismatch,
                fmt::format("Tensor {} has the shape {}; [heads, channels], together {}, are needed.", name,
                            shapeText(tensor.shape), shape.nEmbd));
  if (inner == 0 && stated == 0)
    return fail(ErrorCode::TensorMissing, gguf ? fmt::format("The GGUF file does not say how large the model's heads "
                                                             "are: its key rwkv{}.wkv.head_size is missing. Get another "
                                                             "file of the model, or convert it again.",
                                                             versionName(shape.version))
                                               : fmt::format("How large the model's heads are cannot be told: tensor "
                                                             "{} is stored flat, [{}]. Get the .pth of the model, or "
                                                             "put its config.json beside the file.",
                                                             name, fmt::join(tensor.shape, ", ")));
  if (gguf && inner != 0 && stated != 0 && inner != stated)
    return fail(
        ErrorCode::TensorMismatch,
        fmt::format(
            "The GGUF file contradicts itself: its heads are said to have {} channels, but tensor {} makes them {}.",
            stated, name, inner));
  return static_cast<int>(std::min(inner != 0 ? inner : stated, kMostWidth));
}

// The epsilon of the layer norms, where the file or its config.json says one.
Result<ModelShape> withNormEps(const ModelFile& file, Result<ModelShape> shape) {
  if (!shape) return shape;
  std::optional<double> eps;
  if (file.container() == Container::Gguf) {
    if (const auto* key =
            metadataOf<double>(file, fmt::format("rwkv{}.attention.layer_norm_epsilon", versionName(shape->version))))
      eps = *key;
  } else {
    const auto config = configOf(file, *shape);
    if (!config) return tl::unexpected(config.error());
    if (*config != nullptr) eps = (*config)->normEps;
    // flash-linear-attention derives that of the group norm, head_dim * norm_eps; official models have 64e-5 always.
    constexpr double kGroupEps = 64e-5;
    if (const double group = eps.value_or(0) * shape->headSize;
        eps && hasFlaNames(file) && std::abs(group - kGroupEps) > 1e-3 * kGroupEps)
      return fail(ErrorCode::FormatUnknown,
                  fmt::format("The config.json beside the model asks for heads of {} channels with an epsilon of {:g}, "
                              "which makes {:g} in the norm of the heads; Rookery runs models with {:g} there, as all "
                              "official ones have it.",
                              shape->headSize, *eps, group, kGroupEps));
  }
  if (!eps) return shape;
  if (!(*eps > 0 && *eps < 1))
    return fail(ErrorCode::TensorMismatch,
                fmt::format("The epsilon of the model's norms is said to be {:g}, which is impossible.", *eps));
  shape->normEps = static_cast<float>(*eps);
  return shape;
}

// RWKV-7a (rwkv/model.py, RWKV_DE_VERSION). Any of its tensors tells, or a damaged file would run as version 7.
bool hasDeepEmbed(const Tensors& tensors) {
  const std::array<std::string_view, 4> names{".ffn.s_emb", ".ffn.s0", ".ffn.s1", ".ffn.s2"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return tensors.anyContains(name); });
}

Result<void> expectDeepEmbed(const Tensors& tensors, int layer, const ModelShape& shape) {
  const std::int64_t c = shape.nEmbd, f = shape.dimFfn, s = shape.rankS;
  if (auto good = tensors.expectMatrix(block(layer, "ffn.s0"), f, 1); !good) return good;
  if (auto good = tensors.expectMatrix(block(layer, "ffn.s1"), s, c); !good) return good;
  if (auto good = tensors.expectMatrix(block(layer, "ffn.s2"), f, s); !good) return good;
  if (auto good = tensors.expectMatrix(block(layer, "ffn.s_emb_x.weight"), s * s, c); !good) return good;
  return tensors.expectMatrix(block(layer, "ffn.s_emb.weight"), shape.vocab, s * s);
}

// Relatives of RWKV-7 that cannot be run, by what only they have (RWKV-LM: RWKV-v7/rwkv_v7b_demo.py,
// rwkv_v8_rc00_demo.py; RWKV-v8).
std::optional<Error> unsupportedVariant(const Tensors& tensors) {
  const auto is = [](const char* what) { return Error{ErrorCode::VersionUnsupported, what, {}}; };
  if (tensors.anyContains("rosa_") || tensors.anyContains("_rosa") || tensors.anyContains(".rosa.") || tensors.anyStartsWith("rosa"))
    return is("This is an RWKV-8 model with ROSA, an experiment that searches the whole text before each token; this "
              "version cannot run it. RWKV-7 models can be run.");
  if (tensors.anyContains(".qkv.k_emb") || tensors.anyContains(".qkv.qq."))
    return is("This is RWKV-7b (RWKV-7 with DeepEmbed and an attention over all tokens), an experiment that keeps numbers "
              "of every token beside its state; this version cannot run it. The rwkv7 and rwkv7a files of the same size work.");
  if (tensors.anyContains(".ffn.enn.weight"))
    return is("This is an early RWKV-8 (rc00, with a DeepEmbed behind the feed-forward part), an experiment that this "
              "version cannot run. RWKV-7 and RWKV-7a models can be run.");
  return std::nullopt;
}

Result<ModelShape> detectV7(const ModelFile& file, const Tensors& tensors) {
  auto shape = commonShape(tensors);
  if (!shape) return shape;
  shape->version = hasDeepEmbed(tensors) ? RwkvVersion::V7a : RwkvVersion::V7;
  const NamedTensor* rK = tensors.find("blocks.0.att.r_k");
  const auto headSize = headSizeOf(file, *shape, "blocks.0.att.r_k", *rK);
  if (!headSize) return tl::unexpected(headSize.error());
  shape->headSize = *headSize;
  if (auto good = checkHeads(*shape); !good) return tl::unexpected(good.error());

  for (const auto& [name, rank] : {std::pair{"att.w1", &shape->rankW}, {"att.a1", &shape->rankA}, {"att.g1", &shape->rankG}}) {
    const auto found = tensors.rank(block(0, name));
    if (!found) return tl::unexpected(found.error());
    *rank = *found;
  }
  shape->layer0HasV = tensors.has("blocks.0.att.v1");
  if (shape->layers > 1 || shape->layer0HasV) {
    const auto found = tensors.rank(block(shape->layers > 1 ? 1 : 0, "att.v1"));
    if (!found) return tl::unexpected(found.error());
    shape->rankV = *found;
  }

  if (shape->version == RwkvVersion::V7a) {
    const auto found = tensors.rank(block(0, "ffn.s1"));
    if (!found) return tl::unexpected(found.error());
    if (*found > kMostRankS)
      return fail(ErrorCode::TensorMismatch, fmt::format("A rank of {} in {} is impossible; DeepEmbed has 32.", *found, block(0, "ffn.s1")));
    shape->rankS = *found;
  }

  const std::int64_t c = shape->nEmbd, f = shape->dimFfn;
  for (int layer = 0; layer < shape->layers; ++layer) {
    for (const char* name : {"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias", "att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g",
                             "att.w0", "att.a0", "att.k_k", "att.k_a", "att.r_k", "att.ln_x.weight", "att.ln_x.bias", "ffn.x_k"})
      if (auto good = tensors.expectVector(block(layer, name), c); !good) return tl::unexpected(good.error());
    struct Wanted {
      const char* name;
      std::int64_t rows, cols;
    };
    const std::array<Wanted, 12> wanted{{{"att.receptance.weight", c, c}, {"att.key.weight", c, c}, {"att.value.weight", c, c}, {"att.output.weight", c, c},
                                         {"ffn.key.weight", f, c}, {"ffn.value.weight", c, f},
                                         {"att.w1", shape->rankW, c}, {"att.w2", c, shape->rankW}, {"att.a1", shape->rankA, c},
                                         {"att.a2", c, shape->rankA}, {"att.g1", shape->rankG, c}, {"att.g2", c, shape->rankG}}};
    for (const Wanted& w : wanted)
      if (auto good = tensors.expectMatrix(block(layer, w.name), w.rows, w.cols); !good) return tl::unexpected(good.error());
    if (shape->version == RwkvVersion::V7a)
      if (auto good = expectDeepEmbed(tensors, layer, *shape); !good) return tl::unexpected(good.error());
    if (layer == 0) continue;
    if (auto good = tensors.expectVector(block(layer, "att.v0"), c); !good) return tl::unexpected(good.error());
    if (auto good = tensors.expectMatrix(block(layer, "att.v1"), shape->rankV, c); !good) return tl::unexpected(good.error());
    if (auto good = tensors.expectMatrix(block(layer, "att.v2"), c, shape->rankV); !good) return tl::unexpected(good.error());
  }
  if (auto good = checkOuter(tensors, *shape); !good) return tl::unexpected(good.error());
  return shape;
}

// What tells the generations apart (rwkv/model.py): any ln_x -> 5, gate.weight -> 5.1, a decay per channel -> 5.2,
// time_maa -> 6. Head size and ranks come with it; the last layer has every tensor that is asked for.
Result<void> detectOlderVersion(const ModelFile& file, const Tensors& tensors, ModelShape& shape) {
  const auto name = [&](const char* part) { return block(shape.layers - 1, part); };
  const auto takeHeadSize = [&](const char* part, const NamedTensor& tensor) -> Result<void> {
    const auto size = headSizeOf(file, shape, name(part), tensor);
    if (!size) return tl::unexpected(size.error());
    shape.headSize = *size;
    return {};
  };
  const NamedTensor* decay = tensors.find(name("att.time_decay"));
  if (decay == nullptr) return fail(ErrorCode::TensorMissing, fmt::format("The model is incomplete: tensor {} is missing.", name("att.time_decay")));
  shape.version = RwkvVersion::V4;
  if (tensors.anyContains("att.time_maa_")) {
    shape.version = RwkvVersion::V6;
    const NamedTensor* first = tensors.find(name("att.time_faaaa"));
    if (first == nullptr) return fail(ErrorCode::TensorMissing, fmt::format("The model is incomplete: tensor {} is missing.", name("att.time_faaaa")));
    if (auto good = takeHeadSize("att.time_faaaa", *first); !good) return good;
    const auto maa = tensors.rank(name("att.time_maa_w1"));
    if (!maa) return tl::unexpected(maa.error());
    const auto decayRank = tensors.rank(name("att.time_decay_w1"));
    if (!decayRank) return tl::unexpected(decayRank.error());
    shape.rankMaa = std::max(*maa / 5, 1);
    shape.rankW = *decayRank;
  } else if (tensors.anyContains("att.ln_x.")) {
    // A single head of version 5.2 is squeezed to one dimension, but is as wide as the model.
    const bool perChannel = decay->shape.size() == 2 || decay->shape[0] == shape.nEmbd;
    if (perChannel) {
      shape.version = RwkvVersion::V5_2;
      if (auto good = takeHeadSize("att.time_decay", *decay); !good) return good;
    } else {
      shape.version = tensors.anyContains("att.gate.weight") ? RwkvVersion::V5_1 : RwkvVersion::V5_0;
      shape.headSize = static_cast<int>(shape.nEmbd / std::max<std::int64_t>(decay->shape[0], 1));
    }
  }
  return shape.version == RwkvVersion::V4 ? Result<void>{} : checkHeads(shape);
}

// Five matrices in one tensor, from the rank to the width.
Result<void> expectMaaUp(const Tensors& tensors, const std::string& name, const ModelShape& shape) {
  const auto tensor = tensors.get(name, 3);
  if (!tensor) return tl::unexpected(tensor.error());
  std::vector<std::int64_t> wanted{5, shape.rankMaa, shape.nEmbd};
  if (!(*tensor)->transposed) std::swap(wanted[1], wanted[2]);
  return tensors.expect(name, **tensor, wanted);
}

// Generations 4 to 6.
Result<ModelShape> detectOlder(const ModelFile& file, const Tensors& tensors) {
  auto shape = commonShape(tensors);
  if (!shape) return shape;
  if (auto good = detectOlderVersion(file, tensors, *shape); !good) return tl::unexpected(good.error());
  // web-rwkv's converter calls the bonus time_first, which is the name of its logarithm in official files. (web-rwkv
  // itself does not run version 5.0: it takes such a file for version 4.)
  if (shape->version == RwkvVersion::V5_0 && isNamedAsWebRwkv(file) && tensors.has("blocks.0.att.time_first"))
    return fail(ErrorCode::VersionUnsupported, "This is an RWKV-5.0 model in web-rwkv's form, which gives the bonus and its logarithm the same name, so what the file holds "
                                               "cannot be told. Get the .pth of the same model.");
  const RwkvVersion version = shape->version;
  const bool v4 = version == RwkvVersion::V4, v6 = version == RwkvVersion::V6, gated = !v4 && version != RwkvVersion::V5_0;
  const std::int64_t c = shape->nEmbd, f = shape->dimFfn;
  const std::int64_t decays = version == RwkvVersion::V5_0 || version == RwkvVersion::V5_1 ? shape->heads() : c;

  std::vector<const char*> vectors{"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias"};
  const auto more = [&](std::initializer_list<const char*> names) { vectors.insert(vectors.end(), names); };
  if (v6) {
    more({"att.time_maa_x", "att.time_maa_w", "att.time_maa_k", "att.time_maa_v", "att.time_maa_r", "att.time_maa_g", "ffn.time_maa_k", "ffn.time_maa_r"});
  } else {
    more({"att.time_mix_k", "att.time_mix_v", "att.time_mix_r", "ffn.time_mix_k", "ffn.time_mix_r"});
    if (gated) more({"att.time_mix_g"});
  }
  if (!v4) more({"att.ln_x.weight", "att.ln_x.bias"});
  for (int layer = 0; layer < shape->layers; ++layer) {
    for (const char* name : vectors)
      if (auto good = tensors.expectVector(block(layer, name), c); !good) return tl::unexpected(good.error());
    // The bonus is called time_first in version 4 and in early files of version 5, which hold its logarithm.
    const bool log = v4 || (!v6 && !tensors.has(block(layer, "att.time_faaaa")) && tensors.has(block(layer, "att.time_first")));
    for (const char* name : {"att.time_decay", log ? "att.time_first" : "att.time_faaaa"})
      if (auto good = tensors.expectVector(block(layer, name), decays); !good) return tl::unexpected(good.error());
    for (const char* name : {"att.receptance.weight", "att.key.weight", "att.value.weight", "att.output.weight", "ffn.receptance.weight"})
      if (auto good = tensors.expectMatrix(block(layer, name), c, c); !good) return tl::unexpected(good.error());
    if (gated)
      if (auto good = tensors.expectMatrix(block(layer, "att.gate.weight"), c, c); !good) return tl::unexpected(good.error());
    if (auto good = tensors.expectMatrix(block(layer, "ffn.key.weight"), f, c); !good) return tl::unexpected(good.error());
    if (auto good = tensors.expectMatrix(block(layer, "ffn.value.weight"), c, f); !good) return tl::unexpected(good.error());
    if (!v6) continue;
    if (auto good = tensors.expectMatrix(block(layer, "att.time_maa_w1"), 5 * shape->rankMaa, c); !good) return tl::unexpected(good.error());
    if (auto good = expectMaaUp(tensors, block(layer, "att.time_maa_w2"), *shape); !good) return tl::unexpected(good.error());
    if (auto good = tensors.expectMatrix(block(layer, "att.time_decay_w1"), shape->rankW, c); !good) return tl::unexpected(good.error());
    if (auto good = tensors.expectMatrix(block(layer, "att.time_decay_w2"), c, shape->rankW); !good) return tl::unexpected(good.error());
  }
  if (auto good = checkOuter(tensors, *shape); !good) return tl::unexpected(good.error());
  return shape;
}

TokenizerKind tokenizerOf(const ModelFile& file, const ModelShape& shape) {
  if (const auto* name = metadataOf<std::string>(file, "tokenizer.ggml.model"); name != nullptr && *name == "rwkv")
    return TokenizerKind::Embedded;
  if (shape.vocab == 65536) return TokenizerKind::World;
  if (shape.vocab == 50277) return TokenizerKind::Pile20B;
  return TokenizerKind::Unknown;
}

// A file that lost its last layers would run without them; only its keys tell.
Result<ModelShape> asStated(const ModelFile& file, const std::string& architecture, Result<ModelShape> shape) {
  if (!shape) return shape;
  for (const auto& [key, found] : {std::pair{"block_count", shape->layers}, {"embedding_length", shape->nEmbd}, {"feed_forward_length", shape->dimFfn}}) {
    const std::string name = fmt::format("{}.{}", architecture, key);
    if (const auto* stated = metadataOf<std::int64_t>(file, name); stated != nullptr && *stated != found)
      return fail(ErrorCode::TensorMismatch, fmt::format("The GGUF file contradicts itself: {} is {}, but its tensors make it {}. Tensors are missing, or the file is damaged.",
                                                         name, *stated, found));
  }
  return shape;
}

Result<ModelShape> detectShape(const ModelFile& file, const Tensors& tensors) {
  if (file.container() == Container::Gguf) {
    const auto* architecture = metadataOf<std::string>(file, "general.architecture");
    if (architecture == nullptr) return fail(ErrorCode::NotRwkv, "This GGUF file does not say which kind of model it holds.");
    if (*architecture != "rwkv6" && *architecture != "rwkv7") {
      const bool cousin = architecture->find("rwkv") != std::string::npos;
      return fail(cousin ? ErrorCode::VersionUnsupported : ErrorCode::NotRwkv,
                  fmt::format("This GGUF file holds a model of the kind \"{}\"; RWKV models of the kinds \"rwkv6\" and \"rwkv7\" can be run.", architecture->substr(0, 60)));
    }
    if (*architecture == "rwkv6") return asStated(file, *architecture, detectOlder(file, tensors));
    if (tensors.has("blocks.0.att.r_k")) return asStated(file, *architecture, detectV7(file, tensors));
    return fail(ErrorCode::TensorMissing, "The model is incomplete: tensor blk.0.time_mix_r_k.weight is missing.");
  }
  if (auto variant = unsupportedVariant(tensors)) return tl::unexpected(std::move(*variant));
  if (tensors.has("blocks.0.att.r_k")) return detectV7(file, tensors);
  if (tensors.has("emb.weight") && (tensors.has("blocks.0.ffn.key.weight") || tensors.anyContains("att.time_decay"))) return detectOlder(file, tensors);
  if (const std::string theirs = tensors.endingIn(".emb.weight"); !theirs.empty())
    return fail(ErrorCode::NotRwkv,
                fmt::format("This file holds no RWKV model under names that are known: emb.weight is called \"{}\" here. "
                            "Save the model's own state_dict(), without what is around it.",
                            theirs));
  return fail(ErrorCode::NotRwkv, "This file holds no RWKV model: the tensors emb.weight and blocks.0 are missing.");
}

// A model runs without v0, v1 and v2 of its first layer, and a tuned state has its own use.
bool isExpected(std::string_view name) {
  return name.ends_with(".att.time_state") || name == "blocks.0.att.v0" || name == "blocks.0.att.v1" ||
         name == "blocks.0.att.v2";
}

// Where what is missing is there in a form that is not read, or tensors under unknown names stand beside, the file is
// whole, but of another layout.
Error explained(const ModelFile& file, const NamedTensors& named, const std::string& fileName, Error error) {
  if (error.code == ErrorCode::TensorMissing || error.code == ErrorCode::NotRwkv) {
    const auto note = file.metadata().lower_bound(kNotReadNote);
    const bool found = note != file.metadata().end() && note->first.starts_with(kNotReadNote);
    const auto* what = found ? std::get_if<std::string>(&note->second) : nullptr;
    if (what != nullptr)
      return Error{ErrorCode::FormatUnknown,
                   fmt::format("{} holds weights of the {}, which is not read ({}); get a bf16, fp16 or Q8_0 file of the "
                               "same model.",
                               fileName, *what, printable(note->first.substr(kNotReadNote.size()))),
                   error.message};
  }
  const auto unknown =
      std::find_if(named.begin(), named.end(), [](const auto& entry) { return entry.first.starts_with("blk."); });
  if (error.code != ErrorCode::TensorMissing || file.container() != Container::Gguf || unknown == named.end())
    return error;
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} was written by an older converter, or by another one, whose layout is not known here: "
                           "it has {}. Get a newer GGUF of the model, or convert it again.",
                           fileName, unknown->first),
               error.message};
}

}  // namespace

std::string unusedTensors(const ModelInfo& info) {
  if (info.unused.empty()) return {};
  constexpr std::size_t kShown = 5;
  const std::size_t count = info.unused.size(), shown = std::min(count, kShown);
  const std::vector<std::string> names(info.unused.begin(), info.unused.begin() + static_cast<std::ptrdiff_t>(shown));
  return printable(fmt::format("{} tensor{} of the file {} not used, since RWKV-{} has none of {}: {}{}", count,
                               count == 1 ? "" : "s", count == 1 ? "is" : "are", versionName(info.shape.version),
                               count == 1 ? "that name" : "these names", fmt::join(names, ", "),
                               count == shown ? "" : fmt::format(" and {} more", count - shown)));
}

Result<ModelInfo> detectNamed(const ModelFile& file, const NamedTensors& named) {
  if (auto foreign = foreignModel(file)) return tl::unexpected(std::move(*foreign));
  const std::string fileName = printable(file.name());
  const Tensors tensors(named, fileName);
  auto shape = withNormEps(file, detectShape(file, tensors));
  if (!shape) return tl::unexpected(explained(file, named, fileName, std::move(shape.error())));
  ModelInfo info;
  info.shape = *shape;
  info.container = file.container();
  info.fileBytes = file.sizeBytes();
  info.tokenizer = tokenizerOf(file, *shape);
  info.name = file.path().empty() ? file.name() : modelName(file.path().parent_path() / file.name());
  if (const auto* name = metadataOf<std::string>(file, "general.name"); name != nullptr && !name->empty())
    info.name = *name;
  std::map<DType, std::uint64_t> bytes;
  for (const auto& [name, tensor] : named) {
    if (tensors.isUsed(name)) bytes[tensor.dtype] += tensor.bytes.size();
    else if (!isExpected(name)) info.unused.push_back(name);
  }
  info.dtype = std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
  return info;
}

Result<ModelInfo> detect(const ModelFile& file) { return detectNamed(file, officialNames(file)); }

}  // namespace rookery::engine
