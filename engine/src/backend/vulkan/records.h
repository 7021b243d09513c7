// SPDX-License-Identifier: GPL-3.0-or-later
// The arguments of shaders that do not change from run to run, as shaders/common.glsl declares them. Offsets are in
// floats, from the start of the activations or of the state.
#pragma once

#include <array>
#include <cstdint>

namespace rookery::engine {

inline constexpr std::uint32_t kNoOffset = 0xFFFFFFFFU;

struct VulkanRecord {
  std::array<std::uint64_t, 12> weights{};
  std::array<std::uint32_t, 20> values{};
};
static_assert(sizeof(VulkanRecord) == 176);

/// Places in `values`, one list per shader. `weights` are named where they are set; where a mix's is 0, the
/// input is n itself.
namespace norm_record { enum : std::uint8_t { Width, From, LdFrom, To, LdTo, Eps, Copy }; }
namespace mix_record { enum : std::uint8_t { Width, X, LdX, Shift, Form, Eps, Hidden, LdHidden, Rank, LdOut, Out0 }; }
namespace gemm_record {
enum : std::uint8_t { FirstGroup, Strips, Rows, Cols, X, LdX, Y, LdY, Gate, LdGate, Flags, PanelRows, FusedX, Shift, Form, Eps };
inline constexpr std::uint32_t kAccumulate = 1U << 8U, kToLogits = 1U << 9U, kFormatShift = 16;
}
namespace deep_record { enum : std::uint8_t { Width, Query, LdQuery, Row, LdRow, Hidden, LdHidden }; }
namespace wkv4_record { enum : std::uint8_t { Ld, R, K, V, Aa, Bb, Pp, Out, Width }; }
namespace wkv5_record { enum : std::uint8_t { Ld, R, K, V, Gate, DecayUp, Out, StateAt, PerHead }; }
namespace wkv7_record { enum : std::uint8_t { Ld, R, K, V, VFirst, W, A, VUp, Gate, Out, StateAt }; }

/// Constants of pipelines, by constant_id.
namespace shader_constant {
enum : std::uint8_t { GroupSize, FormatA, FormatB, Tokens, Strip, Fused, Row, Sparse, Dependent, StripsPerGroup, Head, Part, Subgroups, Parts, Unroll, FormatC };
}

}  // namespace rookery::engine
