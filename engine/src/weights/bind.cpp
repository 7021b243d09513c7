// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <libdeflate.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numeric>

#include "quant/convert.h"
#include "weights/detect.h"
#include "weights/rescale.h"
#include "weights/weight_source.h"

namespace rookery::engine {

namespace {

// "blocks.3.att.output.weight" -> 3; -1 outside the blocks.
int layerOf(std::string_view name) {
  int layer = -1;
  if (name.starts_with("blocks.")) std::from_chars(name.data() + 7, name.data() + name.size(), layer);
  return layer;
}

// Vectors that files hold as [head, size], or flat.
bool isHeadVector(std::string_view name) {
  return name.ends_with(".r_k") || name.ends_with(".time_decay") || name.ends_with(".time_faaaa") || name.ends_with(".time_first");
}

class FileSource final : public WeightSource {
 public:
  FileSource(std::shared_ptr<const ModelFile> file, NamedTensors tensors, ModelInfo info, int halvedEvery)
      : m_file(std::move(file)), m_tensors(std::move(tensors)), m_info(std::move(info)), m_halvedEvery(halvedEvery) {}

  const ModelInfo& info() const noexcept override { return m_info; }
  bool has(const std::string& officialName) const override { return find(officialName) != nullptr; }

  Result<WeightView> describe(const std::string& officialName) override {
    const NamedTensor* found = find(officialName);
    if (found == nullptr)
      return fail(ErrorCode::TensorMissing, fmt::format("The model is incomplete: tensor {} is missing.", officialName));
    const NamedTensor& tensor = *found;
    if (isLogOfFirst(officialName)) return WeightView{DType::F32, elements(tensor), 1, false, {}};
    WeightView view{tensor.dtype, tensor.shape[0], 1, tensor.transposed, {}};
    // MLX has all of a layer's vectors of heads as [head, size]. No matrix has as few numbers as the model is wide.
    if (isHeadVector(officialName) || (tensor.shape.size() == 2 && elements(tensor) == m_info.shape.nEmbd)) {
      view.rows = elements(tensor);
    } else if (tensor.shape.size() == 3) {  // time_maa_w2: five matrices, one above the other
      view.rows = tensor.shape[0] * tensor.shape[tensor.transposed ? 2 : 1];
      view.cols = tensor.shape[tensor.transposed ? 1 : 2];
      view.transposed = false;
    } else if (tensor.shape.size() == 2) {
      view.cols = tensor.shape[1];
      if (tensor.transposed) std::swap(view.rows, view.cols);
    }
    return view;
  }

  Result<WeightView> get(const std::string& officialName) override {
    auto view = describe(officialName);
    if (!view) return view;
    const NamedTensor& tensor = *find(officialName);
    view->bytes = tensor.bytes;
    if (isLogOfFirst(officialName)) {
      std::vector<float> first(static_cast<std::size_t>(view->rows));
      decodeToF32(tensor.dtype, tensor.bytes, first);
      for (float& value : first) value = std::exp(value);
      const auto bytes = std::as_bytes(std::span(first));
      m_made.assign(bytes.begin(), bytes.end());
      view->bytes = m_made;
    } else if (tensor.shape.size() == 3 && tensor.transposed) {
      turnEach(tensor);
      view->bytes = m_made;
    } else if (const int halvings = halvingsOf(officialName); halvings > 0) {
      m_made.assign(tensor.bytes.begin(), tensor.bytes.end());
      scaleByPowerOfTwo(tensor.dtype, m_made, halvings);
      view->bytes = m_made;
    }
    return view;
  }

