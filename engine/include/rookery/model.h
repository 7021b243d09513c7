// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "rookery/device.h"
#include "rookery/ledger.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "rookery/result.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

struct LoadOptions {
  std::string strategy = "cpu";        ///< "cpu", "cpu fp16", "vulkan fp16 *12 -> cpu"; see strategy.h
  int threads = 0;                     ///< 0: one per physical core
  std::filesystem::path vocabulary;    ///< overrides the model's tokenizer; rwkv_vocab_*.txt or tokenizer.json
  /// Skip the rows of ffn.value behind exact zeros: fewer bytes, the same result (on Vulkan within rounding). nullopt:
  /// where it is faster, everywhere but on software devices.
  std::optional<bool> sparseFfn;
  /// On another device than the CPU: runs every kind of run once before load() returns. Drivers compile at the first run;
  /// without this the first answer waits for it, without a word.
  bool warmUp = false;
};

enum class LoadStage { Reading, Placing, WarmingUp };
struct LoadProgress {
  LoadStage stage{};
  std::uint64_t bytesDone = 0, bytesTotal = 0;  ///< WarmingUp: steps
};
using LoadProgressFn = std::function<void(const LoadProgress&)>;

/// A model on its device(s): immutable after loading, shared by sessions. The calls that run it are in session.h.
class Model {
 public:
  /// Blocks; progress is called on the calling thread. The file is not needed after loading.
  /// Errors: those of detect(), OutOfMemory, DeviceUnavailable, StrategyInvalid, Cancelled.
  static Result<std::shared_ptr<const Model>> load(const std::filesystem::path& path, const LoadOptions& options = {},
                                                   const LoadProgressFn& progress = {}, std::stop_token stop = {});
  static Result<std::shared_ptr<const Model>> load(std::shared_ptr<const ModelFile> file, const LoadOptions& options = {},
                                                   const LoadProgressFn& progress = {}, std::stop_token stop = {});
  /// Seeded random weights of an official shape ("rwkv7-0.1b"); half of the relu^2 units are zero. For measuring only.
  static Result<std::shared_ptr<const Model>> synthetic(std::string_view shapeName, DType precision, std::uint64_t seed = 42,
                                                        const LoadOptions& options = {}, const LoadProgressFn& progress = {},
                                                        std::stop_token stop = {});
  /// The small model that is built into the program.
  static Result<std::shared_ptr<const Model>> guide(const LoadOptions& options = {}, const LoadProgressFn& progress = {},
                                                    std::stop_token stop = {});
  static Result<std::shared_ptr<const ModelFile>> guideFile();

  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const noexcept;
  bool isSynthetic() const noexcept;
  /// Identifies the weights: hex of a hash over all tensor names, shapes, types and bytes. States belong to it.
  const std::string& fingerprint() const noexcept;
  /// nullptr when neither the file nor the options nor this build has a vocabulary for the model: it runs on token ids.
  const std::shared_ptr<const Tokenizer>& tokenizer() const noexcept;
  /// The same, never nullptr: VocabularyMissing says which file is missing and where to put it.
  Result<std::shared_ptr<const Tokenizer>> requireTokenizer() const;
  const Ledger& ledger() const noexcept;
  /// Of a model on several: the id lists them all ("vulkan:0 + cpu"), the name all GPUs, the rest is the first GPU's.
  const DeviceInfo& device() const noexcept;
  const std::string& deviceSummary() const noexcept; ///< "CPU avx512, 2 threads, exact"; of several segments each, and what it holds
  const std::string& precision() const noexcept;     ///< of the weights: "fp16"; "fp16 + int8" where segments differ
  int threads() const noexcept;                      ///< of the CPU that compute; 0 on a GPU
  /// Weight bytes read to decode one token (dense), with state read and write; for "% of the limit".
  std::uint64_t bytesPerToken() const noexcept;

  struct Impl;  // src/model/
  explicit Model(std::unique_ptr<Impl> impl);
  Impl& impl() const noexcept { return *m_impl; }

 private:
  std::unique_ptr<Impl> m_impl;
};

}  // namespace rookery::engine
