// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/inference_worker.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QLoggingCategory>
#include <algorithm>
#include <tuple>

#include "inference/answer_batcher.h"
#include "inference/engine_text.h"
#include "inference/model_title.h"

namespace rookery::app {
namespace {
Q_LOGGING_CATEGORY(lcEngine, "rookery.engine")

constexpr qint64 kTellMilliseconds = 50;

double secondsOf(const QElapsedTimer& timer) { return static_cast<double>(timer.nsecsElapsed()) * 1e-9; }

/// Whether an answer can be gone on with from a state that has read `count` of its tokens, as from those that are taken
/// while it is written: one that was read again as a part of the chat may stand anywhere.
bool canGoOn(const engine::Snapshot& snapshot, const engine::GenerateRequest& request, std::size_t count,
             const engine::Tokenizer& tokenizer) {
  if (snapshot.logits.empty() && count >= request.journal.size()) return false;
  engine::Utf8Stream utf8;
  engine::StopScanner scanner(request.stopTexts);
  std::size_t held = 0;  // a stop text that is half read could not be taken back
  for (std::size_t i = 0; i < std::min(count, request.journal.size()); ++i) {
    const std::string text = utf8.push(tokenizer.bytesOf(request.journal[i]));
    held += text.size();
    held -= scanner.push(text).size();
  }
  return held == 0;
}
}  // namespace

engine::Result<InferenceWorker::Loaded> InferenceWorker::load(const ModelRequest& request,
                                                              const engine::LoadProgressFn& progress,
                                                              std::stop_token stop) {
  QElapsedTimer timer;
  timer.start();
  const bool guide = request.kind == ModelRequest::Kind::Guide;
  const auto device = resolve(request.device);
  if (!device) return tl::unexpected(device.error());
  engine::LoadOptions options = request.options;
  options.strategy = request.strategy.isEmpty() ? *device : toUtf8(request.strategy);
  options.warmUp = true;
  auto model = guide ? engine::Model::guide(options, progress, stop)
                     : engine::Model::load(std::filesystem::path(request.path.toStdU16String()), options, progress, stop);
  if (!model) return tl::unexpected(model.error());
  if (stop.stop_requested()) return engine::fail(engine::ErrorCode::Cancelled, "Loading was stopped.");
  if (const auto tokenizer = (*model)->requireTokenizer(); !tokenizer) return tl::unexpected(tokenizer.error());
  m_live.reset();
  m_countedRows = 0;
  m_model = *model;
  m_fingerprint = toQString(m_model->fingerprint());
  m_deviceLost = false;
  m_request = request;
  if (request.strategy.isEmpty()) m_request.device = {toQString(m_model->device().id), toQString(m_model->device().name)};

  Loaded loaded;
  loaded.tokenizer = m_model->tokenizer();
  LoadedModel& m = loaded.model;
  m.isGuide = guide;
  m.name = guide ? storedGuideName() : modelNameOf(request.path);
  m.path = guide ? QString() : request.path;
  m.info = m_model->info();
  m.fingerprint = m_fingerprint;
  m.device = m_model->device();
  m.deviceSummary = toQString(m_model->deviceSummary());
  m.memory = m_model->ledger().entries();
  m.loadSeconds = secondsOf(timer);
  return loaded;
}

engine::Result<std::string> InferenceWorker::resolve(const DeviceChoice& choice) {
  m_triedDevice = toUtf8(choice.id);
  if (choice == cpuChoice()) return m_triedDevice;  // works without asking any driver
  const auto devices = engine::listDevices();
  const engine::DeviceInfo* found = findDevice(devices, choice);
  if (found == nullptr) {
    return engine::fail(engine::ErrorCode::DeviceUnavailable, "There is no " + toUtf8(choice.name.isEmpty() ? choice.id : choice.name) + " in this computer any more.");
  }
  m_triedDevice = found->id;
  return m_triedDevice;
}

engine::Result<void> InferenceWorker::loadAgain(const AnswerEvents& events, std::stop_token stop) {
  m_live.reset();
  m_model.reset();  // its memory is needed
  if (events.loadAgain) events.loadAgain(m_request);
  auto loaded = load(ModelRequest(m_request), events.loadProgress, stop);
  if (events.loadedAgain) events.loadedAgain(loaded);
  if (!loaded) return tl::unexpected(loaded.error());
  return {};
}

void InferenceWorker::countRows() {
  const std::uint64_t rows = m_live->session.rowsSubmitted();
  m_rows += rows - m_countedRows;
  m_countedRows = rows;
}

engine::Result<AnswerSnapshot> InferenceWorker::takeSnapshot() const {
  auto snapshot = m_live->session.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  return AnswerSnapshot{std::make_shared<const engine::Snapshot>(std::move(*snapshot)), static_cast<qint64>(m_live->answerTokens()), 0};
}

void InferenceWorker::Live::dropRead(std::size_t count) {
  hashBefore = chainHash(hashBefore, left.data(), count);
  left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(count));
  auto first = stretches.begin();
  for (; first != stretches.end() && first->count <= count; ++first) count -= first->count;
  stretches.erase(stretches.begin(), first);
  if (stretches.empty()) return;
  stretches.front().from += static_cast<qint64>(count);
  stretches.front().count -= count;
}

