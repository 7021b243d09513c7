// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/conversation.h"

#include <QLocale>
#include <QRandomGenerator>
#include <QUuid>

#include "chat/prompt_text.h"
#include "inference/engine_text.h"

namespace rookery::app {
namespace {
// The promise is that at most 250 ms of text is missing after a crash; batches (16 ms) and the commit itself take their
// share of that.
constexpr int kJournalMilliseconds = 120;
}  // namespace

Conversation::Conversation(ChatStore& store, InferenceService& service, qint64 id, QObject* parent)
    : QObject(parent), m_store(store), m_service(service) {
  if (auto record = id > 0 ? store.conversation(id) : std::nullopt) {
    m_record = std::move(*record);
    m_transcript.reset(store.tree(id), m_record.activeLeaf, [&store](qint64 message) { return store.message(message); });
  } else {
    m_record.uuid = QUuid::createUuid().toString(QUuid::WithoutBraces);
    m_transcript.reset({}, 0, [&store](qint64 message) { return store.message(message); });
  }
  m_journalTimer.setSingleShot(true);
  m_journalTimer.setTimerType(Qt::PreciseTimer);
  m_journalTimer.setInterval(kJournalMilliseconds);
  connect(&m_journalTimer, &QTimer::timeout, this, &Conversation::flushJournal);
  connect(&service, &InferenceService::answerPrefillProgress, this, [this](quint64 job, quint64 done, quint64 total) {
    if (job != m_job) return;
    setState(State::Reading);
    const QLocale locale;
    Q_EMIT progressed(tr("Reading %1 of %2 tokens").arg(locale.toString(done), locale.toString(total)));
  });
  connect(&service, &InferenceService::answerSnapshot, this, &Conversation::onSnapshot);
  connect(&service, &InferenceService::answerBatch, this, &Conversation::onBatch);
  connect(&service, &InferenceService::answerFinished, this, &Conversation::onFinished);
  connect(&service, &InferenceService::answerFailed, this, &Conversation::onFailed);
}

Conversation::~Conversation() {
  if (!isBusy()) return;
  stop();
  flushJournal();  // the next start folds the journal into the row
}

void Conversation::setState(State state) {
  if (m_state == state) return;
  m_state = state;
  Q_EMIT stateChanged();
}

bool Conversation::needsReading() const {
  return m_service.model() && !m_record.fingerprint.isEmpty() && m_record.fingerprint != m_service.model()->fingerprint;
}

void Conversation::setSampling(const engine::SamplerSettings& sampling) {
  if (m_record.sampling == sampling) return;
  m_record.sampling = sampling;
  if (m_record.id > 0) m_store.putConversation(m_record);
}

void Conversation::setThinking(std::optional<engine::Thinking> thinking) {
  if (m_record.thinking == thinking) return;
  m_record.thinking = thinking;
  if (m_record.id > 0) m_store.putConversation(m_record);
}

void Conversation::setSystemPrompt(const QString& text) {
  if (m_transcript.rowCount() > 0) return;
  m_record.systemPrompt = text;
}

void Conversation::setTitle(const QString& title) {
  const QString clean = title.simplified();
  if (clean.isEmpty() || clean == m_record.title) return;
  m_record.title = clean;
  m_record.titleIsAutomatic = false;
  if (m_record.id > 0) m_store.setTitle(m_record.id, clean, false);
  Q_EMIT titleChanged(clean);
}

MessageRecord Conversation::load(qint64 message) const {
  const int row = m_transcript.rowOf(message);
  if (row >= 0) return m_transcript.message(row);
  return m_store.message(message).value_or(MessageRecord{});
}

qint64 Conversation::parentOf(qint64 message) const { return message > 0 ? load(message).parent : 0; }

bool Conversation::send(const QString& text) {
  if (isBusy() || !m_service.model() || text.trimmed().isEmpty()) return false;
  // An unanswered question at the end gets its sibling, not a second question below it.
  const int last = m_transcript.rowCount() - 1;
  qint64 parent = m_transcript.leaf();
  if (last >= 0 && m_transcript.message(last).role == MessageRole::User) parent = m_transcript.message(last).parent;
  addUserMessage(parent, text);
  return true;
}

bool Conversation::editMessage(qint64 message, const QString& text) {
  if (isBusy() || !m_service.model() || text.trimmed().isEmpty()) return false;
  addUserMessage(parentOf(message), text);
  return true;
}

void Conversation::addUserMessage(qint64 parent, const QString& text) {
  const QDateTime now = QDateTime::currentDateTime();
  const bool isNew = m_record.id == 0;
  if (isNew) {
    m_record.id = m_store.newConversationId();
    m_record.created = now;
  }
  if (m_record.title.isEmpty() && m_record.titleIsAutomatic) m_record.title = titleFrom(text);
  m_record.updated = now;
  m_record.fingerprint = m_service.model()->fingerprint;
  m_record.modelName = m_service.model()->name;

  MessageRecord question;
  question.id = m_store.newMessageId();
  question.conversation = m_record.id;
  question.parent = parent;
  question.role = MessageRole::User;
  question.created = now;
  question.text = text;
  m_record.activeLeaf = question.id;
  m_store.putConversation(m_record);
  m_store.addMessage(question);
  m_transcript.add(question);
  if (isNew) Q_EMIT created();
  Q_EMIT touched();
  ask(question.id);
}

void Conversation::makePrompt(MessageRecord& answer, qint64 userMessage) {
  const MessageRecord question = load(userMessage);
  const engine::Tokenizer& tokenizer = *m_service.tokenizer();
  const MessageRecord base = question.parent > 0 ? load(question.parent) : MessageRecord{};
  const engine::Thinking thinking = m_record.thinking.value_or(thinkingFor(*m_service.model()));
  std::string text;
  if (base.id == 0) {
    answer.promptFromStart = true;
    text = engine::userTurn(toUtf8(m_record.systemPrompt), toUtf8(question.text), true, thinking);
  } else if (base.fingerprint == answer.fingerprint && base.role == MessageRole::Assistant) {
    text = engine::userTurn({}, toUtf8(question.text), false, thinking);
  } else {  // another model answered so far: its tokens mean nothing to this one, the text is read from the start
    answer.promptFromStart = true;
    std::vector<engine::ChatMessage> history;
    for (MessageRecord m = question;; m = load(m.parent)) {
      history.push_back({m.role == MessageRole::User ? engine::Role::User : engine::Role::Assistant, toUtf8(m.text.trimmed())});
      if (m.parent == 0) break;
    }
    if (!m_record.systemPrompt.isEmpty()) history.push_back({engine::Role::System, toUtf8(m_record.systemPrompt)});
    std::reverse(history.begin(), history.end());
    text = engine::wholePrompt(history, thinking);
  }
  answer.prompt = tokenizer.encode(text);
  answer.text = toQString(begunAnswer(answer.prompt, tokenizer));
  m_base = answer.promptFromStart ? 0 : base.id;
  m_baseTokens = answer.promptFromStart ? 0 : base.tokens.size();
  answer.startHash = chainHash(answer.promptFromStart ? 0 : chainHash(base.startHash, base.tokens), answer.prompt);
}

void Conversation::ask(qint64 userMessage) {
  MessageRecord answer;
  answer.id = m_store.newMessageId();
  answer.conversation = m_record.id;
  answer.parent = userMessage;
  answer.role = MessageRole::Assistant;
  answer.state = MessageState::Partial;
  answer.created = QDateTime::currentDateTime();
  answer.fingerprint = m_service.model()->fingerprint;
  answer.sampling = m_record.sampling;
  // Kept to 53 bits, so that a seed survives every spin box and JSON file on its way.
  answer.seed = m_seed.value_or(QRandomGenerator::global()->generate64() >> 11U);
  makePrompt(answer, userMessage);
  m_answer = answer;
  m_promptWasRead = m_transcript.rowOf(userMessage) + 1 < m_transcript.rowCount();
  m_store.addMessage(m_answer);
  m_record.activeLeaf = m_answer.id;
  m_transcript.add(m_answer);
  start();
}

bool Conversation::regenerate(qint64 message) {
  if (isBusy() || !m_service.model()) return false;
  const qint64 question = parentOf(message);
  if (question == 0) return false;
  m_record.fingerprint = m_service.model()->fingerprint;
  m_record.modelName = m_service.model()->name;
  m_store.putConversation(m_record);
  ask(question);
  Q_EMIT touched();
  return true;
}

bool Conversation::continueAnswer(qint64 message) {
  if (isBusy() || !m_service.model() || m_transcript.leaf() != message) return false;
  MessageRecord answer = load(message);
  if (answer.role != MessageRole::Assistant || answer.fingerprint != m_service.model()->fingerprint) return false;
  const MessageRecord question = load(answer.parent);
  const MessageRecord base = answer.promptFromStart || question.parent == 0 ? MessageRecord{} : load(question.parent);
  m_base = base.id;
  m_baseTokens = base.tokens.size();
  m_promptWasRead = true;
  // The rest that was held back when the answer was cut comes again; so the text is what the tokens say without it.
  const engine::Tokenizer& tokenizer = *m_service.tokenizer();
  answer.text = toQString(begunAnswer(answer.prompt, tokenizer) + certainText(answer.tokens, tokenizer, m_stopRules));
  answer.state = MessageState::Partial;
  answer.stop.reset();
  m_answer = answer;
  m_store.finishAnswer(m_answer);
  m_transcript.update(m_answer);
  start();
  return true;
}

bool Conversation::switchSibling(qint64 message, int steps) {
  const int row = m_transcript.rowOf(message);
  if (isBusy() || row < 0) return false;
  m_record.activeLeaf = m_transcript.switchSibling(row, steps);
  m_store.setActiveLeaf(m_record.id, m_record.activeLeaf);
  return true;
}

void Conversation::start() {
  AnswerRequest request;
  request.messageId = m_answer.id;
  request.fingerprint = m_answer.fingerprint;
  request.baseMessageId = m_base;
  request.baseTokens = m_baseTokens;
  request.prompt = m_answer.prompt;
  request.promptWasRead = m_promptWasRead;
  request.generate.sampling = m_answer.sampling;
  request.generate.seed = m_answer.seed;
  request.generate.maxTokens = m_maxTokens;
  if (m_stopRules) request.generate.stopTexts = engine::chatStopTexts();
  request.generate.stopAtEndOfText = m_stopRules;
  request.generate.journal = m_answer.tokens;
  request.findStart = [&store = m_store, id = m_answer.id, fingerprint = m_answer.fingerprint,
                       prompt = m_answer.prompt](bool useSnapshots) {
    auto found = store.startFor(id, fingerprint, useSnapshots);
    return found ? AnswerStart{std::move(found->snapshot), std::move(found->toRead), found->answerTokens}
                 : AnswerStart{std::nullopt, prompt, 0};
  };
  m_journalSeq = 0;
  m_job = m_service.answer(request);
  setState(State::Waiting);
}

void Conversation::stop() {
  if (isBusy()) m_service.stop(m_job);
}

void Conversation::flushJournal() {
  m_journalTimer.stop();
  if (m_unsavedTokens.empty() && m_unsavedText.isEmpty()) return;
  m_store.appendJournal(m_answer.id, m_journalSeq++, m_unsavedText, m_unsavedTokens);
  m_unsavedText.clear();
  m_unsavedTokens.clear();
}

void Conversation::storeSnapshot(const AnswerSnapshot& snapshot) {
  if (!snapshot.snapshot || snapshot.answerTokens > m_answer.tokens.size()) return;
  SnapshotRecord record;
  record.message = m_answer.id;
  record.answerTokens = snapshot.answerTokens;
  record.fingerprint = m_answer.fingerprint;
  record.prefixHash = chainHash(m_answer.startHash, m_answer.tokens.data(), snapshot.answerTokens);
  m_store.saveSnapshot(std::move(record), snapshot.snapshot);
}

void Conversation::onSnapshot(quint64 job, const AnswerSnapshot& snapshot) {
  if (job == m_job) storeSnapshot(snapshot);
}

void Conversation::onBatch(quint64 job, const AnswerBatch& batch) {
  if (job != m_job) return;
  setState(State::Answering);
  m_answer.text += batch.text;
  m_answer.tokens.insert(m_answer.tokens.end(), batch.tokens.begin(), batch.tokens.end());
  m_unsavedText += batch.text;
  m_unsavedTokens.insert(m_unsavedTokens.end(), batch.tokens.begin(), batch.tokens.end());
  if (!m_journalTimer.isActive()) m_journalTimer.start();
  m_transcript.appendText(m_answer.id, batch.text);
}

void Conversation::onFinished(quint64 job, const AnswerFinished& result) {
  if (job != m_job) return;
  flushJournal();
  const bool promptDone = result.snapshot.snapshot != nullptr;
  if (promptDone) m_answer.tokens = result.tokens;
  m_answer.text += result.tail;
  m_answer.pending = result.pendingToken;
  m_answer.stop = result.reason;
  m_answer.state = promptDone ? MessageState::Complete : MessageState::Partial;
  m_answer.prefillSeconds += result.prefillSeconds;
  if (m_answer.firstTokenSeconds == 0) m_answer.firstTokenSeconds = result.firstTokenSeconds;
  m_answer.decodeSeconds += result.decodeSeconds;
  m_store.finishAnswer(m_answer);
  storeSnapshot(result.snapshot);
  const MessageRecord done = std::exchange(m_answer, {});
  m_job = 0;
  setState(State::Idle);
  m_transcript.update(done);
  const QLocale locale;
  Q_EMIT progressed(tr("%1 tokens remembered, %2 read again").arg(locale.toString(result.position), locale.toString(result.tokensReadAgain)));
}

void Conversation::onFailed(quint64 job, const engine::Error& error) {
  if (job != m_job) return;
  flushJournal();
  m_answer.stop = engine::StopReason::Cancelled;
  m_store.finishAnswer(m_answer);
  const MessageRecord done = std::exchange(m_answer, {});
  m_job = 0;
  setState(State::Idle);
  m_transcript.update(done);
  Q_EMIT failed(errorText(error), errorDetails(error));
}

}  // namespace rookery::app
