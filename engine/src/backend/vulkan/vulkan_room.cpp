// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_room.h"

#include <fmt/format.h>

#include "backend/common/runs.h"

namespace rookery::engine {

namespace {

constexpr std::int64_t kOwnValues = 5;  // that the executable adds, as wide as x
constexpr std::uint64_t kStates = 3;    // a run reads one and writes another; the third is kept while a stop text is awaited

std::uint64_t activationBytes(const Program& program) {
  std::int64_t row = kOwnValues * paddedWidth(program.shape.nEmbd);
  for (const Value& value : program.values) row += paddedWidth(value.width);
  return static_cast<std::uint64_t>(row) * longestRun(program.shape) * sizeof(float);
}

std::uint64_t stateBytes(const Program& program, std::size_t layers) { return kStates * layers * program.stateLayout.floatsPerLayer * sizeof(float); }

/// How many of the program's first layers fit in `room`, and the bytes of their weights.
std::pair<std::size_t, std::uint64_t> layersThatFit(const Program& program, const Placement& placement, std::uint64_t room) {
  const std::uint64_t activations = activationBytes(program);
  std::size_t layers = 0, fitting = 0;
  std::uint64_t bytes = 0, fittingBytes = 0;
  for (const ComponentPlacement& component : placement.components) {
    if (component.onHost) continue;  // ln0 goes with the layer after it
    if (component.name == "ln_out") break;
    bytes += component.bytes;
    if (!component.name.starts_with("block")) continue;
    ++layers;
    if (bytes + activations + stateBytes(program, layers) > room) break;
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

}  // namespace

std::uint64_t deviceBytes(const Placement& placement) {
  std::uint64_t total = 0;
  for (const ComponentPlacement& component : placement.components) total += component.onHost ? 0 : component.bytes;
  return total;
}

std::uint64_t workingBytes(const Program& program) {
  return activationBytes(program) + stateBytes(program, static_cast<std::size_t>(program.stateLayout.layers));
}

tl::unexpected<Error> tooLarge(const Program& program, WeightSource& source, std::optional<DType> precision, const Placement& placement,
                               const DeviceInfo& device, std::uint64_t room, std::uint64_t promised) {
  const std::uint64_t weights = deviceBytes(placement), working = workingBytes(program), onCpu = availableBytes();
  const std::string type = precision ? fmt::format(" {}", traits(*precision).name) : "";
  const auto cpuHolds = [&](std::uint64_t bytes) { return onCpu == 0 || bytes <= onCpu; };
  const LayerRange& range = program.range;
  const bool whole = range.embedding && range.head;  // else a stage of a strategy, which names the others

  std::string help, strategy;
  const auto [fitting, fittingBytes] = layersThatFit(program, placement, room);
  const int layers = range.last - range.first + (range.head ? 1 : 0);
  if (fitting == 0) {
    help += " Not one of its layers fits.";
  } else if (cpuHolds(totalBytes(placement) - fittingBytes)) {
    const std::string shared = fmt::format("{}{} *{} -> cpu{}", device.id, type, fitting, type);
    if (whole) strategy = shared;
    help += fmt::format(" {} of its {} layers{} {}: \"{}\"{}.", fitting, layers, range.head ? " (the head counts as one)" : "", fitting == 1 ? "fits" : "fit", shared,
                        whole ? "" : " in place of this stage");
  }
  std::string smallerTypes;
  for (const DType smaller : {DType::F16, DType::Int8, DType::NF4}) {
    const auto planned = planPlacement(program, source, {.precision = smaller, .sparseFfn = {}, .progress = {}}, vulkanTraits(device));
    if (!planned) continue;
    const std::uint64_t bytes = deviceBytes(*planned);
    if (bytes < weights && bytes + working <= room) smallerTypes += fmt::format("{}{} ({:.0f} MB)", smallerTypes.empty() ? "" : " or ", traits(smaller).name, megabytes(bytes));
  }
  if (!smallerTypes.empty()) help += fmt::format(" All {} would fit as {}.", whole ? "of it" : "layers of this stage", smallerTypes);
  if (cpuHolds(totalBytes(placement))) help += whole ? fmt::format(" The CPU alone has room: \"cpu{}\".", type) : fmt::format(" The CPU has room for this stage: \"cpu{}\".", type);
  auto failed = fail(ErrorCode::OutOfMemory,
              fmt::format("{} has not enough free memory: the weights take {:.0f} MB, a run {:.0f} MB more, and {:.0f} MB are free{}.{}", device.name,
                          megabytes(weights), megabytes(working), megabytes(room),
                          promised == 0 ? "" : fmt::format(" beside {:.0f} MB for a run of the stages before", megabytes(promised)), help),
              fmt::format("{}: {} + {} bytes needed, {} to be had; {} free for the CPU", device.id, weights, working, room, onCpu));
  failed.value().strategy = std::move(strategy);
  return failed;
}

}  // namespace rookery::engine
