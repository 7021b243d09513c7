// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "rookery/dtype.h"
#include "rookery/model_file.h"
#include "rookery/result.h"

namespace rookery::engine {

struct ConvertOptions {
  DType precision{};
  /// For a .gguf that is not made from a GGUF (those keep theirs): a file of a World-like vocabulary; empty: what
  /// Tokenizer::forModel() finds, or none.
  std::filesystem::path vocabulary;
  std::function<void(std::uint64_t bytesDone, std::uint64_t bytesTotal)> progress;  ///< bytes of the new file
};

struct ConvertReport {
  std::uint64_t tensors = 0, bytes = 0;  ///< of the new file, without its table of contents
  bool vocabulary = false;               ///< the new file holds one
};

/// Writes `in` as `out`, .safetensors (official names) or .gguf (as llama.cpp has RWKV-6 and 7) by the extension in any case, with the
/// weights in `precision`; which tensors stay finer: docs/quantisation.md. Vectors stay fp32. Atomic: the new file is
/// complete or absent. Blocks; needs memory for a few rows only.
/// Errors: those of detect() and of Tokenizer::forModel(), InvalidArgument (extension, precision that the container or files cannot hold, `out` is
/// the file that is read), VersionUnsupported (.gguf of another generation), NotFinite (a weight that is no number, or
/// that none of `precision` can hold), FileWriteFailed, Cancelled.
Result<ConvertReport> convertModel(std::shared_ptr<const ModelFile> in, const std::filesystem::path& out,
                                   const ConvertOptions& options, std::stop_token stop = {});

}  // namespace rookery::engine
