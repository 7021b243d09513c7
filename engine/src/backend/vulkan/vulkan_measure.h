// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>

#include "backend/vulkan/vulkan_device.h"
#include "backend/vulkan/vulkan_weights.h"

namespace rookery::engine {

/// For a program and its placed weights: what ROOKERY_VULKAN_TUNING says (as parseTuning; "measure": measured anew);
/// else on a software device what is known to be good; else what was measured before (kept in the cache folder, per
/// device, driver, shape and format), or is measured now, in what the device's record leaves of 2 seconds. A stage for
/// which that is not enough goes on from the tuning of the stage before, and nothing is kept of it. Entered in the
/// record. Cancelled, between two candidates. The first candidate's compilation comes before those seconds: its shaders
/// are needed to run the model at all, and how long a driver takes for them can neither be told beforehand nor be cut
/// short.
Result<VulkanTuning> tuningFor(const Program& program, const std::shared_ptr<const VulkanWeights>& weights,
                               const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop = {});

}  // namespace rookery::engine