// A place between two stretches counts as the beginning of the second: no state within a reading has the logits that
// going on with the end of the first would need.
void InferenceWorker::offerInReading(std::size_t left, const AnswerEvents& events) const {
  if (!events.snapshot || left == 0 || left > m_live->left.size()) return;  // more: the pending token comes first
  const std::size_t read = m_live->left.size() - left;
  std::size_t inStretch = read;
  auto stretch = m_live->stretches.begin();
  for (; stretch != m_live->stretches.end() && stretch->count <= inStretch; ++stretch) inStretch -= stretch->count;
  if (stretch == m_live->stretches.end()) return;
  auto snapshot = m_live->session.snapshot();
  if (!snapshot) return;  // one less to go back to
  events.snapshot({std::make_shared<const engine::Snapshot>(std::move(*snapshot)),
                   stretch->from + static_cast<qint64>(inStretch), chainHash(m_live->hashBefore, m_live->left.data(), read),
                   stretch->message == m_live->message ? 0 : stretch->message});
}

engine::Result<std::pair<AnswerStart, std::optional<engine::Snapshot>>> InferenceWorker::findStart(const AnswerRequest& request,
                                                                                                   const AnswerPrompt& prompt,
                                                                                                   std::stop_token stop) const {
  std::vector<qint64> damaged;  // or of no use for this answer
  while (true) {
    auto start = request.findStart(prompt, damaged, stop);
    if (!start) return tl::unexpected(start.error());
    if (!start->snapshot) return std::pair(std::move(*start), std::optional<engine::Snapshot>());
    auto snapshot = unpackSnapshot(*start->snapshot, m_model->info().shape);
    if (snapshot && (!start->toRead.empty() ||
                     canGoOn(*snapshot, request.generate, start->answerTokens, *m_model->tokenizer()))) {
      return std::pair(std::move(*start), std::optional(std::move(*snapshot)));
    }
    if (!snapshot) {
      if (snapshot.error().code == engine::ErrorCode::OutOfMemory || start->snapshot->id == 0) return tl::unexpected(snapshot.error());
      qCWarning(lcEngine) << "A saved memory cannot be used, more text is read again:" << errorDetails(snapshot.error());
    }
    damaged.push_back(start->snapshot->id);
  }
}

