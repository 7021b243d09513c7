// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "model/model_impl.h"
#include "session/answer_text.h"
#include "session/usable_logits.h"

namespace rookery::engine {

struct Session::Impl {
  std::shared_ptr<const Model> model;
  std::array<std::unique_ptr<DeviceState>, 2> slots;  ///< a run reads one and writes the other
  int current = 0;
  std::unique_ptr<DeviceState> held;                  ///< the state before text that may be a stop text
  std::uint64_t readSinceHeld = 0;                    ///< after generate(): tokens that undoHeldBack() takes back
  bool canUndo = false;
  std::vector<float> logits;
  std::optional<TokenId> pending;
  std::uint64_t tokensRead = 0;
  std::uint64_t rowsSubmitted = 0;
  std::optional<Error> broken;                        ///< a copy between states failed: nothing may be read from them

  Executable& executable() { return *model->impl().executable; }

  Result<void> makeSlots() {
    if (slots[0]) return {};
    std::array<std::unique_ptr<DeviceState>, 2> fresh;  // both, and with a state in them, or none
    for (auto& slot : fresh) {
      auto made = model->impl().backend->newState(model->impl().program.stateLayout, model->impl().ledger);
      if (!made) return tl::unexpected(made.error());
      slot = std::move(*made);
    }
    if (auto good = fresh[0]->upload(State(model->info().shape).data()); !good) return good;
    slots = std::move(fresh);
    current = 0;
    return {};
  }

  // One run; on success the slots have been swapped.
  Result<void> submit(std::span<const TokenId> tokens, std::span<const std::uint32_t> rows, std::span<float> out,
                      const std::stop_token& stop) {
    if (broken) return tl::unexpected(*broken);
    if (auto good = makeSlots(); !good) return good;
    canUndo = false;
    RunArgs args{tokens, slots[current].get(), slots[1 - current].get(), rows, out, stop};
    if (auto good = executable().submit(args); !good) return good;
    current = 1 - current;
    rowsSubmitted += tokens.size();
    tokensRead += tokens.size();
    return {};
  }

  // Reads tokens chunk by chunk; only the last chunk computes logits.
  Result<void> read(std::span<const TokenId> tokens, const std::stop_token& stop,
                    const std::function<void(const PrefillProgress&)>& progress) {
    std::vector<float> next(static_cast<std::size_t>(model->info().shape.vocab));
    for (std::size_t at = 0; at < tokens.size();) {
      if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "Reading was stopped.");
      const std::size_t count = std::min(executable().maxTokens(), tokens.size() - at);
      const std::uint32_t last = static_cast<std::uint32_t>(count - 1);
      const bool final = at + count == tokens.size();
      const auto rows = final ? std::span(&last, 1) : std::span<const std::uint32_t>{};
      if (auto good = submit(tokens.subspan(at, count), rows, final ? std::span<float>(next) : std::span<float>{}, stop); !good)
        return good;
      pending.reset();  // it was the first of them
      at += count;
      if (final) {
        logits.swap(next);
      } else {
        logits.clear();  // they would follow an earlier token
      }
      if (progress) progress({at, tokens.size()});
    }
    return {};
  }

  Result<void> hold() {
    if (!held) {
      auto made = model->impl().backend->newState(model->impl().program.stateLayout, model->impl().ledger);
      if (!made) return tl::unexpected(made.error());
      held = std::move(*made);
    }
    return held->copyFrom(*slots[current]);
  }

  Result<void> backToHeld() {
    auto good = slots[current]->copyFrom(*held);
    if (!good) broken = good.error();
    return good;
  }
};

Session::Session(std::shared_ptr<const Model> model) : m_impl(std::make_unique<Impl>()) { m_impl->model = std::move(model); }
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const std::shared_ptr<const Model>& Session::model() const noexcept { return m_impl->model; }
std::span<const float> Session::logits() const noexcept { return m_impl->logits; }
std::optional<TokenId> Session::pendingToken() const noexcept { return m_impl->pending; }
void Session::setPendingToken(std::optional<TokenId> token) { m_impl->pending = token; }
std::uint64_t Session::tokensRead() const noexcept { return m_impl->tokensRead; }
std::uint64_t Session::rowsSubmitted() const noexcept { return m_impl->rowsSubmitted; }

void Session::reset() {
  // Made anew, should the upload fail; the next call says what is wrong then.
  if (m_impl->slots[0] && !m_impl->slots[m_impl->current]->upload(State(m_impl->model->info().shape).data())) m_impl->slots = {};
  m_impl->broken.reset();
  m_impl->logits.clear();
  m_impl->pending.reset();
  m_impl->tokensRead = 0;
  m_impl->canUndo = false;
}

