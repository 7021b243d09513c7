// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/room.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/common/activations.h"
#include "backend/common/lowering.h"
#include "backend/common/runs.h"
#include "rookery/ledger.h"

namespace rookery::engine {

namespace {

std::uint64_t activationBytes(const Program& program) {
  return ActivationLayout(lower(program).values, longestRun(program.shape)).floats() * sizeof(float);
}

std::uint64_t statesOf(const Program& program, std::size_t layers) {
  return kStatesAtMost * layers * program.stateLayout.floatsPerLayer * sizeof(float);
}

/// How many of the program's first layers fit, and the bytes of their weights.
std::pair<std::size_t, std::uint64_t> layersThatFit(const NoRoom& problem) {
  const std::uint64_t activations = activationBytes(problem.program);
  std::size_t layers = 0, fitting = 0;
  std::uint64_t bytes = 0, fittingBytes = 0;
  for (const ComponentPlacement& component : problem.placement.components) {
    if (component.onHost) continue;  // ln0 goes with the layer after it
    if (component.name == "ln_out") break;
    bytes += component.bytes;
    if (!component.name.starts_with("block")) continue;
    ++layers;
    if (bytes + activations + statesOf(problem.program, layers) > problem.room) break;
    fitting = layers;
    fittingBytes = bytes;
  }
  return {fitting, fittingBytes};
}

std::uint64_t totalBytes(const Placement& placement) {
  std::uint64_t total = 0;
  for (const ComponentPlacement& component : placement.components) total += component.bytes;
  return total;
}

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

/// The advice of tooLarge(), sentence by sentence.
class Advice {
 public:
  explicit Advice(const NoRoom& problem)
      : m_problem(problem), m_range(problem.program.range), m_free(availableBytes()) {
    if (problem.precision) m_type = fmt::format(" {}", traits(*problem.precision).name);
    layers();
    smallerTypes();
    cpu();
  }

  std::string text, strategy;

 private:
  bool whole() const {
    return m_range.embedding && m_range.head;
  }  // else a stage of a strategy, which names the others
  bool cpuHolds(std::uint64_t bytes) const { return m_free == 0 || bytes <= m_free; }

  void layers() {
    const auto [fitting, fittingBytes] = layersThatFit(m_problem);
    const int all = m_range.last - m_range.first + (m_range.head ? 1 : 0);
    if (fitting == 0) {
      text += " Not one of its layers fits.";
    } else if (cpuHolds(totalBytes(m_problem.placement) - fittingBytes)) {
      const std::string shared = fmt::format("{}{} *{} -> cpu{}", m_problem.device.id, m_type, fitting, m_type);
      if (whole()) strategy = shared;
      text += fmt::format(" {} of its {} layers{} {}: \"{}\"{}.", fitting, all,
                          m_range.head ? " (the head counts as one)" : "", fitting == 1 ? "fits" : "fit", shared,
                          whole() ? "" : " in place of this stage");
    }
  }

  void smallerTypes() {
    const std::uint64_t weights = deviceBytes(m_problem.placement), working = workingBytes(m_problem.program, m_problem.traits);
    std::string types;
    for (const DType smaller : {DType::F16, DType::Int8, DType::NF4}) {
      const auto planned = planPlacement(m_problem.program, m_problem.source,
                                         {.precision = smaller, .sparseFfn = {}, .progress = {}}, m_problem.traits);
      if (!planned) continue;
      const std::uint64_t bytes = deviceBytes(*planned);
      if (bytes < weights && bytes + working <= m_problem.room)
        types += fmt::format("{}{} ({:.0f} MB)", types.empty() ? "" : " or ", traits(smaller).name, megabytes(bytes));
    }
    if (!types.empty())
      text += fmt::format(" All {} would fit as {}.", whole() ? "of it" : "layers of this stage", types);
  }

  void cpu() {
    if (!cpuHolds(totalBytes(m_problem.placement))) return;
    text += fmt::format(" The CPU {}: \"cpu{}\".", whole() ? "alone has room" : "has room for this stage", m_type);
  }

  const NoRoom& m_problem;
  const LayerRange& m_range;
  std::uint64_t m_free;
  std::string m_type;
};

}  // namespace

std::uint64_t deviceBytes(const Placement& placement) {
  std::uint64_t total = 0;
  for (const ComponentPlacement& component : placement.components) total += component.onHost ? 0 : component.bytes;
  return total;
}

std::uint64_t stateBytes(const StateLayout& layout, unsigned least) {
  return std::max<std::uint64_t>(layout.floats() * sizeof(float), least);
}

std::uint64_t workingBytes(const Program& program, const DeviceTraits& traits) {
  return activationBytes(program) + kStatesAtMost * stateBytes(program.stateLayout, traits.leastState);
}

tl::unexpected<Error> tooLarge(const NoRoom& problem) {
  const std::uint64_t weights = deviceBytes(problem.placement), working = workingBytes(problem.program, problem.traits);
  Advice advice(problem);
  const std::string promised = problem.promised == 0 ? ""
                                                     : fmt::format(" beside {:.0f} MB for a run of the stages before",
                                                                   megabytes(problem.promised));
  auto failed = fail(ErrorCode::OutOfMemory,
                     fmt::format("{} has not enough free memory: the weights take {:.0f} MB, a run {:.0f} MB more, and "
                                 "{:.0f} MB are free{}.{}",
                                 problem.device.name, megabytes(weights), megabytes(working), megabytes(problem.room),
                                 promised, advice.text),
                     fmt::format("{}: {} + {} bytes needed, {} to be had; {} free for the CPU", problem.device.id,
                                 weights, working, problem.room, availableBytes()));
  failed.value().strategy = std::move(advice.strategy);
  return failed;
}

}  // namespace rookery::engine