/// Brings the session to the start of the answer, or as far as it can without reading: what is left to read is in
/// m_live->left. Returns how many tokens of the answer (its journal) the state has read.
engine::Result<std::uint64_t> InferenceWorker::moveTo(const AnswerRequest& request, const AnswerPrompt& prompt, std::stop_token stop) {
  const std::size_t journal = request.generate.journal.size();
  // The end of the prompt may never have been read; with it the last token of the answer before, which was drawn only.
  const std::uint64_t fresh = prompt.tokens.size() - std::min<std::uint64_t>(prompt.readBefore, prompt.tokens.size()) +
                              (prompt.baseIsPending && prompt.readBefore == 0 ? 1 : 0);
  const auto take = [&](Tokens left, std::uint64_t neverRead = 0) {
    const std::uint64_t unread = fresh + (prompt.readBefore == 0 && journal == 0 ? neverRead : 0);
    m_live->again = left.size() > unread ? left.size() - unread : 0;
    m_live->left = std::move(left);
  };
  const auto isEndOfPrompt = [&] {  // what is left
    const std::size_t count = m_live->left.size();
    m_live->stretches.clear();
    if (count == 0 || count > prompt.tokens.size()) return;
    m_live->stretches.push_back({request.messageId, -static_cast<qint64>(count), count});
    m_live->hashBefore = chainHash(prompt.hashBefore, prompt.tokens.data(), prompt.tokens.size() - count);
  };
  if (m_live && m_live->message == request.messageId && (!m_live->left.empty() || m_live->answerTokens() <= journal)) {
    return m_live->left.empty() ? m_live->answerTokens() : 0;
  }
  const bool atBase = m_live && prompt.baseMessageId != 0 && m_live->message == prompt.baseMessageId && m_live->left.empty() &&
                      m_live->answerTokens() + (m_live->session.pendingToken() ? 1 : 0) == prompt.baseTokens;
  if (atBase && journal == 0) {
    m_live->message = request.messageId;
    take(prompt.tokens);
    isEndOfPrompt();
    return 0;
  }

  AnswerStart start;
  std::optional<engine::Snapshot> snapshot;
  if (request.findStart) {
    auto found = findStart(request, prompt, stop);
    if (!found) return tl::unexpected(found.error());
    std::tie(start, snapshot) = std::move(*found);
  } else {
    start.toRead = prompt.tokens;
  }
  if (!m_live) {
    m_live.emplace(Live{0, engine::Session(m_model), {}, 0, 0});
    m_countedRows = 0;
  }
  m_live->message = 0;  // nowhere, until the restore has worked
  m_live->session.reset();
  m_live->session.setPendingToken(std::nullopt);
  if (snapshot) {
    if (auto restored = m_live->session.restore(*snapshot); !restored) return tl::unexpected(restored.error());
  }
  m_live->message = request.messageId;
  m_live->answerStart = m_live->session.tokensRead() - start.answerTokens;
  take(std::move(start.toRead), start.neverRead);
  m_live->stretches = std::move(start.stretches);
  m_live->hashBefore = start.hashBefore;
  if (m_live->stretches.empty()) isEndOfPrompt();
  return start.answerTokens;
}

engine::Result<void> InferenceWorker::readPrompt(const AnswerEvents& events, std::stop_token stop,
                                                 AnswerFinished& finished) {
  engine::Session& session = m_live->session;
  if (m_live->left.empty()) return {};
  QElapsedTimer timer, sinceSnapshot;
  timer.start();
  sinceSnapshot.start();
  const std::uint64_t pending = session.pendingToken() ? 1 : 0;
  const std::uint64_t before = session.tokensRead() + pending;
  if (events.prefill) events.prefill(0, m_live->left.size());
  const auto result = session.prefill(m_live->left, stop, [&](const engine::PrefillProgress& p) {
    if (events.prefill) events.prefill(p.done, p.total);
    if (sinceSnapshot.elapsed() < m_snapshotMilliseconds) return;
    offerInReading(p.total - p.done, events);
    sinceSnapshot.restart();
  });
  const std::uint64_t now = session.tokensRead();
  const std::uint64_t done = now > before ? now - before : 0;
  finished.promptTokens = done;
  finished.prefillSeconds = secondsOf(timer);
  const std::uint64_t again = std::min(done, m_live->again);
  finished.tokensReadAgain += again;
  m_live->again -= again;
  m_live->dropRead(static_cast<std::size_t>(done));
  m_live->answerStart = now;
  const bool stopped = !result && result.error().code == engine::ErrorCode::Cancelled;
  if (stopped && done > 0) offerInReading(m_live->left.size(), events);
  return result;
}

engine::Result<AnswerFinished> InferenceWorker::answer(const AnswerRequest& request, const AnswerEvents& events,
                                                       std::stop_token stop) {
  if (m_deviceLost && request.fingerprint == m_fingerprint) {
    if (auto again = loadAgain(events, stop); !again) return tl::unexpected(again.error());
  }
  auto result = answerOnce(request, events, std::move(stop));
  if (!result && result.error().code == engine::ErrorCode::DeviceUnavailable) {
    m_live.reset();
    m_deviceLost = true;
  }
  return result;
}