void Session::undoHeldBack() {
  if (!std::exchange(m_impl->canUndo, false)) return;
  if (!m_impl->backToHeld()) return;
  m_impl->tokensRead -= m_impl->readSinceHeld;
  m_impl->logits.clear();
  m_impl->pending.reset();
}

Result<Snapshot> Session::snapshot() const {
  if (m_impl->broken) return tl::unexpected(*m_impl->broken);
  Snapshot snapshot{State(m_impl->model->info().shape), m_impl->logits, m_impl->tokensRead};
  if (m_impl->slots[0]) {
    if (auto good = m_impl->slots[m_impl->current]->download(snapshot.state.data()); !good) return tl::unexpected(good.error());
  }
  return snapshot;
}

Result<void> Session::restore(const Snapshot& snapshot) {
  const ModelShape& shape = m_impl->model->info().shape;
  const StateLayout& layout = snapshot.state.layout();
  const StateLayout expected = StateLayout::of(shape);
  if (layout.version != expected.version || layout.layers != expected.layers || layout.floatsPerLayer != expected.floatsPerLayer ||
      (!snapshot.logits.empty() && snapshot.logits.size() != static_cast<std::size_t>(shape.vocab)))
    return fail(ErrorCode::StateMismatch, "The state belongs to a model of other dimensions.");
  if (auto good = m_impl->makeSlots(); !good) return good;
  if (auto good = m_impl->slots[m_impl->current]->upload(snapshot.state.data()); !good) {
    m_impl->broken = good.error();
    return good;
  }
  m_impl->broken.reset();
  m_impl->logits = snapshot.logits;
  m_impl->tokensRead = snapshot.tokens;
  m_impl->pending.reset();
  m_impl->canUndo = false;
  return {};
}

Result<void> Session::prefill(std::span<const TokenId> tokens, std::stop_token stop,
                              const std::function<void(const PrefillProgress&)>& progress) try {
  if (!m_impl->pending) return m_impl->read(tokens, stop, progress);
  std::vector<TokenId> all{*m_impl->pending};
  all.insert(all.end(), tokens.begin(), tokens.end());
  return m_impl->read(all, stop, progress);
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while a text was being read.");
}

Result<void> Session::decode(TokenId token, std::stop_token stop) { return prefill(std::span(&token, 1), std::move(stop)); }

Result<std::vector<float>> Session::evaluate(std::span<const TokenId> tokens, std::span<const std::size_t> positions,
                                             std::size_t chunk, std::stop_token stop) try {
  const std::size_t vocab = static_cast<std::size_t>(m_impl->model->info().shape.vocab);
  if (!std::is_sorted(positions.begin(), positions.end()) || (!positions.empty() && positions.back() >= tokens.size()))
    return fail(ErrorCode::InvalidArgument, fmt::format("Positions must ascend and lie below the number of tokens, {}.", tokens.size()));
  const std::size_t most = m_impl->executable().maxTokens();
  const std::size_t step = chunk == 0 ? most : std::min(chunk, most);
  std::vector<float> out(positions.size() * vocab);
  std::size_t next = 0;  // first position not computed yet
  for (std::size_t at = 0; at < tokens.size(); at += step) {
    const std::size_t count = std::min(step, tokens.size() - at);
    std::vector<std::uint32_t> rows;
    const std::size_t begin = next;
    for (; next < positions.size() && positions[next] < at + count; ++next) rows.push_back(static_cast<std::uint32_t>(positions[next] - at));
    const auto span = std::span(out).subspan(begin * vocab, rows.size() * vocab);
    if (auto good = m_impl->submit(tokens.subspan(at, count), rows, span, stop); !good) return tl::unexpected(good.error());
    m_impl->pending.reset();
    m_impl->logits.clear();
    if (!rows.empty() && rows.back() + 1 == count) m_impl->logits.assign(span.end() - static_cast<std::ptrdiff_t>(vocab), span.end());
  }
  return out;
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while a text was being read.");
}

