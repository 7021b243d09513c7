// SPDX-License-Identifier: GPL-3.0-or-later
// Vulkan's types and volk's function tables. Nothing links libvulkan: it is looked for when a device is asked for.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <volk.h>

#include <string_view>

#include "rookery/result.h"

namespace rookery::engine {

/// What a failed call means: out of memory, device lost, or its number.
tl::unexpected<Error> vulkanFailure(VkResult result, std::string_view what);

}  // namespace rookery::engine
