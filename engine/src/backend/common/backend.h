// SPDX-License-Identifier: GPL-3.0-or-later
// The seam between the engine and a device. A backend places weights, compiles a program and runs it; it knows
// nothing of files, text or sampling. Each implements the same four classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "program/program.h"
#include "rookery/bandwidth.h"
#include "rookery/device.h"
#include "rookery/ledger.h"
#include "rookery/result.h"
#include "rookery/state.h"
#include "rookery/tokenizer.h"
#include "weights/weight_source.h"

namespace rookery::engine {

struct PlaceOptions {
  std::optional<DType> precision;  ///< for matrices and the embedding; nullopt: as they came
  std::optional<bool> sparseFfn;  ///< nullopt: where it is faster on the device
  std::function<bool(std::uint64_t bytesDone)> progress;  ///< source bytes; false cancels
};

/// A program's weights on a device, in the device's own layout. Immutable.
class PlacedWeights {
 public:
  virtual ~PlacedWeights() = default;
  /// Weight bytes a decoded token reads when nothing is skipped (embedding: one row).
  virtual std::uint64_t bytesPerToken() const noexcept = 0;
};

/// The recurrent state on the device. Two of them make a slot pair: a run reads one and writes the other, so a
/// cancelled run changes nothing, and a snapshot is an index swap.
class DeviceState {
 public:
  virtual ~DeviceState() = default;
  // `state`: the data of a State, [layer][floatsPerLayer], of the layers that this one has. A device that was lost, or
  // has no room for staging, is an error; the CPU never fails.
  virtual Result<void> upload(std::span<const float> state) = 0;
  virtual Result<void> download(std::span<float> state) const = 0;
  virtual Result<void> copyFrom(const DeviceState& other) = 0;
};

struct RunArgs {
  std::span<const TokenId> tokens;       ///< 1 .. maxTokens()
  const DeviceState* stateIn = nullptr;
  DeviceState* stateOut = nullptr;       ///< another one than stateIn
  std::span<const std::uint32_t> logitRows;  ///< rows of `tokens` whose logits are wanted, ascending
  std::span<float> logits;               ///< [logitRows.size(), vocab]; a program without a head has none
  std::stop_token stop;                  ///< polled between stages; a stopped run leaves stateOut undefined
  std::span<const float> valuesIn{};     ///< [program.valuesIn][tokens][nEmbd]: what the segment before this one left
  std::span<float> valuesOut{};          ///< [program.valuesOut][tokens][nEmbd]
};

/// A compiled program. One run at a time per executable; calls from several threads queue up.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual std::size_t maxTokens() const noexcept = 0;
  /// Returns when the run has ended. Cancelled, InvalidArgument (a token outside the vocabulary), OutOfMemory,
  /// DeviceUnavailable (lost).
  virtual Result<void> submit(const RunArgs& args) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string id() const = 0;       ///< "cpu"
  virtual DeviceInfo device() const = 0;  ///< after compile() also what was chosen for the programs
  virtual std::string summary() const = 0;  ///< "CPU avx512, 2 threads"
  virtual int threads() const noexcept = 0;  ///< of the CPU that compute; 0 on a GPU
  /// Of the memory that holds the weights, in a few seconds. Nothing where it cannot be measured; `stop` ends it within
  /// 100 ms.
  virtual BandwidthResult readBandwidth(std::stop_token) { return {}; }
  /// `ledger` outlives what is placed.
  virtual Result<std::shared_ptr<const PlacedWeights>> place(const Program& program, WeightSource& source,
                                                             const PlaceOptions& options, Ledger& ledger) = 0;
  virtual Result<std::unique_ptr<Executable>> compile(const Program& program,
                                                      std::shared_ptr<const PlacedWeights> weights, Ledger& ledger,
                                                      std::stop_token stop = {}) = 0;
  virtual Result<std::unique_ptr<DeviceState>> newState(const StateLayout& layout, Ledger& ledger) = 0;
};

}  // namespace rookery::engine
