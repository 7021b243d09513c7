// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "backend/common/backend.h"
#include "program/program.h"
#include "rookery/model.h"

namespace rookery::engine {

/// Declared in the order of lifetime: what is placed on a device dies before the ledger it is entered in.
struct Model::Impl {
  ModelInfo info;
  bool synthetic = false;
  std::string fingerprint;
  std::shared_ptr<const Tokenizer> tokenizer;
  Error whyNoTokenizer;  ///< where `tokenizer` is null
  mutable Ledger ledger;
  DeviceInfo device;
  std::string deviceSummary;
  std::string precision;  ///< of the weights, "fp16 + int8" where segments differ
  Program program;
  std::shared_ptr<Backend> backend;
  std::shared_ptr<const PlacedWeights> weights;
  std::unique_ptr<Executable> executable;
};

/// Places and compiles what `source` offers, as options.strategy says; `precision` is for stages that name no type (nullopt:
/// as the weights came). Shared by files and generators. A tokenizer that is an error is kept for requireTokenizer().
Result<std::shared_ptr<const Model>> buildModel(WeightSource& source, Result<std::shared_ptr<const Tokenizer>> tokenizer,
                                                std::optional<DType> precision, bool synthetic, const LoadOptions& options,
                                                const LoadProgressFn& progress, std::stop_token stop);

}  // namespace rookery::engine
