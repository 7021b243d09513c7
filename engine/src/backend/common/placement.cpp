// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/common/weight_rows.h"
#include "kernels/packed_format.h"
#include "program/weight_part.h"

namespace rookery::engine {

namespace {

DType targetType(const Weight& weight, DType source, std::optional<DType> precision, LowRankTypes lowRank) {
  if (weight.role == WeightRole::Vector) return DType::F32;
  const DType type = precision ? storedAs(*precision, partOf(weight), weight.cols) : source;
  const bool plain = type == DType::F32 || type == DType::F16 || type == DType::BF16;
  return weight.role == WeightRole::LowRank && lowRank == LowRankTypes::Plain && !plain ? DType::F32 : type;
}

Result<void> checkShape(const Weight& weight, const WeightView& view) {
  if (view.rows == weight.rows && view.cols == weight.cols) return {};
  return fail(ErrorCode::TensorMismatch, fmt::format("Tensor {} is [{}, {}]; the model needs [{}, {}].", weight.name,
                                                     view.rows, view.cols, weight.rows, weight.cols));
}

}  // namespace

Result<Placement> planPlacement(const Program& program, WeightSource& source, const PlaceOptions& options,
                                const DeviceTraits& traits) {
  const bool sparseFfn = options.sparseFfn.value_or(traits.skippingZerosPays);
  Placement placement;
  for (const Weight& weight : program.weights) {
    const auto view = source.describe(weight.name);
    if (!view) return tl::unexpected(view.error());
    if (auto good = checkShape(weight, *view); !good) return tl::unexpected(good.error());
    WeightPlacement plan{targetType(weight, view->dtype, options.precision, traits.lowRank)};
    if (weight.role == WeightRole::Vector) {
      plan.bytes = static_cast<std::uint64_t>(weight.rows) * sizeof(float);
    } else if (weight.role == WeightRole::Embedding) {
      plan.bytes = byteSize(plan.type, static_cast<std::uint64_t>(weight.rows * weight.cols));
    } else {
      plan.panelRows = kernels::kTileRows;
      if (weight.role == WeightRole::SparseDown && sparseFfn)
        plan.panelRows = (weight.rows + kernels::kTileRows - 1) / kernels::kTileRows * kernels::kTileRows;
      plan.bytes = static_cast<std::uint64_t>(kernels::packedBytes(kernelFormat(plan.type), weight.rows, weight.cols));
    }
    auto& components = placement.components;
    auto component =
        std::find_if(components.begin(), components.end(), [&](const auto& c) { return c.name == weight.component; });
    if (component == components.end())
      component = components.insert(components.end(),
                                    {weight.component, 0, traits.tablesOnHost && isLookedUp(weight.component)});
    plan.component = static_cast<std::size_t>(component - components.begin());
    plan.offset = component->bytes;
    component->bytes += placedRoom(plan.bytes);
    placement.weights.push_back(plan);
  }
  return placement;
}

}  // namespace rookery::engine
