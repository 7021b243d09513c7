// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "backend/common/backend.h"
#include "strategy/segments.h"

namespace rookery::engine {

/// A segment and what runs it. Segments on one device share its backend.
struct SplitPart {
  std::shared_ptr<Backend> backend;
  Segment segment;
};

/// One model over several devices or weight types: a backend made of others, which runs segment after segment and
/// carries the values between them through the computer's memory. `parts`: two at least, in the order of the layers, the
/// whole model. It is given the whole model's program and state, and cuts them itself.
std::shared_ptr<Backend> makeSplitBackend(std::vector<SplitPart> parts);

}  // namespace rookery::engine
