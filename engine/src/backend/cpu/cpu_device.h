// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "rookery/device.h"

namespace rookery::engine {

/// The processor that this program runs on.
DeviceInfo cpuDevice();

}  // namespace rookery::engine
