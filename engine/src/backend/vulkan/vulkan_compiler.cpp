// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "backend/common/runs.h"
#include "kernels/coded_format.h"
#include "rookery/device.h"

namespace rookery::engine {

using kernels::Format;
using kernels::kTileRows;
using namespace shaders;

namespace {

constexpr std::uint32_t kFewTokens = 8,
                        kCodedFewTokens = 4;  // of a group of gemm.comp; a lane of coded weights has 16 outputs
constexpr std::uint32_t kTileOutputs = 64, kTileTokens = 64;  // of a group of tile.comp
static_assert(kFewTokens <= kVulkanTokenTile && kCodedFewTokens <= kVulkanTokenTile);
constexpr std::uint32_t kDeepOutputs = 512;
// llvmpipe leaves all loops of an invocation after 65535 rounds in total, without a word. Of a strip's loops some add
// up sums.
constexpr std::int64_t kMostRounds = 32768, kOtherRounds = 128;
constexpr std::uint32_t kSparseStrip = 64;  // outputs of a group where inputs are skipped

using Constants = std::map<std::uint32_t, std::uint32_t>;
using Formats = std::array<Format, 3>;  // of a dispatch; the last is repeated where there are fewer

std::uint32_t outputsPerLane(Format format) {
  return format == Format::F32 ? 4 : kernels::isCoded(format) || format == Format::Q8_0 ? 16 : 8;
}
std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }
std::uint32_t number(Format format) { return static_cast<std::uint32_t>(format); }

/// One size of a run. Visits steps.
class Compiler {
 public:
  Compiler(const CompileInput& input, const std::stop_token& stop, RunSize size, CompiledProgram& out)
      : m_in(input), m_tuning(input.tuning), m_stop(stop), m_size(size), m_out(out) {}

  Result<void> compile(const Step& step) {
    m_layer = step.layer;
    m_head = step.head;
    return std::visit(*this, step.op);
  }

  Result<void> operator()(const NormRows& op);
  Result<void> operator()(const Products& op);
  Result<void> operator()(const Wkv4& op);
  Result<void> operator()(const Wkv5Step& step);
  Result<void> operator()(const Wkv7Step& step);
  Result<void> operator()(const DeepEmbed& op);

 private:
  /// How a dispatch cuts its products.
  struct Cut {
    std::uint32_t strip = 0;     ///< outputs of a strip
    std::uint32_t perGroup = 0;  ///< strips of a group
    std::uint32_t tokens = 0;    ///< that it multiplies at once
    std::uint32_t parts = 0;     ///< sums in shared memory
    bool sparse = false;         ///< a matrix whose inputs may be skipped
  };

  Result<void> addMix(const NormShiftMix& op);
  Result<void> addProducts(const Products& op, std::span<const Gemv> gemvs, const Formats& formats,
                           const NormShiftMix* fused);
  Cut cutOf(std::span<const Gemv> gemvs, const Formats& formats) const;
  std::uint32_t stripsPerGroup(std::span<const Gemv> gemvs, std::uint32_t strip) const;
  VulkanRecord recordOf(const Gemv& gemv, const Products& op, const NormShiftMix* fused) const;
  Result<void> addHeads(const char* shader, const VulkanRecord& record);
  Result<void> add(const std::string& shader, Constants constants, std::span<const VulkanRecord> records,
                   VulkanDispatch dispatch);

  VulkanDispatches& list() { return (m_head ? m_out.heads : m_out.bodies)[static_cast<std::size_t>(m_size)]; }
  std::uint32_t subgroupsOf(std::uint32_t groupSize) const { return std::max(1U, groupSize / m_tuning.lanes); }
  std::uint32_t nEmbd() const { return static_cast<std::uint32_t>(m_in.program.shape.nEmbd); }
  VkDeviceAddress address(WeightId id) const { return m_in.weights.address(id); }
  const kernels::PackedMatrix& matrix(WeightId id) const { return m_in.weights.matrix(id); }
  std::uint32_t offset(ValueId id) const {
    return id == kNone ? kNoOffset : static_cast<std::uint32_t>(m_in.layout.offset(id));
  }
  std::uint32_t ld(ValueId id) const { return static_cast<std::uint32_t>(m_in.layout.width(id)); }
  std::uint32_t stateOffset(StateRef ref) const {
    return static_cast<std::uint32_t>(engine::stateOffset(m_in.program.stateLayout, ref));
  }

