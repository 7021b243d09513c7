// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace rookery::engine {

/// What a device's kernels take as low-rank matrices, which are 2-3 % of the bytes.
enum class LowRankTypes { All, Plain };  ///< Plain: coded ones are placed as fp32

/// What planning and placing must know of a device; the rest is its backend's business.
struct DeviceTraits {
  LowRankTypes lowRank = LowRankTypes::All;
  /// Tables of which a token reads a row (isLookedUp) lie in the computer's memory, and their rows come with each run's
  /// inputs; else they lie with the other weights.
  bool tablesOnHost = false;
  unsigned leastState = 0;        ///< bytes of the state of a head alone, which has none, where no buffer can be empty
  bool skippingZerosPays = true;  ///< what PlaceOptions::sparseFfn is where nobody says it
  bool warmsUp = false;           ///< a driver finishes its work in the first runs: they are made while loading
};

}  // namespace rookery::engine
