// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "backend/vulkan/records.h"
#include "backend/vulkan/vulkan_device.h"
#include "backend/vulkan/vulkan_state.h"
#include "backend/vulkan/vulkan_tuning.h"
#include "backend/vulkan/vulkan_weights.h"

namespace rookery::engine {

/// One dispatch: a pipeline, its records, and the groups of a run.
struct VulkanDispatch {
  VkPipeline pipeline = VK_NULL_HANDLE;
  std::uint32_t firstRecord = 0, recordCount = 0;
  std::uint32_t option = 0;
  std::uint32_t tokensPerGroup = 0;  ///< groups in x: tokens of the run / this; 0: groupsX
  std::uint32_t groupsX = 1, groupsY = 1;
  int layer = kNone;
};

/// A program as lists of dispatches, each followed by a barrier, recorded once for each pair of states and each size of
/// a run and then put on the queue again and again.
class VulkanExecutable final : public Executable {
 public:
  static Result<std::unique_ptr<Executable>> create(const Program& program, std::shared_ptr<const VulkanWeights> weights,
                                                    std::shared_ptr<VulkanDevice> device, Ledger& ledger, const std::stop_token& stop);
  /// Not measured, as said; `maxTokens` 0: as many as suit the model. Cancelled, between two shaders.
  static Result<std::unique_ptr<VulkanExecutable>> create(const Program& program, std::shared_ptr<const VulkanWeights> weights,
                                                          std::shared_ptr<VulkanDevice> device, Ledger& ledger,
                                                          const VulkanTuning& tuning, std::size_t maxTokens, const std::stop_token& stop = {});
  ~VulkanExecutable() override;

  std::size_t maxTokens() const noexcept override { return m_maxTokens; }
  Result<void> submit(const RunArgs& args) override;
  Result<void> wait() override { return {}; }

  /// Seconds of a decoded token, the fastest of `runs`; made-up inputs. For tuning.
  Result<double> timeToken(const VulkanState& in, const VulkanState& out, int runs);

  /// For tests: a value of the last run's tokens, [tokens][width].
  Result<std::vector<float>> read(ValueId id, std::size_t tokens) const;
  /// For tests: dispatches (each has one barrier) of a layer in decode.
  std::size_t decodeDispatches(int layer) const;

  /// For tests. Barriers are numbered as they are recorded, through all pieces; those of the body and of the head apart.
  struct Barrier {
    bool body = true;
    std::size_t number = 0;
  };
  /// Leaves a barrier out of what is recorded from now on.
  void skipBarrier(std::optional<Barrier> barrier);
  struct Together {
    std::size_t bodyBarriers = 0, headBarriers = 0;  ///< of the last run
    std::size_t pieces = 0;                          ///< of its body
  };
  /// `tokens` tokens twice, from `a` to `b` and, with the head, back, all in one command buffer, because synchronisation
  /// validation looks at one at a time, when it is recorded: it is not run. `a` is uploaded before; after each run what it
  /// left is fetched. No inputs are taken.
  Result<Together> recordTogether(const VulkanState& a, const VulkanState& b, std::uint32_t tokens);

 private:
  struct Pair {
    VkDescriptorSet set = VK_NULL_HANDLE;
    std::map<std::uint32_t, std::vector<VkCommandBuffer>> bodies, heads;  ///< by tokens and rows, rounded up; to be run in order
  };
  using Dispatches = std::vector<VulkanDispatch>;

  /// Tokens of a run that share a list of dispatches.
  enum class Size : std::uint8_t { One, Few, Many };
  static constexpr std::array kSizes{Size::One, Size::Few, Size::Many};
  static Size sizeOf(std::uint32_t tokens) { return tokens == 1 ? Size::One : tokens <= 16 ? Size::Few : Size::Many; }

