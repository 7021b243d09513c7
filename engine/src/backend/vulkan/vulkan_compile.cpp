// SPDX-License-Identifier: GPL-3.0-or-later
// From stages to dispatches: which shader does what, with which constants and arguments.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "backend/vulkan/vulkan_executable.h"
#include "kernels/coded_format.h"
#include "rookery/device.h"

namespace rookery::engine {

using kernels::Format;
using kernels::kTileRows;

namespace {

namespace constant = shader_constant;

constexpr std::uint32_t kFewTokens = 8, kCodedFewTokens = 4;  // of a group of gemm.comp; a lane of coded weights has 16 outputs
constexpr std::uint32_t kTileOutputs = 64, kTileTokens = 64;  // of a group of tile.comp
static_assert(kFewTokens <= kVulkanTokenTile && kCodedFewTokens <= kVulkanTokenTile);
constexpr std::uint32_t kDeepOutputs = 512;
// llvmpipe leaves all loops of an invocation after 65535 rounds in total, without a word. Of a strip's loops some add up sums.
constexpr std::int64_t kMostRounds = 32768, kOtherRounds = 128;
constexpr std::uint32_t kSparseStrip = 64;   // outputs of a group where inputs are skipped

std::uint32_t outputsPerLane(Format format) { return format == Format::F32 ? 4 : kernels::isCoded(format) || format == Format::Q8_0 ? 16 : 8; }
std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

}  // namespace

std::uint32_t VulkanExecutable::subgroupsOf(std::uint32_t groupSize) const { return std::max(1U, groupSize / m_tuning.lanes); }

Result<void> VulkanExecutable::add(const std::string& shader, std::map<std::uint32_t, std::uint32_t> constants, std::span<const VulkanRecord> records,
                                   VulkanDispatch dispatch, Dispatches& out) {
  const VulkanLimits& limits = m_device->candidate().limits;
  const std::uint32_t groups = std::max(dispatch.groupsX, dispatch.groupsY);
  const std::uint64_t shared = shader == "gemm" ? gemmSharedBytes(constants[constant::Row], constants[constant::Parts]) : 0;
  if (groups > limits.groups || shared > limits.sharedBytes)
    return fail(ErrorCode::DeviceUnavailable, fmt::format("{} cannot run this model: it takes {} groups that share {} bytes each, and the device allows {} groups and {} bytes. The CPU has no such limits.",
                                                          m_device->info().name, groups, shared, limits.groups, limits.sharedBytes));
  if (m_loadStop.stop_requested()) return fail(ErrorCode::Cancelled, "Loading was stopped.");  // a driver may take seconds for a shader
  constants[constant::Subgroups] = subgroupsOf(constants[constant::GroupSize]);
  auto pipeline = m_device->pipeline(shader, constants, m_tuning.lanes);
  if (!pipeline) return tl::unexpected(pipeline.error());
  dispatch.pipeline = *pipeline;
  dispatch.firstRecord = static_cast<std::uint32_t>(m_recordList.size());
  dispatch.recordCount = static_cast<std::uint32_t>(records.size());
  m_recordList.insert(m_recordList.end(), records.begin(), records.end());
  out.push_back(dispatch);
  return {};
}

Result<void> VulkanExecutable::compileStage(const Stage& stage, Size size, Dispatches& body, Dispatches& head) {
  const auto c = static_cast<std::uint32_t>(m_program.shape.nEmbd);
  GemmOptions options;
  options.size = size;

  if (const auto* embed = std::get_if<Embed>(&stage.op)) return addNorm(embed, nullptr, body);
  if (std::holds_alternative<LookUp>(stage.op)) return {};  // rows come with the inputs

  if (const auto* group = std::get_if<GemvGroup>(&stage.op)) {
    // Where a group cannot hold the row, it is mixed before.
    const bool fits = gemmSharedBytes(c, std::uint64_t{subgroupsOf(m_tuning.groupSize)} * kTileRows) <= m_device->candidate().limits.sharedBytes;
    const bool fused = size == Size::One && fits && group->prologue && group->prologue->up == kNone;
    if (fused) options.prologue = &*group->prologue;
    if (group->prologue && !fused) {
      if (auto good = addMix(*group->prologue, stage.layer, body); !good) return good;
    }
    return addGemms(group->gemvs, options, stage.layer, body);
  }

  if (const auto* down = std::get_if<SparseDown>(&stage.op)) {
    options.accumulate = true;
    options.gate = down->gate;
    return addGemms({{down->matrix, down->in, down->out}}, options, stage.layer, body);
  }

  if (const auto* last = std::get_if<HeadGemv>(&stage.op)) {
    if (auto good = addNorm(nullptr, last, head); !good) return good;
    options.toLogits = true;
    return addGemms({{last->matrix, m_headIn, kNone}}, options, stage.layer, head);
  }

  VulkanDispatch dispatch;
  dispatch.layer = stage.layer;
  VulkanRecord record;
  auto& v = record.values;
  if (const auto* wkv = std::get_if<Wkv4>(&stage.op)) {
    using namespace wkv4_record;
    record.weights = {m_weights->address(wkv->decay), m_weights->address(wkv->first)};
    v[Ld] = ld(wkv->r);
    v[R] = offset(wkv->r);
    v[K] = offset(wkv->k);
    v[V] = offset(wkv->v);
    v[Aa] = stateOffset(wkv->aa);
    v[Bb] = stateOffset(wkv->bb);
    v[Pp] = stateOffset(wkv->pp);
    v[Out] = offset(wkv->out);
    v[Width] = c;
    dispatch.groupsX = (c + m_tuning.groupSize - 1) / m_tuning.groupSize;
    return add("wkv4", {{constant::GroupSize, m_tuning.groupSize}}, std::span(&record, 1), dispatch, body);
  }

  if (const auto* deep = std::get_if<DeepEmbed>(&stage.op)) {
    using namespace deep_record;
    const kernels::PackedMatrix& s2 = m_weights->matrix(deep->s2);
    record.weights = {m_weights->address(deep->s0), m_weights->address(deep->s2)};
    v[Width] = static_cast<std::uint32_t>(s2.rows);
    v[Query] = offset(deep->query);
    v[LdQuery] = ld(deep->query);
    v[Row] = offset(deep->row);
    v[LdRow] = ld(deep->row);
    v[Hidden] = offset(deep->hidden);
    v[LdHidden] = ld(deep->hidden);
    // Of a group, each of which makes the product of query and row for itself.
    const std::uint32_t outputs = std::max(kDeepOutputs, m_tuning.groupSize);
    dispatch.tokensPerGroup = 1;
    dispatch.groupsY = (v[Width] + outputs - 1) / outputs;
    const std::map<std::uint32_t, std::uint32_t> constants{{constant::GroupSize, m_tuning.groupSize},
                                                           {constant::FormatA, static_cast<std::uint32_t>(s2.format)},
                                                           {constant::Row, static_cast<std::uint32_t>(s2.cols)}};
    return add("deep", constants, std::span(&record, 1), dispatch, body);
  }

  const auto headSize = static_cast<std::uint32_t>(m_program.shape.headSize);
  const auto heads = static_cast<std::uint32_t>(m_program.shape.heads());
  dispatch.groupsX = heads;
  const std::map<std::uint32_t, std::uint32_t> constants{
      {constant::GroupSize, std::max(std::bit_ceil(headSize), m_tuning.lanes)}, {constant::Head, headSize}};

  if (const auto* wkv = std::get_if<Wkv5>(&stage.op)) {
    using namespace wkv5_record;
    if (wkv->decayUp != kNone) {
      if (auto good = addGemms({{wkv->decayUp, wkv->decayHidden, m_up[0]}}, options, stage.layer, body); !good) return good;
    }
    record.weights = {m_weights->address(wkv->decay), m_weights->address(wkv->first), m_weights->address(wkv->lnWeight), m_weights->address(wkv->lnBias)};
    v[Ld] = ld(wkv->r);
    v[R] = offset(wkv->r);
    v[K] = offset(wkv->k);
    v[V] = offset(wkv->v);
    v[Gate] = wkv->gate == kNone ? kNoOffset : offset(wkv->gate);
    v[DecayUp] = wkv->decayUp == kNone ? kNoOffset : offset(m_up[0]);
    v[Out] = offset(wkv->out);
    v[StateAt] = stateOffset(wkv->state);
    v[PerHead] = m_program.weights[static_cast<std::size_t>(wkv->decay)].rows == heads ? 1 : 0;
    return add("wkv5", constants, std::span(&record, 1), dispatch, body);
  }

  const auto& wkv = std::get<Wkv7>(stage.op);
  using namespace wkv7_record;
  std::vector<Gemv> ups{{wkv.w2, wkv.wHidden, m_up[0]}, {wkv.a2, wkv.aHidden, m_up[1]}, {wkv.g2, wkv.gHidden, m_up[3]}};
  if (wkv.vFirst != kNone) ups.push_back({wkv.v2, wkv.vHidden, m_up[2]});
  if (auto good = addGemms(ups, options, stage.layer, body); !good) return good;
  record.weights = {addressOf(wkv.w0), addressOf(wkv.a0), addressOf(wkv.v0), addressOf(wkv.kK),
                    addressOf(wkv.kA), addressOf(wkv.rK), addressOf(wkv.lnWeight), addressOf(wkv.lnBias)};
  v[Ld] = ld(wkv.r);
  v[R] = offset(wkv.r);
  v[K] = offset(wkv.k);
  v[V] = offset(wkv.v);
  v[VFirst] = wkv.vFirst == kNone ? kNoOffset : offset(wkv.vFirst);
  v[W] = offset(m_up[0]);
  v[A] = offset(m_up[1]);
  v[VUp] = offset(m_up[2]);
  v[Gate] = offset(m_up[3]);
  v[Out] = offset(wkv.out);
  v[StateAt] = stateOffset(wkv.state);
  return add("wkv7", constants, std::span(&record, 1), dispatch, body);
}

Result<void> VulkanExecutable::addNorm(const Embed* embed, const HeadGemv* head, Dispatches& out) {
  using namespace norm_record;
  const auto c = static_cast<std::uint32_t>(m_program.shape.nEmbd);
  VulkanRecord record;
  record.weights = {m_weights->address(embed != nullptr ? embed->lnWeight : head->lnWeight), m_weights->address(embed != nullptr ? embed->lnBias : head->lnBias)};
  const ValueId to = embed != nullptr ? embed->out : m_headIn;
  record.values[Width] = c;
  record.values[From] = embed != nullptr ? 0 : offset(head->x);
  record.values[LdFrom] = embed != nullptr ? 0 : ld(head->x);
  record.values[To] = offset(to);
  record.values[LdTo] = ld(to);
  record.values[Eps] = bits(embed != nullptr ? embed->eps : head->eps);
  record.values[Copy] = embed != nullptr && embed->copy != kNone ? offset(embed->copy) : kNoOffset;
  VulkanDispatch dispatch;
  dispatch.option = embed != nullptr ? 0 : 1;
  dispatch.tokensPerGroup = 1;
  return add("norm", {{constant::GroupSize, m_tuning.groupSize}}, std::span(&record, 1), dispatch, out);
}

Result<void> VulkanExecutable::addMix(const NormShiftMix& op, int layer, Dispatches& out) {
  using namespace mix_record;
  const auto c = static_cast<std::uint32_t>(m_program.shape.nEmbd);
  VulkanRecord record;
  record.weights[0] = m_weights->address(op.lnWeight);
  record.weights[1] = m_weights->address(op.lnBias);
  auto& v = record.values;
  v[Width] = c;
  v[X] = offset(op.x);
  v[LdX] = ld(op.x);
  v[Shift] = stateOffset(op.shift);
  v[Form] = static_cast<std::uint32_t>(op.form);
  v[Eps] = bits(op.eps);
  v[LdOut] = ld(op.x);
  std::map<std::uint32_t, std::uint32_t> constants{{constant::GroupSize, m_tuning.groupSize}};
  if (op.up != kNone) {
    const kernels::PackedMatrix& up = m_weights->matrix(op.up);
    record.weights[2] = m_weights->address(op.up);
    v[Hidden] = offset(op.hidden);
    v[LdHidden] = ld(op.hidden);
    v[Rank] = static_cast<std::uint32_t>(up.cols);
    constants[constant::Dependent] = 1;
    constants[constant::FormatA] = static_cast<std::uint32_t>(up.format);
  }
  for (std::size_t m = 0; m < op.mixes.size(); ++m) {
    record.weights[3 + m] = addressOf(op.mixes[m].mix);
    v[Out0 + m] = offset(op.mixes[m].out);
  }
  VulkanDispatch dispatch;
  dispatch.tokensPerGroup = 1;
  dispatch.layer = layer;
  const std::size_t mixes = op.mixes.size();
  if (op.up != kNone) {  // rounds of a lane
    const std::int64_t rounds = std::int64_t{c} / m_tuning.groupSize * static_cast<std::int64_t>(mixes) * v[Rank];
    dispatch.groupsY += static_cast<std::uint32_t>(rounds / kMostRounds);
  }
  if (auto good = add("mix", std::move(constants), std::span(&record, 1), dispatch, out); !good) return good;
  out.back().recordCount = static_cast<std::uint32_t>(mixes);  // the shader's count of mixes
  return {};
}

// On a processor groups are expensive and lanes few, and every group of a fused dispatch makes its input for itself: a
// few groups for each core.
std::uint32_t VulkanExecutable::stripsPerGroup(std::span<const Gemv> gemvs, std::uint32_t strip) const {
  std::int64_t strips = 0, rounds = 0;  // of a lane's loop over the inputs
  for (const Gemv& gemv : gemvs) {
    const kernels::PackedMatrix& w = m_weights->matrix(gemv.matrix);
    strips += (w.paddedRows() + strip - 1) / strip;
    rounds = std::max(rounds, w.cols * std::max(1U, strip / outputsPerLane(w.format)) / m_tuning.groupSize);
  }
  const std::int64_t groups = 8 * std::int64_t{physicalCores()};
  const std::int64_t wanted = m_tuning.strips != 0 ? m_tuning.strips : (strips + groups - 1) / groups;
  const std::int64_t fewest = fewestStripsPerGroup(m_device->candidate().limits, strips, static_cast<std::int64_t>(gemvs.size()));
  return static_cast<std::uint32_t>(std::max(fewest, std::min(wanted, kMostRounds / (rounds + kOtherRounds) + 1)));
}

Result<void> VulkanExecutable::addGemms(const std::vector<Gemv>& gemvs, const GemmOptions& options, int layer, Dispatches& out) {
  // A dispatch knows three formats at most; quantised files have low-rank matrices of two beside them.
  struct Part {
    std::vector<Gemv> gemvs;
    std::vector<Format> formats;
  };
  std::vector<Part> parts;
  for (const Gemv& gemv : gemvs) {
    const Format format = m_weights->matrix(gemv.matrix).format;
    const auto known = [&] { return std::find(parts.back().formats.begin(), parts.back().formats.end(), format) != parts.back().formats.end(); };
    if (parts.empty() || (parts.back().formats.size() == Formats{}.size() && !known())) parts.emplace_back();
    if (!known()) parts.back().formats.push_back(format);
    parts.back().gemvs.push_back(gemv);
  }
  for (Part& part : parts) {
    part.formats.resize(Formats{}.size(), part.formats.back());
    if (auto good = addGemm(part.gemvs, {part.formats[0], part.formats[1], part.formats[2]}, options, layer, out); !good) return good;
  }
  return {};
}

// Decode and a few tokens: gemm.comp, the same bits for each token. Many: tile.comp.
Result<void> VulkanExecutable::addGemm(std::span<const Gemv> gemvs, const Formats& formats, const GemmOptions& options, int layer, Dispatches& out) {
  using namespace gemm_record;
  const bool tiles = options.size == Size::Many, one = options.size == Size::One;
  const bool sparse = m_weights->matrix(gemvs.front().matrix).panelRows != kTileRows;
  const bool coded = std::any_of(formats.begin(), formats.end(), [](Format format) { return outputsPerLane(format) == 16; });
  const std::uint32_t lanes = m_device->candidate().leastLanes;  // or the order of sums would follow the tuning
  const std::uint32_t strip = tiles    ? kTileOutputs
                              : sparse ? std::min(kSparseStrip, lanes * outputsPerLane(formats[0]))
                                       : static_cast<std::uint32_t>(kTileRows);
  const std::uint32_t oneToken = subgroupsOf(m_tuning.groupSize) * strip;  // sums in shared memory
  const std::uint32_t tokens = tiles ? kTileTokens : one ? 1 : std::min(coded ? kCodedFewTokens : kFewTokens, std::max(1U, mostParts(m_device->candidate().limits) / oneToken));
  const std::uint32_t perGroup = tiles ? 1 : stripsPerGroup(gemvs, strip);
  std::vector<VulkanRecord> records;
  std::uint32_t groups = 0;
  for (const Gemv& gemv : gemvs) {
    const kernels::PackedMatrix& w = m_weights->matrix(gemv.matrix);
    VulkanRecord record;
    record.weights[0] = m_weights->address(gemv.matrix);
    auto& v = record.values;
    v[FirstGroup] = groups;
    v[Strips] = static_cast<std::uint32_t>((w.paddedRows() + strip - 1) / strip);
    v[Rows] = static_cast<std::uint32_t>(w.rows);
    v[Cols] = static_cast<std::uint32_t>(w.cols);
    v[X] = offset(gemv.in);
    v[LdX] = ld(gemv.in);
    if (!options.toLogits) {
      v[Y] = offset(gemv.out);
      v[LdY] = ld(gemv.out);
    }
    v[Gate] = options.gate == kNone ? kNoOffset : offset(options.gate);
    if (options.gate != kNone) v[LdGate] = ld(options.gate);
    v[Flags] = static_cast<std::uint32_t>(gemv.activation) | (gemv.accumulate || options.accumulate ? kAccumulate : 0) |
               (options.toLogits ? kToLogits : 0) | static_cast<std::uint32_t>(w.format) << kFormatShift;
    v[PanelRows] = static_cast<std::uint32_t>(w.panelRows);
    if (options.prologue != nullptr) {
      const NormShiftMix& norm = *options.prologue;
      const auto mix = std::find_if(norm.mixes.begin(), norm.mixes.end(), [&](const auto& m) { return m.out == gemv.in; });
      record.weights[1] = m_weights->address(norm.lnWeight);
      record.weights[2] = m_weights->address(norm.lnBias);
      record.weights[3] = addressOf(mix->mix);
      v[FusedX] = offset(norm.x);
      v[Shift] = stateOffset(norm.shift);
      v[Form] = static_cast<std::uint32_t>(norm.form);
      v[Eps] = bits(norm.eps);
    }
    groups += (v[Strips] + perGroup - 1) / perGroup;
    records.push_back(record);
  }
  VulkanDispatch dispatch;
  dispatch.option = options.toLogits ? 1 : 0;
  dispatch.tokensPerGroup = tokens;
  dispatch.groupsY = groups;
  dispatch.layer = layer;
  if (tiles) {
    return add("tile", {{constant::GroupSize, kTileOutputs * kTileTokens / 16}, {constant::FormatA, static_cast<std::uint32_t>(formats[0])}, {constant::FormatB, static_cast<std::uint32_t>(formats[1])},
                        {constant::FormatC, static_cast<std::uint32_t>(formats[2])}},
               records, dispatch, out);
  }
  const std::map<std::uint32_t, std::uint32_t> constants{
      {constant::GroupSize, m_tuning.groupSize},
      {constant::FormatA, static_cast<std::uint32_t>(formats[0])},
      {constant::FormatB, static_cast<std::uint32_t>(formats[1])},
      {constant::FormatC, static_cast<std::uint32_t>(formats[2])},
      {constant::Tokens, tokens},
      {constant::Strip, strip},
      {constant::Fused, options.prologue != nullptr ? 1 : 0},
      {constant::Row, options.prologue != nullptr ? static_cast<std::uint32_t>(m_program.shape.nEmbd) : 1},
      {constant::Sparse, sparse && one ? 1 : 0},
      {constant::StripsPerGroup, perGroup},
      {constant::Parts, tokens * oneToken},
      {constant::Part, m_tuning.part},
      {constant::Unroll, one ? m_tuning.unroll : 1},
  };
  return add("gemm", constants, records, dispatch, out);
}

}  // namespace rookery::engine
