// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rookery/model.h"
#include "rookery/model_info.h"
#include "rookery/result.h"

namespace rookery::engine {

/// How sizes are counted: the plain sum of the tensors, or what torch's caching allocator would report
/// (c10/cuda/CUDACachingAllocator: segments of 2 MiB multiples above 10 MiB, blocks of 512 bytes below).
enum class PlanAllocator { Plain, Torch };

struct MemoryRow {
  std::string component;       ///< embedding, ln0, deep_embedding (version 7a), block0.., ln_out, head
  std::uint64_t bytes = 0;
  double cumulativeMb = 0;     ///< MB = 10^6 bytes, rounded to two decimals
  double componentMb = 0;      ///< difference of the rounded cumulatives
  std::string device{};        ///< where it goes, "cpu", "vulkan:0"; empty where only the shapes are known
};

/// Weights per component from shapes alone. `precision` is a dtype name ("fp16"); vectors count in the same
/// type, as the published table does.
Result<std::vector<MemoryRow>> planMemory(const ModelShape& shape, const std::string& precision,
                                          PlanAllocator allocator = PlanAllocator::Plain);

/// The same for one file: what Model::load(file, options) places, component by component and to the byte. Every tensor
/// counts in its own type (or in that of the strategy), as it lies in memory: vectors in fp32, matrices in whole tiles.
/// Told from the table of contents alone, for every device of the strategy (embeddings stay with the CPU). Errors: those of detect(), StrategyInvalid.
Result<std::vector<MemoryRow>> planLoad(std::shared_ptr<const ModelFile> file, const LoadOptions& options = {},
                                        PlanAllocator allocator = PlanAllocator::Plain);

/// The same of a shape, as Model::synthetic() would place it. `precision`: of stages that name no type.
Result<std::vector<MemoryRow>> planLoad(const ModelShape& shape, DType precision, const LoadOptions& options,
                                        PlanAllocator allocator = PlanAllocator::Plain);

/// What a session needs beside the weights, to the byte as the ledger shows it: "state" (a run reads one and writes
/// another) and "scratch" on every device of the strategy (scratch where the device is there: it depends on its limits).
/// Errors: StrategyInvalid; OutOfMemory where a device cannot run the model at all.
Result<std::vector<MemoryRow>> planWorkspace(const ModelShape& shape, const LoadOptions& options = {});

/// What loading will take on the CPU: packed weights, state, scratch; used for "fits / does not fit".
struct LoadEstimate {
  std::uint64_t weights = 0, state = 0, scratch = 0;
  std::uint64_t total() const noexcept { return weights + state + scratch; }
};
LoadEstimate estimateLoad(const ModelInfo& info, DType weightType);
/// Of a file, its weights as planLoad() counts them.
Result<LoadEstimate> estimateLoad(std::shared_ptr<const ModelFile> file, const LoadOptions& options = {});

std::string memoryTableMarkdown(const std::string& title, const std::vector<MemoryRow>& rows);
std::string memoryTableJson(const std::string& model, const std::string& precision, const std::vector<MemoryRow>& rows);

}  // namespace rookery::engine
