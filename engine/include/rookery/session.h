// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "rookery/model.h"
#include "rookery/result.h"
#include "rookery/sampler.h"
#include "rookery/state.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

/// The state after a token, with the logits that follow it, so that an answer can be drawn again without
/// reading anything.
struct Snapshot {
  State state;
  std::vector<float> logits;  ///< [vocab], empty if nothing was read yet
  std::uint64_t tokens = 0;   ///< how many tokens this state has read in all
};

struct PrefillProgress {
  std::size_t done = 0, total = 0;  ///< tokens
};

enum class StopReason { EndOfText, StopText, MaxTokens, Cancelled };

struct GenerateRequest {
  SamplerSettings sampling;
  std::uint64_t seed = 0;
  int maxTokens = 0;                     ///< 0: no limit
  std::vector<std::string> stopTexts;    ///< empty: none
  bool stopAtEndOfText = true;           ///< false: token 0 is banned from being drawn
  /// Tokens of this answer that were generated before (a journal): accepted by the sampler and decoded one by
  /// one, not drawn and not reported. The answer then goes on as an unbroken run would have.
  std::vector<TokenId> journal;
  /// How many of the journal's tokens the state has read already (a snapshot taken in mid-answer).
  std::size_t journalInState = 0;
};

/// One generated token. `text` is UTF-8 that is certainly part of the answer (may be empty: half a character or a
/// possible stop text is held back; later pieces bring it).
struct GeneratedToken {
  TokenId id{};
  std::string text;
  std::uint64_t index = 0;  ///< in this answer, journal included
  /// No text is held back: a snapshot taken in this callback (it has read `index` tokens of the answer) can continue
  /// the answer. While a possible stop text is held back it could not be undone from such a snapshot.
  bool snapshotSafe = false;
};

struct GenerateResult {
  /// All of this answer, journal included; without the end-of-text token and without the tokens of a stop text.
  /// The state has read exactly these, but for the pending token.
  std::vector<TokenId> tokens;
  StopReason reason{};
  std::string tail;             ///< text that came loose at the end (held-back rest)
  double seconds = 0;           ///< of the tokens drawn now; decoding a journal is not in it
  double firstTokenSeconds = 0; ///< the same for the first of them
  std::uint64_t drawn = 0;      ///< tokens drawn now
};

/// Return false to stop after this token (reason Cancelled).
using TokenFn = std::function<bool(const GeneratedToken&)>;
/// Called after each token of a journal that was decoded: `done` of `total`, those in the state already not counted.
using JournalFn = std::function<void(std::size_t done, std::size_t total)>;

/// One stream of tokens through a model: model + state + logits. Use from one thread; the model may be shared.
/// The last token of an answer is drawn but not read yet; the next prefill() or generate() reads it first
/// (pendingToken()), so nothing is ever read twice.
class Session {
 public:
  explicit Session(std::shared_ptr<const Model> model);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  const std::shared_ptr<const Model>& model() const noexcept;
  void reset();  ///< the empty state
  /// DeviceUnavailable, OutOfMemory: the state could not be fetched from its device.
  Result<Snapshot> snapshot() const;
  /// StateMismatch if the state's dimensions are not the model's.
  Result<void> restore(const Snapshot& snapshot);

  /// Reads tokens in chunks; afterwards logits() follow the last one. In `exact` mode the result does not depend on
  /// the chunk size. When stopped: Cancelled, and the state holds exactly the tokens reported by tokensRead().
  Result<void> prefill(std::span<const TokenId> tokens, std::stop_token stop = {},
                       const std::function<void(const PrefillProgress&)>& progress = {});
  /// Draws until a stop rule, the limit or the token says so. Needs logits (after prefill, restore or generate).
  Result<GenerateResult> generate(const GenerateRequest& request, const TokenFn& onToken, std::stop_token stop = {},
                                  const JournalFn& onJournal = {});
  /// After a generate() that ended while a possible stop text was held back: goes back to the state before that text,
  /// which has read fewer tokens than the answer has. From there a journal of the whole answer goes on as an unbroken
  /// run would, and can still take the stop text back; from the state at the end it could not. Else it does nothing.
  void undoHeldBack();
  /// One step of decoding: reads `token`, logits() follow.
  Result<void> decode(TokenId token, std::stop_token stop = {});
  /// All tokens in one call with the logits [positions.size(), vocab] of the asked rows (0-based, ascending);
  /// chunk 0: the default chunk.
  Result<std::vector<float>> evaluate(std::span<const TokenId> tokens, std::span<const std::size_t> positions,
                                      std::size_t chunk = 0, std::stop_token stop = {});

  std::span<const float> logits() const noexcept;       ///< [vocab]; empty before the first token
  std::optional<TokenId> pendingToken() const noexcept; ///< drawn, not read yet
  void setPendingToken(std::optional<TokenId> token);
  std::uint64_t tokensRead() const noexcept;            ///< since the empty state
  std::uint64_t rowsSubmitted() const noexcept;         ///< rows that went through the backend's submit in this session

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace rookery::engine