engine::Result<AnswerFinished> InferenceWorker::answerOnce(const AnswerRequest& request, const AnswerEvents& events,
                                                           std::stop_token stop) {
  if (!m_model) return engine::fail(engine::ErrorCode::InvalidArgument, "No model is loaded.");
  if (m_fingerprint != request.fingerprint) {  // another one was loaded while this waited
    return engine::fail(engine::ErrorCode::StateMismatch, "The question was put to another model than the one that is loaded.");
  }
  QElapsedTimer total, sinceSnapshot;
  total.start();
  AnswerFinished finished;
  auto made = request.makePrompt(stop);
  if (!made) return tl::unexpected(made.error());
  const auto prompt = std::make_shared<const AnswerPrompt>(std::move(*made));
  if (events.prepared) events.prepared(prompt);
  const auto journalRead = moveTo(request, *prompt, stop);
  if (!journalRead) return tl::unexpected(journalRead.error());
  engine::Session& session = m_live->session;

  const bool readSomething = !m_live->left.empty();
  if (auto read = readPrompt(events, stop, finished); !read) {
    countRows();
    if (read.error().code != engine::ErrorCode::Cancelled) {
      m_live.reset();
      return tl::unexpected(read.error());
    }
    finished.reason = engine::StopReason::Cancelled;
    finished.position = session.tokensRead();
    return finished;
  }
  // A snapshot that fails is one less to go back to; what comes next on that device says why.
  const auto offerSnapshot = [&] {
    if (!events.snapshot) return;
    if (auto snapshot = takeSnapshot()) events.snapshot(*snapshot);
  };
  if (readSomething) offerSnapshot();
  sinceSnapshot.start();

  engine::GenerateRequest generate = request.generate;
  generate.journalInState = *journalRead;
  // The journal holds the drawn token that was not read yet, so generate() reads it from there.
  if (!generate.journal.empty()) session.setPendingToken(std::nullopt);
  AnswerBatcher batcher([&events](const AnswerBatch& batch) { if (events.batch) events.batch(batch); });
  double firstToken = 0;
  // The last token of a journal was drawn and never read; all before it were.
  std::uint64_t readAgain = 0;
  QElapsedTimer sinceTold;
  const auto replayed = [&](std::size_t done, std::size_t count) {
    readAgain = std::min(done, count - 1);
    if (sinceTold.isValid() && sinceTold.elapsed() < kTellMilliseconds && done < count) return;
    sinceTold.start();
    if (events.replay) events.replay(generate.journalInState + done, generate.journalInState + count);
  };
  if (events.replay && generate.journal.size() > generate.journalInState + 1) events.replay(generate.journalInState, generate.journal.size());
  const auto result = session.generate(generate, [&](const engine::GeneratedToken& token) {
    if (firstToken == 0) firstToken = secondsOf(total);
    batcher.push(token.id, token.text);
    if (token.snapshotSafe && sinceSnapshot.elapsed() >= m_snapshotMilliseconds) {
      batcher.flush();  // the store must know the tokens before the state that has read them
      offerSnapshot();
      sinceSnapshot.restart();
    }
    return true;
  }, stop, replayed);
  batcher.flush();
  countRows();
  if (!result) {
    m_live.reset();
    return tl::unexpected(result.error());
  }
  finished.tokensReadAgain += readAgain;
  finished.reason = result->reason;
  if (result->tokens.size() >= generate.journal.size() || result->reason == engine::StopReason::StopText) {
    finished.tokens = result->tokens;
    finished.tail = toQString(result->tail);
  } else {  // stopped while the journal was still being decoded: what was there before stays the answer
    finished.tokens = generate.journal;
  }
  session.undoHeldBack();  // so that Continue can still take back a stop text that is half there
  finished.pendingToken = session.pendingToken();
  if (auto snapshot = takeSnapshot()) finished.snapshot = std::move(*snapshot);
  finished.firstTokenSeconds = firstToken;
  finished.decodeSeconds = result->seconds;
  finished.answerTokens = result->drawn;
  finished.position = m_live->answerStart + finished.tokens.size();
  finished.tokensPerSecond = result->seconds > 0 ? static_cast<double>(result->drawn) / result->seconds : 0;
  return finished;
}

quint64 InferenceWorker::modelBytes() const {
  quint64 bytes = 0;
  if (m_model) {
    for (const auto& entry : m_model->ledger().entries()) bytes += engine::namesCpu(entry.device) ? entry.bytes : 0;
  }
  return bytes;
}

}  // namespace rookery::app