  VulkanExecutable(const Program& program, std::shared_ptr<const VulkanWeights> weights, std::shared_ptr<VulkanDevice> device,
                   const VulkanTuning& tuning, std::size_t maxTokens, std::stop_token stop);
  Result<void> allocate(Ledger& ledger);
  Result<void> compile(Ledger& ledger);
  Result<void> compileStage(const Stage& stage, Size size, Dispatches& body, Dispatches& head);
  Result<void> addNorm(const Embed* embed, const HeadGemv* head, Dispatches& out);
  Result<void> addMix(const NormShiftMix& op, int layer, Dispatches& out);
  using Formats = std::array<kernels::Format, 3>;  ///< of a dispatch; the last is repeated where there are fewer
  struct GemmOptions {
    const NormShiftMix* prologue = nullptr;  ///< fused
    Size size = Size::One;
    bool toLogits = false;
    bool accumulate = false;
    ValueId gate = kNone;
  };
  Result<void> addGemms(const std::vector<Gemv>& gemvs, const GemmOptions& options, int layer, Dispatches& out);
  std::uint32_t subgroupsOf(std::uint32_t groupSize) const;
  Result<void> addGemm(std::span<const Gemv> gemvs, const Formats& formats, const GemmOptions& options, int layer, Dispatches& out);
  std::uint32_t stripsPerGroup(std::span<const Gemv> gemvs, std::uint32_t strip) const;
  Result<void> add(const std::string& shader, std::map<std::uint32_t, std::uint32_t> constants, std::span<const VulkanRecord> records,
                   VulkanDispatch dispatch, Dispatches& out);
  Result<Pair*> pairOf(const VulkanState& in, const VulkanState& out);
  /// Appends to `commands` what runs the body, or the head, for `size` tokens or rows; recorded once.
  Result<void> addCommands(Pair& pair, bool body, std::uint32_t size, std::vector<VkCommandBuffer>& commands);
  struct Piece {
    std::size_t first = 0, last = 0;  ///< dispatches [first, last)
    bool body = true;
  };
  std::vector<Piece> piecesOf(bool body, std::uint32_t size) const;
  Result<VkCommandBuffer> record(const Pair& pair, const Piece& piece, std::uint32_t size, std::size_t& barriers) const;
  /// Into commands that are being recorded. `barriers`: counted on.
  void recordPiece(VkCommandBuffer commands, const Pair& pair, const Piece& piece, std::uint32_t size, std::size_t& barriers) const;
  const Dispatches& dispatchesOf(bool body, std::uint32_t size) const { return (body ? m_bodies : m_heads)[static_cast<std::size_t>(sizeOf(size))]; }
  void forgetRecordings();
  /// Copies `size` rows of values between the activations and `buffer`, where they lie one value after the other from the
  /// float `first` on.
  void recordCopies(VkCommandBuffer commands, std::span<const ValueId> values, std::uint32_t size, const VulkanBuffer& buffer, std::size_t first, bool in) const;
  void takeInputs(const RunArgs& args);
  /// Floats of m_inputs before the values that are copied in.
  std::size_t embeddingFloats() const { return m_program.range.embedding ? m_maxTokens * static_cast<std::size_t>(m_program.shape.nEmbd) : 0; }
  void handOutValues(const RunArgs& args) const;

  VkDeviceAddress addressOf(WeightId id) const { return id == kNone ? VkDeviceAddress{0} : m_weights->address(id); }
  std::uint32_t offset(ValueId id) const { return m_offsets[static_cast<std::size_t>(id)]; }
  std::uint32_t ld(ValueId id) const { return m_widths[static_cast<std::size_t>(id)]; }
  std::uint32_t stateOffset(StateRef ref) const;

  Program m_program;
  std::shared_ptr<const VulkanWeights> m_weights;
  std::shared_ptr<VulkanDevice> m_device;
  std::size_t m_maxTokens = 0;
  VulkanTuning m_tuning;
  std::vector<std::uint32_t> m_offsets, m_widths;  ///< by ValueId, in floats
  ValueId m_headIn = kNone;
  std::array<ValueId, 4> m_up{kNone, kNone, kNone, kNone};  ///< low-rank products, [tokens][width]
  VulkanBuffer m_activations, m_run, m_records;
  WeightId m_embedding = kNone;         ///< table of the program's Embed
  std::vector<LookUp::Row> m_rows;      ///< of the program's LookUp
  std::vector<ValueId> m_copiedIn;      ///< valuesIn, then the values of m_rows
  VulkanBuffer m_inputs;   ///< embedding rows [tokens][C], where there is an embedding; then m_copiedIn, [value][maxTokens][ld]
  VulkanBuffer m_outputs;  ///< logits; without a head valuesOut, [value][maxTokens][ld]
  std::vector<VulkanRecord> m_recordList;
  std::array<Dispatches, kSizes.size()> m_bodies, m_heads;  ///< by Size
  VkDescriptorPool m_descriptors = VK_NULL_HANDLE;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Pair> m_pairs;
  std::optional<Barrier> m_skippedBarrier;
  std::stop_token m_loadStop;
  std::mutex m_running;
};

}  // namespace rookery::engine