Result<GenerateResult> Session::generate(const GenerateRequest& request, const TokenFn& onToken, std::stop_token stop,
                                         const JournalFn& onJournal) try {
  using Clock = std::chrono::steady_clock;
  const auto secondsSince = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  if (m_impl->pending) {  // a token drawn earlier comes first
    if (auto good = prefill({}, stop); !good) return tl::unexpected(good.error());
  }
  if (request.journalInState > request.journal.size()) return fail(ErrorCode::InvalidArgument, "The state has read more than the journal holds.");
  // A journal that is not read to its end brings its own logits.
  if (m_impl->logits.empty() && request.journalInState == request.journal.size())
    return fail(ErrorCode::InvalidArgument, "Nothing was read yet, so there is nothing to continue.");

  const auto tokenizer = m_impl->model->tokenizer();
  Sampler sampler(request.sampling, request.seed, tokenizer);
  if (!request.stopAtEndOfText) sampler.ban(kEndOfText);
  AnswerText text(tokenizer, request.stopTexts);
  GenerateResult result;
  result.reason = StopReason::Cancelled;
  std::size_t heldTokens = 0;        // tokens of the answer before the held-back text
  bool haveHeld = false;

  // Takes a token into the answer: sampler counters and text. `read` tells whether the state has it already.
  const auto take = [&](TokenId token, bool read) -> Result<std::string> {
    const bool wasClean = text.clean();
    sampler.accept(token);
    result.tokens.push_back(token);
    std::string piece = text.push(token);
    if (wasClean && !text.clean() && !read && !request.stopTexts.empty()) {
      if (auto good = m_impl->hold(); !good) return tl::unexpected(good.error());
      heldTokens = result.tokens.size() - 1;
      haveHeld = true;
    }
    return piece;
  };
  // For undoHeldBack(), when the answer ends here with text held back.
  const auto rememberHeld = [&] {
    if (!haveHeld || text.clean()) return;
    m_impl->readSinceHeld = result.tokens.size() - (m_impl->pending ? 1 : 0) - heldTokens;
    m_impl->canUndo = true;
  };

  for (std::size_t i = 0; i < request.journal.size(); ++i) {
    const bool read = i < request.journalInState;
    if (auto piece = take(request.journal[i], read); !piece) return tl::unexpected(piece.error());
    if (read) continue;
    if (text.stopped()) break;
    m_impl->pending = request.journal[i];
    if (auto good = prefill({}, stop); !good) {
      if (good.error().code != ErrorCode::Cancelled) return tl::unexpected(good.error());
      rememberHeld();
      return result;
    }
    if (onJournal) onJournal(i + 1 - request.journalInState, request.journal.size() - request.journalInState);
  }

  const auto start = Clock::now();
  while (!text.stopped()) {
    if (stop.stop_requested()) break;
    if (request.maxTokens > 0 && result.tokens.size() >= static_cast<std::size_t>(request.maxTokens)) {
      result.reason = StopReason::MaxTokens;
      break;
    }
    if (m_impl->pending) {
      if (auto good = prefill({}, stop); !good) {
        if (good.error().code == ErrorCode::Cancelled) break;
        return tl::unexpected(good.error());
      }
    }
    if (auto usable = usableLogits(m_impl->logits, m_impl->tokensRead - 1); !usable) return tl::unexpected(usable.error());
    const TokenId token = sampler.sample(m_impl->logits);
    if (token == kEndOfText && request.stopAtEndOfText) {
      result.reason = StopReason::EndOfText;
      break;
    }
    auto piece = take(token, false);
    if (!piece) return tl::unexpected(piece.error());
    m_impl->pending = token;
    ++result.drawn;
    if (result.drawn == 1) result.firstTokenSeconds = secondsSince(start);
    const GeneratedToken generated{token, std::move(*piece), result.tokens.size() - 1, text.clean()};
    if (onToken && !onToken(generated)) break;
  }

  if (text.stopped()) {
    // Back to the state before the stop text; what belonged to the answer in its first token is read again.
    result.reason = StopReason::StopText;
    m_impl->pending.reset();
    if (haveHeld) {
      m_impl->tokensRead -= std::min<std::uint64_t>(m_impl->tokensRead, result.tokens.size() - 1 - heldTokens);
      if (auto good = m_impl->backToHeld(); !good) return tl::unexpected(good.error());
      result.tokens.resize(heldTokens);
      m_impl->logits.clear();
      const std::string kept = text.keptOfHeld();
      if (!kept.empty() && tokenizer) {
        const std::vector<TokenId> again = tokenizer->encode(kept);
        if (auto good = prefill(again); !good) return tl::unexpected(good.error());
        result.tokens.insert(result.tokens.end(), again.begin(), again.end());
      }
    }
  } else {
    rememberHeld();
  }
  result.tail = text.flush();
  result.seconds = secondsSince(start);
  return result;
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while an answer was being written.");
}

}  // namespace rookery::engine
