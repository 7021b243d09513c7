// SPDX-License-Identifier: GPL-3.0-or-later
// What C++ and shaders must agree on: the places in a record, and the numbers of constants. Included by both.
#ifdef __cplusplus
#pragma once
#include <cstdint>
#define ROOKERY_UINT inline constexpr std::uint32_t
namespace rookery::shaders {
#else
#define ROOKERY_UINT const uint
#endif

/// Of a record: addresses of weights, named where they are used, and values.
ROOKERY_UINT kRecordWeights = 12, kRecordValues = 20;
/// A value that is not there. Values are counted in floats from the start of the activations or of the state.
ROOKERY_UINT kNoOffset = 0xFFFFFFFFu;

/// Places in the values of a record, one list per shader. A mix whose weight is 0 is n itself.
ROOKERY_UINT kNormWidth = 0, kNormFrom = 1, kNormLdFrom = 2, kNormTo = 3, kNormLdTo = 4, kNormEps = 5, kNormCopy = 6;
ROOKERY_UINT kMixWidth = 0, kMixX = 1, kMixLdX = 2, kMixShift = 3, kMixForm = 4, kMixEps = 5, kMixHidden = 6, kMixLdHidden = 7, kMixRank = 8,
             kMixLdOut = 9, kMixOut0 = 10;
/// gemm.comp and tile.comp; from FusedX on of the mix that is part of it.
ROOKERY_UINT kGemmFirstGroup = 0, kGemmStrips = 1, kGemmRows = 2, kGemmCols = 3, kGemmX = 4, kGemmLdX = 5, kGemmY = 6, kGemmLdY = 7, kGemmGate = 8,
             kGemmLdGate = 9, kGemmFlags = 10, kGemmPanelRows = 11, kGemmFusedX = 12, kGemmShift = 13, kGemmForm = 14, kGemmEps = 15;
/// Bits of kGemmFlags behind the activation's.
ROOKERY_UINT kGemmAccumulateBit = 8, kGemmToLogitsBit = 9, kGemmFormatBit = 16;
ROOKERY_UINT kDeepWidth = 0, kDeepQuery = 1, kDeepLdQuery = 2, kDeepRow = 3, kDeepLdRow = 4, kDeepHidden = 5, kDeepLdHidden = 6;
ROOKERY_UINT kWkv4Ld = 0, kWkv4R = 1, kWkv4K = 2, kWkv4V = 3, kWkv4Aa = 4, kWkv4Bb = 5, kWkv4Pp = 6, kWkv4Out = 7, kWkv4Width = 8;
ROOKERY_UINT kWkv5Ld = 0, kWkv5R = 1, kWkv5K = 2, kWkv5V = 3, kWkv5Gate = 4, kWkv5DecayUp = 5, kWkv5Out = 6, kWkv5StateAt = 7, kWkv5PerHead = 8;
ROOKERY_UINT kWkv7Ld = 0, kWkv7R = 1, kWkv7K = 2, kWkv7V = 3, kWkv7VFirst = 4, kWkv7W = 5, kWkv7A = 6, kWkv7VUp = 7, kWkv7Gate = 8, kWkv7Out = 9,
             kWkv7StateAt = 10;

/// Constants of pipelines (constant_id).
ROOKERY_UINT kIdGroupSize = 0, kIdFormatA = 1, kIdFormatB = 2, kIdTokens = 3, kIdStrip = 4, kIdFused = 5, kIdRow = 6, kIdSparse = 7, kIdDependent = 8,
             kIdStripsPerGroup = 9, kIdHead = 10, kIdPart = 11, kIdSubgroups = 12, kIdParts = 13, kIdUnroll = 14, kIdFormatC = 15;
/// Of read.comp.
ROOKERY_UINT kIdLoads = 3, kIdStrided = 7, kIdFill = 8;

#ifdef __cplusplus
}  // namespace rookery::shaders
#endif
#undef ROOKERY_UINT
