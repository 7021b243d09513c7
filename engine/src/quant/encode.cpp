// SPDX-License-Identifier: GPL-3.0-or-later
// Finding codes and scales. The simple types round from the extremes as ggml does; the K types and Int4 look for the
// scale with the least (weighted) squared error among candidates around the extremes, by linear regression.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "quant/blocks.h"
#include "quant/convert.h"
#include "quant/k_blocks.h"

namespace rookery::engine {

namespace {

using Values = std::span<const float>;

// NaN, infinities and inverses that overflow must not reach the cast: there it is undefined.
int nearest(float scaled, int least, int most) {
  if (std::isnan(scaled)) return std::clamp(0, least, most);
  return static_cast<int>(std::clamp(std::round(scaled), static_cast<float>(least), static_cast<float>(most)));
}

float inverse(float x) { return x != 0 ? 1.0F / x : 0.0F; }

// The value farthest from zero, with its sign.
float extreme(Values x) {
  return *std::max_element(x.begin(), x.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

// Codes -n .. n - 1, where the extreme value gets -n: its sign decides the sign of the scale.
void roundSymmetric(Values x, int n, BlockParts& parts) {
  const float d = extreme(x) / static_cast<float>(-n), id = inverse(d);
  parts.d = floatToHalf(d);
  for (std::size_t i = 0; i < x.size(); ++i) parts.codes[i] = static_cast<std::uint8_t>(nearest(x[i] * id, -n, n - 1) + n);
}

void roundFromMinimum(Values x, int most, BlockParts& parts) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const float d = (*high - *low) / static_cast<float>(most), id = inverse(d);
  parts.d = floatToHalf(d);
  parts.m = floatToHalf(*low);
  for (std::size_t i = 0; i < x.size(); ++i) parts.codes[i] = static_cast<std::uint8_t>(nearest((x[i] - *low) * id, 0, most));
}

void roundBytes(Values x, BlockParts& parts) {
  const float d = std::fabs(extreme(x)) / 127.0F, id = inverse(d);
  parts.d = floatToHalf(d);
  for (std::size_t i = 0; i < x.size(); ++i) parts.codes[i] = static_cast<std::uint8_t>(nearest(x[i] * id, -128, 127));
}

void roundToNf4(Values x, BlockParts& parts) {
  parts.d = floatToHalf(std::fabs(extreme(x)));
  const float id = inverse(halfToFloat(parts.d));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float wanted = x[i] * id;
    std::size_t above = 1;  // the first value that is not below, counted: a search would be mispredicted branches
    for (std::size_t t = 1; t + 1 < kNf4Table.size(); ++t) above += kNf4Table[t] < wanted ? 1 : 0;
    parts.codes[i] = static_cast<std::uint8_t>(above - (wanted - kNf4Table[above - 1] < kNf4Table[above] - wanted ? 1 : 0));
  }
}

// The scale s that makes the weighted squares of x - s c, c in [-n, n - 1], smallest among candidates.
float fitSymmetric(Values x, int n, bool weighted) {
  const float most = extreme(x);
  if (!(std::fabs(most) > 1e-15F) || !std::isfinite(most)) return 0;
  float best = 0, scale = 0;
  for (int sign : {-1, 1}) {
    for (int step = -9; step <= 9; ++step) {
      const float id = static_cast<float>(sign) * (static_cast<float>(n) + 0.1F * static_cast<float>(step)) / most;
      float xc = 0, cc = 0;
      for (const float v : x) {
        const auto c = static_cast<float>(nearest(v * id, -n, n - 1));
        const float w = weighted ? v * v : 1.0F;
        xc += w * v * c;
        cc += w * c * c;
      }
      if (cc > 0 && xc * xc > best * cc) {
        best = xc * xc / cc;
        scale = xc / cc;
      }
    }
  }
  return scale;
}

struct Affine {
  float scale = 0, low = 0;  ///< x = scale * c - low, low >= 0
};

// Regression of x on codes 0 .. most for candidate scales; large values and the block's size weigh in.
Affine fitAffine(Values x, int most) {
  const auto ends = std::minmax_element(x.begin(), x.end());
  const float low = std::min(*ends.first, 0.0F), range = *ends.second - low;
  if (!(range > 0) || !std::isfinite(range)) return {0, std::isfinite(low) ? -low : 0};
  float square = 0;
  for (const float v : x) square += v * v;
  const float rms = std::sqrt(square / static_cast<float>(x.size()));
  Affine best{range / static_cast<float>(most), -low};
  float bestError = INFINITY;
  for (int step = -10; step <= 10; ++step) {
    const float id = (static_cast<float>(most) + 0.1F * static_cast<float>(step)) / range;
    float w1 = 0, wx = 0, wc = 0, wcc = 0, wxc = 0;
    const auto code = [&](float v) { return static_cast<float>(nearest(id * (v - low), 0, most)); };
    for (const float v : x) {
      const float w = rms + std::fabs(v), c = code(v);
      w1 += w;
      wx += w * v;
      wc += w * c;
      wcc += w * c * c;
      wxc += w * v * c;
    }
    const float determinant = w1 * wcc - wc * wc;
    if (!(determinant > 0)) continue;
    Affine fit{(w1 * wxc - wx * wc) / determinant, -(wcc * wx - wc * wxc) / determinant};
    if (fit.low < 0) fit = {wxc / wcc, 0};
    float error = 0;
    for (const float v : x) {
      const float difference = fit.scale * code(v) - fit.low - v;
      error += (rms + std::fabs(v)) * difference * difference;
    }
    if (error < bestError && fit.scale > 0) {
      bestError = error;
      best = fit;
    }
  }
  return best;
}

void quantiseAffineK(DType type, Values x, BlockParts& parts) {
  const int most = type == DType::Q4_K ? 15 : 31;
  std::array<Affine, 8> fits;
  float scale = 0, low = 0;
  for (std::size_t j = 0; j < 8; ++j) {
    fits[j] = fitAffine(x.subspan(j * 32, 32), most);
    scale = std::max(scale, fits[j].scale);
    low = std::max(low, fits[j].low);
  }
  parts.d = floatToHalf(scale / 63.0F);
  parts.m = floatToHalf(low / 63.0F);
  for (std::size_t j = 0; j < 8; ++j) {
    parts.scales[j] = static_cast<std::int8_t>(nearest(fits[j].scale * 63.0F * inverse(scale), 0, 63));
    parts.mins[j] = static_cast<std::uint8_t>(nearest(fits[j].low * 63.0F * inverse(low), 0, 63));
    // Once more, with the scales as they are stored.
    const float d = halfToFloat(parts.d) * static_cast<float>(parts.scales[j]);
    const float m = halfToFloat(parts.m) * static_cast<float>(parts.mins[j]);
    for (std::size_t i = j * 32; i < (j + 1) * 32; ++i)
      parts.codes[i] = static_cast<std::uint8_t>(d != 0 ? nearest((x[i] + m) / d, 0, most) : 0);
  }
}

void quantiseQ6(Values x, BlockParts& parts) {
  std::array<float, 16> fits;
  for (std::size_t j = 0; j < 16; ++j) fits[j] = fitSymmetric(x.subspan(j * 16, 16), 32, true);
  const float scale = extreme(fits) / -128.0F, id = inverse(scale);
  parts.d = floatToHalf(scale);
  for (std::size_t j = 0; j < 16; ++j) {
    parts.scales[j] = static_cast<std::int8_t>(nearest(fits[j] * id, -128, 127));
    const float d = halfToFloat(parts.d) * static_cast<float>(parts.scales[j]);
    for (std::size_t i = j * 16; i < (j + 1) * 16; ++i)
      parts.codes[i] = static_cast<std::uint8_t>((d != 0 ? nearest(x[i] / d, -32, 31) : 0) + 32);
  }
}

void quantiseInt4(Values x, BlockParts& parts) {
  parts.d = floatToHalf(fitSymmetric(x, 8, false));
  const float id = inverse(halfToFloat(parts.d));
  for (std::size_t i = 0; i < x.size(); ++i) parts.codes[i] = static_cast<std::uint8_t>(nearest(x[i] * id, -8, 7) + 8);
}

}  // namespace

void quantiseBlock(DType type, std::span<const float> in, BlockParts& parts) noexcept {
  switch (type) {
    case DType::Q8_0: case DType::Int8: return roundBytes(in, parts);
    case DType::Q4_0: return roundSymmetric(in, 8, parts);
    case DType::Q5_0: return roundSymmetric(in, 16, parts);
    case DType::Q4_1: return roundFromMinimum(in, 15, parts);
    case DType::Q5_1: return roundFromMinimum(in, 31, parts);
    case DType::NF4: return roundToNf4(in, parts);
    case DType::Int4: return quantiseInt4(in, parts);
    case DType::Q4_K: case DType::Q5_K: return quantiseAffineK(type, in, parts);
    case DType::Q6_K: return quantiseQ6(in, parts);
    default: return;
  }
}

}  // namespace rookery::engine
