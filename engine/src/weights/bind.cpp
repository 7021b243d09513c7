// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <libdeflate.h>
#include <xxhash.h>

#include <algorithm>

#include "weights/detect.h"
#include "weights/weight_source.h"

namespace rookery::engine {

namespace {

class FileSource final : public WeightSource {
 public:
  FileSource(std::shared_ptr<const ModelFile> file, NamedTensors tensors, ModelInfo info)
      : m_file(std::move(file)), m_tensors(std::move(tensors)), m_info(std::move(info)) {}

  const ModelInfo& info() const noexcept override { return m_info; }
  bool has(const std::string& officialName) const override { return m_tensors.contains(officialName); }

  Result<WeightView> get(const std::string& officialName) override {
    const auto found = m_tensors.find(officialName);
    if (found == m_tensors.end())
      return fail(ErrorCode::TensorMissing, fmt::format("The model is incomplete: tensor {} is missing.", officialName));
    const NamedTensor& tensor = found->second;
    WeightView view{tensor.dtype, tensor.shape[0], 1, tensor.transposed, tensor.bytes};
    if (tensor.shape.size() == 2) {
      const bool vector = officialName.ends_with(".r_k");  // [head, size] in .pth, flat in GGUF
      view.cols = vector ? 1 : tensor.shape[1];
      if (vector) view.rows *= tensor.shape[1];
      if (tensor.transposed) std::swap(view.rows, view.cols);
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
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  }

 private:
  std::shared_ptr<const ModelFile> m_file;  ///< keeps the bytes alive
  NamedTensors m_tensors;
  ModelInfo m_info;
};

}  // namespace

Result<std::unique_ptr<WeightSource>> bindWeights(std::shared_ptr<const ModelFile> file) {
  NamedTensors tensors = officialNames(*file);
  auto info = detectNamed(*file, tensors);
  if (!info) return tl::unexpected(info.error());
  return std::make_unique<FileSource>(std::move(file), std::move(tensors), std::move(*info));
}

}  // namespace rookery::engine