  const CompileInput& m_in;
  const VulkanTuning& m_tuning;
  const std::stop_token& m_stop;
  RunSize m_size;
  CompiledProgram& m_out;
  int m_layer = kNone;
  bool m_head = false;
};

Result<void> Compiler::add(const std::string& shader, Constants constants, std::span<const VulkanRecord> records,
                           VulkanDispatch dispatch) {
  const VulkanLimits& limits = m_in.device.candidate().limits;
  const std::uint32_t groups = std::max(dispatch.groupsX, dispatch.groupsY);
  const std::uint64_t shared = shader == "gemm" ? gemmSharedBytes(constants[kIdRow], constants[kIdParts]) : 0;
  if (groups > limits.groups || shared > limits.sharedBytes)
    return fail(ErrorCode::DeviceUnavailable,
                fmt::format("{} cannot run this model: it takes {} groups that share {} bytes each, and the device "
                            "allows {} groups and {} bytes. The CPU has no such limits.",
                            m_in.device.info().name, groups, shared, limits.groups, limits.sharedBytes));
  if (m_stop.stop_requested())
    return fail(ErrorCode::Cancelled, "Loading was stopped.");  // a driver may take seconds for a shader
  constants[kIdSubgroups] = subgroupsOf(constants[kIdGroupSize]);
  auto pipeline = m_in.device.pipeline(shader, constants, m_tuning.lanes);
  if (!pipeline) return tl::unexpected(pipeline.error());
  dispatch.pipeline = *pipeline;
  dispatch.layer = m_layer;
  dispatch.firstRecord = static_cast<std::uint32_t>(m_out.records.size());
  if (dispatch.recordCount == 0) dispatch.recordCount = static_cast<std::uint32_t>(records.size());
  m_out.records.insert(m_out.records.end(), records.begin(), records.end());
  list().push_back(dispatch);
  return {};
}

Result<void> Compiler::operator()(const NormRows& op) {
  VulkanRecord record;
  record.weights = {address(op.weight), address(op.bias)};
  auto& v = record.values;
  v[kNormWidth] = nEmbd();
  v[kNormFrom] = op.from == kNone ? 0 : offset(op.from);
  v[kNormLdFrom] = op.from == kNone ? 0 : ld(op.from);
  v[kNormTo] = offset(op.out);
  v[kNormLdTo] = ld(op.out);
  v[kNormEps] = bits(op.eps);
  v[kNormCopy] = offset(op.copy);
  VulkanDispatch dispatch;
  dispatch.option = op.from == kNone ? 0 : 1;
  dispatch.tokensPerGroup = 1;
  return add("norm", {{kIdGroupSize, m_tuning.groupSize}}, std::span(&record, 1), dispatch);
}

Result<void> Compiler::operator()(const Wkv4& op) {
  VulkanRecord record;
  record.weights = {address(op.decay), address(op.first)};
  auto& v = record.values;
  v[kWkv4Ld] = ld(op.r);
  v[kWkv4R] = offset(op.r);
  v[kWkv4K] = offset(op.k);
  v[kWkv4V] = offset(op.v);
  v[kWkv4Aa] = stateOffset(op.aa);
  v[kWkv4Bb] = stateOffset(op.bb);
  v[kWkv4Pp] = stateOffset(op.pp);
  v[kWkv4Out] = offset(op.out);
  v[kWkv4Width] = nEmbd();
  VulkanDispatch dispatch;
  dispatch.groupsX = (nEmbd() + m_tuning.groupSize - 1) / m_tuning.groupSize;
  return add("wkv4", {{kIdGroupSize, m_tuning.groupSize}}, std::span(&record, 1), dispatch);
}

/// A group for each head.
Result<void> Compiler::addHeads(const char* shader, const VulkanRecord& record) {
  const auto headSize = static_cast<std::uint32_t>(m_in.program.shape.headSize);
  VulkanDispatch dispatch;
  dispatch.groupsX = static_cast<std::uint32_t>(m_in.program.shape.heads());
  return add(shader, {{kIdGroupSize, std::max(std::bit_ceil(headSize), m_tuning.lanes)}, {kIdHead, headSize}},
             std::span(&record, 1), dispatch);
}

Result<void> Compiler::operator()(const Wkv5Step& step) {
  const Wkv5& op = step.op;
  VulkanRecord record;
  record.weights = {address(op.decay), address(op.first), address(op.lnWeight), address(op.lnBias)};
  auto& v = record.values;
  v[kWkv5Ld] = ld(op.r);
  v[kWkv5R] = offset(op.r);
  v[kWkv5K] = offset(op.k);
  v[kWkv5V] = offset(op.v);
  v[kWkv5Gate] = offset(op.gate);
  v[kWkv5DecayUp] = offset(step.decayUp);
  v[kWkv5Out] = offset(op.out);
  v[kWkv5StateAt] = stateOffset(op.state);
  v[kWkv5PerHead] = m_in.program.weights[static_cast<std::size_t>(op.decay)].rows == m_in.program.shape.heads() ? 1 : 0;
  return addHeads("wkv5", record);
}

Result<void> Compiler::operator()(const Wkv7Step& step) {
  const Wkv7& op = step.op;
  VulkanRecord record;
  record.weights = {address(op.w0), address(op.a0), address(op.v0),       address(op.kK),
                    address(op.kA), address(op.rK), address(op.lnWeight), address(op.lnBias)};
  auto& v = record.values;
  v[kWkv7Ld] = ld(op.r);
  v[kWkv7R] = offset(op.r);
  v[kWkv7K] = offset(op.k);
  v[kWkv7V] = offset(op.v);
  v[kWkv7VFirst] = offset(op.vFirst);
  v[kWkv7W] = offset(step.w);
  v[kWkv7A] = offset(step.a);
  v[kWkv7VUp] = offset(step.v);
  v[kWkv7Gate] = offset(step.g);
  v[kWkv7Out] = offset(op.out);
  v[kWkv7StateAt] = stateOffset(op.state);
  return addHeads("wkv7", record);
}

Result<void> Compiler::operator()(const DeepEmbed& op) {
  const kernels::PackedMatrix& s2 = matrix(op.s2);
  VulkanRecord record;
  record.weights = {address(op.s0), address(op.s2)};
  auto& v = record.values;
  v[kDeepWidth] = static_cast<std::uint32_t>(s2.rows);
  v[kDeepQuery] = offset(op.query);
  v[kDeepLdQuery] = ld(op.query);
  v[kDeepRow] = offset(op.row);
  v[kDeepLdRow] = ld(op.row);
  v[kDeepHidden] = offset(op.hidden);
  v[kDeepLdHidden] = ld(op.hidden);
  // Of a group, each of which makes the product of query and row for itself.
  const std::uint32_t outputs = std::max(kDeepOutputs, m_tuning.groupSize);
  VulkanDispatch dispatch;
  dispatch.tokensPerGroup = 1;
  dispatch.groupsY = (v[kDeepWidth] + outputs - 1) / outputs;
  return add("deep",
             {{kIdGroupSize, m_tuning.groupSize},
              {kIdFormatA, number(s2.format)},
              {kIdRow, static_cast<std::uint32_t>(s2.cols)}},
             std::span(&record, 1), dispatch);
}

Result<void> Compiler::addMix(const NormShiftMix& op) {
  VulkanRecord record;
  record.weights[0] = address(op.lnWeight);
  record.weights[1] = address(op.lnBias);
  auto& v = record.values;
  v[kMixWidth] = nEmbd();
  v[kMixX] = offset(op.x);
  v[kMixLdX] = ld(op.x);
  v[kMixShift] = stateOffset(op.shift);
  v[kMixForm] = static_cast<std::uint32_t>(op.form);
  v[kMixEps] = bits(op.eps);
  v[kMixLdOut] = ld(op.x);
  Constants constants{{kIdGroupSize, m_tuning.groupSize}};
  const std::size_t mixes = op.mixes.size();
  VulkanDispatch dispatch;
  dispatch.tokensPerGroup = 1;
  dispatch.recordCount = static_cast<std::uint32_t>(mixes);  // the shader's count of mixes
  if (op.up != kNone) {
    const kernels::PackedMatrix& up = matrix(op.up);
    record.weights[2] = address(op.up);
    v[kMixHidden] = offset(op.hidden);
    v[kMixLdHidden] = ld(op.hidden);
    v[kMixRank] = static_cast<std::uint32_t>(up.cols);
    constants[kIdDependent] = 1;
    constants[kIdFormatA] = number(up.format);
    // rounds of a lane
    const std::int64_t rounds =
        std::int64_t{nEmbd()} / m_tuning.groupSize * static_cast<std::int64_t>(mixes) * v[kMixRank];
    dispatch.groupsY += static_cast<std::uint32_t>(rounds / kMostRounds);
  }
  for (std::size_t m = 0; m < mixes; ++m) {
    record.weights[3 + m] = address(op.mixes[m].mix);
    v[kMixOut0 + m] = offset(op.mixes[m].out);
  }
  return add("mix", std::move(constants), std::span(&record, 1), dispatch);
}

// On a processor groups are expensive and lanes few, and every group of a fused dispatch makes its input for itself: a
// few groups for each core.
std::uint32_t Compiler::stripsPerGroup(std::span<const Gemv> gemvs, std::uint32_t strip) const {
  std::int64_t strips = 0, rounds = 0;  // of a lane's loop over the inputs
  for (const Gemv& gemv : gemvs) {
    const kernels::PackedMatrix& w = matrix(gemv.matrix);
    strips += (w.paddedRows() + strip - 1) / strip;
    rounds = std::max(rounds, w.cols * std::max(1U, strip / outputsPerLane(w.format)) / m_tuning.groupSize);
  }
  const std::int64_t groups = 8 * std::int64_t{physicalCores()};
  const std::int64_t wanted = m_tuning.strips != 0 ? m_tuning.strips : (strips + groups - 1) / groups;
  const std::int64_t fewest =
      fewestStripsPerGroup(m_in.device.candidate().limits, strips, static_cast<std::int64_t>(gemvs.size()));
  return static_cast<std::uint32_t>(std::max(fewest, std::min(wanted, kMostRounds / (rounds + kOtherRounds) + 1)));
}

Result<void> Compiler::operator()(const Products& op) {
  const NormShiftMix* fused = nullptr;
  if (op.mix != nullptr) {
    // Where a group cannot hold the row, it is mixed before.
    const bool fits = gemmSharedBytes(nEmbd(), std::uint64_t{subgroupsOf(m_tuning.groupSize)} * kTileRows) <=
                      m_in.device.candidate().limits.sharedBytes;
    if (m_size == RunSize::One && fits && op.mix->up == kNone) {
      fused = op.mix;
    } else if (auto good = addMix(*op.mix); !good) {
      return good;
    }
  }
  // A dispatch knows three formats at most; quantised files have low-rank matrices of two beside them.
  struct Part {
    std::vector<Gemv> gemvs;
    std::vector<Format> formats;
  };
  std::vector<Part> parts;
  for (const Gemv& gemv : op.gemvs) {
    const Format format = matrix(gemv.matrix).format;
    const auto known = [&] {
      return std::find(parts.back().formats.begin(), parts.back().formats.end(), format) != parts.back().formats.end();
    };
    if (parts.empty() || (parts.back().formats.size() == Formats{}.size() && !known())) parts.emplace_back();
    if (!known()) parts.back().formats.push_back(format);
    parts.back().gemvs.push_back(gemv);
  }
  for (Part& part : parts) {
    part.formats.resize(Formats{}.size(), part.formats.back());
    if (auto good = addProducts(op, part.gemvs, {part.formats[0], part.formats[1], part.formats[2]}, fused); !good)
      return good;
  }
  return {};
}

Compiler::Cut Compiler::cutOf(std::span<const Gemv> gemvs, const Formats& formats) const {
  Cut cut;
  cut.sparse = matrix(gemvs.front().matrix).panelRows != kTileRows;
  if (m_size == RunSize::Many) {
    cut.strip = kTileOutputs;
    cut.tokens = kTileTokens;
    cut.perGroup = 1;
    return cut;
  }
  const bool coded =
      std::any_of(formats.begin(), formats.end(), [](Format format) { return outputsPerLane(format) == 16; });
  const std::uint32_t lanes = m_in.device.candidate().leastLanes;  // or the order of sums would follow the tuning
  cut.strip =
      cut.sparse ? std::min(kSparseStrip, lanes * outputsPerLane(formats[0])) : static_cast<std::uint32_t>(kTileRows);
  const std::uint32_t oneToken = subgroupsOf(m_tuning.groupSize) * cut.strip;  // sums in shared memory
  cut.tokens = m_size == RunSize::One ? 1
                                      : std::min(coded ? kCodedFewTokens : kFewTokens,
                                                 std::max(1U, mostParts(m_in.device.candidate().limits) / oneToken));
  cut.perGroup = stripsPerGroup(gemvs, cut.strip);
  cut.parts = cut.tokens * oneToken;
  return cut;
}

VulkanRecord Compiler::recordOf(const Gemv& gemv, const Products& op, const NormShiftMix* fused) const {
  const kernels::PackedMatrix& w = matrix(gemv.matrix);
  const bool toLogits = gemv.out == kNone;
  VulkanRecord record;
  record.weights[0] = address(gemv.matrix);
  auto& v = record.values;
  v[kGemmRows] = static_cast<std::uint32_t>(w.rows);
  v[kGemmCols] = static_cast<std::uint32_t>(w.cols);
  v[kGemmX] = offset(gemv.in);
  v[kGemmLdX] = ld(gemv.in);
  if (!toLogits) {
    v[kGemmY] = offset(gemv.out);
    v[kGemmLdY] = ld(gemv.out);
  }
  v[kGemmGate] = offset(op.gate);
  if (op.gate != kNone) v[kGemmLdGate] = ld(op.gate);
  v[kGemmFlags] = static_cast<std::uint32_t>(gemv.activation) | std::uint32_t{gemv.accumulate} << kGemmAccumulateBit |
                  std::uint32_t{toLogits} << kGemmToLogitsBit | number(w.format) << kGemmFormatBit;
  v[kGemmPanelRows] = static_cast<std::uint32_t>(w.panelRows);
  if (fused != nullptr) {
    const auto mix =
        std::find_if(fused->mixes.begin(), fused->mixes.end(), [&](const auto& m) { return m.out == gemv.in; });
    record.weights[1] = address(fused->lnWeight);
    record.weights[2] = address(fused->lnBias);
    record.weights[3] = address(mix->mix);
    v[kGemmFusedX] = offset(fused->x);
    v[kGemmShift] = stateOffset(fused->shift);
    v[kGemmForm] = static_cast<std::uint32_t>(fused->form);
    v[kGemmEps] = bits(fused->eps);
  }
  return record;
}

// Decode and a few tokens: gemm.comp, the same bits for each token. Many: tile.comp.
Result<void> Compiler::addProducts(const Products& op, std::span<const Gemv> gemvs, const Formats& formats,
                                   const NormShiftMix* fused) {
  const Cut cut = cutOf(gemvs, formats);
  std::vector<VulkanRecord> records;
  std::uint32_t groups = 0;
  for (const Gemv& gemv : gemvs) {
    VulkanRecord& record = records.emplace_back(recordOf(gemv, op, fused));
    const std::uint32_t strips =
        static_cast<std::uint32_t>((matrix(gemv.matrix).paddedRows() + cut.strip - 1) / cut.strip);
    record.values[kGemmFirstGroup] = groups;
    record.values[kGemmStrips] = strips;
    groups += (strips + cut.perGroup - 1) / cut.perGroup;
  }
  VulkanDispatch dispatch;
  dispatch.option = m_head ? 1 : 0;
  dispatch.tokensPerGroup = cut.tokens;
  dispatch.groupsY = groups;
  Constants constants{
      {kIdFormatA, number(formats[0])}, {kIdFormatB, number(formats[1])}, {kIdFormatC, number(formats[2])}};
  if (m_size == RunSize::Many) {
    constants[kIdGroupSize] = kTileOutputs * kTileTokens / 16;
    return add("tile", std::move(constants), records, dispatch);
  }
  const bool one = m_size == RunSize::One;
  constants.insert({{kIdGroupSize, m_tuning.groupSize},
                    {kIdTokens, cut.tokens},
                    {kIdStrip, cut.strip},
                    {kIdFused, fused != nullptr ? 1 : 0},
                    {kIdRow, fused != nullptr ? nEmbd() : 1},
                    {kIdSparse, cut.sparse && one ? 1 : 0},
                    {kIdStripsPerGroup, cut.perGroup},
                    {kIdParts, cut.parts},
                    {kIdPart, m_tuning.part},
                    {kIdUnroll, one ? m_tuning.unroll : 1}});
  return add("gemm", std::move(constants), records, dispatch);
}

}  // namespace

std::size_t mostRecords(const LoweredProgram& lowered) {
  std::size_t records = 0;
  for (const Step& step : lowered.steps) {
    const auto* products = std::get_if<Products>(&step.op);
    records += products == nullptr ? 1 : products->gemvs.size() + (products->mix != nullptr ? 1 : 0);
  }
  return kRunSizes.size() * records;
}

Result<CompiledProgram> compileProgram(const CompileInput& input, const std::stop_token& stop) {
  CompiledProgram compiled;
  for (const RunSize size : kRunSizes) {
    const auto i = static_cast<std::size_t>(size);
    if (size == RunSize::Many && !input.tuning.tiles) {
      compiled.bodies[i] = compiled.bodies[i - 1];
      compiled.heads[i] = compiled.heads[i - 1];
      continue;
    }
    if (size != RunSize::One && input.maxTokens == 1) continue;
    Compiler compiler(input, stop, size, compiled);
    for (const Step& step : input.lowered.steps)
      if (auto good = compiler.compile(step); !good) return tl::unexpected(good.error());
  }
  return compiled;
}

}  // namespace rookery::engine