  Result<std::string> fingerprint(const std::function<bool(std::uint64_t)>& progress) override {
    struct Free {
      void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
    };
    const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
    if (!state) return fail(ErrorCode::OutOfMemory, "Memory ran out while the model's fingerprint was being computed.");
    XXH3_128bits_reset(state.get());
    std::uint64_t done = 0;
    for (const auto& [name, tensor] : m_tensors) {  // by name: the same order in every container
      const std::string head = fmt::format("{}|{}|{}|{}\n", name, fmt::join(tensor.shape, ","), traits(tensor.dtype).name, tensor.transposed);
      XXH3_128bits_update(state.get(), head.data(), head.size());
      // In slices that stay in the cache for the second sum; a stop need not wait for a big embedding on a slow disk.
      constexpr std::size_t kSlice = std::size_t{256} << 10U;
      const auto stated = m_file->statedCrc32(tensor.bytes);
      std::uint32_t crc32 = 0;
      for (auto rest = tensor.bytes; !rest.empty();) {
        const auto slice = rest.first(std::min(kSlice, rest.size()));
        XXH3_128bits_update(state.get(), slice.data(), slice.size());
        if (stated) crc32 = libdeflate_crc32(crc32, slice.data(), slice.size());
        rest = rest.subspan(slice.size());
        done += slice.size();
        if (progress && !progress(done)) return fail(ErrorCode::Cancelled, "Loading was stopped.");
      }
      if (stated && crc32 != *stated)
        return fail(ErrorCode::FileDamaged, fmt::format("The file is damaged: the checksum of tensor {} is wrong. Download the file again.", name));
    }
    if (m_info.shape.normEps != ModelShape{}.normEps) {
      const std::string eps = fmt::format("norm_eps|{}\n", m_info.shape.normEps);
      XXH3_128bits_update(state.get(), eps.data(), eps.size());
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  }

 private:
  const NamedTensor* find(const std::string& officialName) const {
    auto found = m_tensors.find(officialName);
    if (found == m_tensors.end() && officialName.ends_with(kFirst))
      found = m_tensors.find(officialName.substr(0, officialName.size() - kFirst.size()) + "time_first");
    return found == m_tensors.end() ? nullptr : &found->second;
  }
  // Early files of version 5 hold the logarithm of the bonus, as time_first (rwkv/model.py).
  bool isLogOfFirst(const std::string& officialName) const { return officialName.ends_with(kFirst) && !m_tensors.contains(officialName); }
  static std::int64_t elements(const NamedTensor& tensor) {
    return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
  }

  // [part][in][out] -> [part][out][in]
  void turnEach(const NamedTensor& tensor) {
    const auto parts = static_cast<std::size_t>(tensor.shape[0]), in = static_cast<std::size_t>(tensor.shape[1]), out = static_cast<std::size_t>(tensor.shape[2]);
    const auto size = static_cast<std::size_t>(byteSize(tensor.dtype, 1));
    m_made.resize(tensor.bytes.size());
    for (std::size_t p = 0; p < parts; ++p)
      for (std::size_t o = 0; o < out; ++o)
        for (std::size_t i = 0; i < in; ++i)
          std::memcpy(m_made.data() + ((p * out + o) * in + i) * size, tensor.bytes.data() + ((p * in + i) * out + o) * size, size);
  }

  // GGUF files of version 6 were made for fp16 activations: what a layer adds to the residual stream is halved once more
  // every few layers (tests/golden/README.md, trap 7). Activations here are fp32, so the weights are given whole.
  int halvingsOf(const std::string& officialName) const {
    if (m_halvedEvery == 0 || !(officialName.ends_with(".att.output.weight") || officialName.ends_with(".ffn.value.weight"))) return 0;
    return layerOf(officialName) / m_halvedEvery;
  }

  static constexpr std::string_view kFirst = "time_faaaa";
  std::shared_ptr<const ModelFile> m_file;  ///< keeps the bytes alive
  NamedTensors m_tensors;
  ModelInfo m_info;
  int m_halvedEvery;              ///< layers; 0: never
  std::vector<std::byte> m_made;  ///< of the tensor handed out last, where the file's own bytes would not do
};

// rwkv6.rescale_every_n_layers; 0 where there is none.
Result<int> halvedEvery(const ModelFile& file, const ModelShape& shape) {
  const auto found = file.metadata().find("rwkv6.rescale_every_n_layers");
  const auto* every = shape.version != RwkvVersion::V6 || found == file.metadata().end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  if (every == nullptr || *every == 0 || *every >= shape.layers) return 0;
  constexpr std::int64_t kMostHalvings = 64;
  if (*every < 0 || (shape.layers - 1) / *every > kMostHalvings)
    return fail(ErrorCode::FileDamaged, fmt::format("The GGUF file says that its weights are halved every {} layers, which is impossible.", *every));
  return static_cast<int>(*every);
}

}  // namespace

Result<std::unique_ptr<WeightSource>> bindWeights(std::shared_ptr<const ModelFile> file) {
  NamedTensors tensors = officialNames(*file);
  auto info = detectNamed(*file, tensors);
  if (!info) return tl::unexpected(info.error());
  const auto every = halvedEvery(*file, info->shape);
  if (!every) return tl::unexpected(every.error());
  return std::make_unique<FileSource>(std::move(file), std::move(tensors), std::move(*info), *every);
}

}  // namespace rookery::engine
