// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/conversation.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QLocale>
#include <QPointer>
#include <QRandomGenerator>
#include <QThreadPool>
#include <QUuid>
#include <algorithm>

#include "chat/prompt_text.h"
#include "inference/engine_text.h"
#include "support/dialogs.h"
#include "support/plain_text.h"

namespace rookery::app {
namespace {
// The promise is that at most 250 ms of text is missing after a crash; batches (16 ms) and the commit itself take their
// share of that.
constexpr int kJournalMilliseconds = 120;

/// Without a copy of what may be millions of characters.
bool isBlank(const QString& text) {
  return std::all_of(text.begin(), text.end(), [](QChar c) { return c.isSpace(); });
}
}  // namespace

Conversation::Conversation(ChatStore& store, InferenceService& service, StoredChat chat, QObject* parent)
    : QObject(parent), m_store(store), m_service(service), m_record(std::move(chat.record)) {
  m_start.start = m_record.start;
  m_lastSystem = m_record.systemPrompt;
  m_lastSince = m_record.systemSince;
  if (m_record.id == 0) m_record.uuid = QUuid::createUuid().toString(QUuid::WithoutBraces);
  m_transcript.reset(std::move(chat.tree), m_record.activeLeaf, [&store](qint64 message) { return store.message(message); },
                     [&store](qint64 message, QObject* context, TranscriptModel::Loaded loaded) {
                       store.loadMessage(message, context, std::move(loaded));
                     });
  m_journalTimer.setSingleShot(true);
  m_journalTimer.setTimerType(Qt::PreciseTimer);
  m_journalTimer.setInterval(kJournalMilliseconds);
  connect(&m_journalTimer, &QTimer::timeout, this, &Conversation::flushJournal);
  connect(&service, &InferenceService::activityChanged, this, [this] {
    if (isBusy()) Q_EMIT activityChanged();
  });
  connect(&service, &InferenceService::answerPrepared, this, &Conversation::onPrepared);
  connect(&service, &InferenceService::answerPrefillProgress, this, [this](quint64 job) {
    if (job == m_job) setState(State::Reading);
  });
  connect(&service, &InferenceService::answerSnapshot, this, &Conversation::onSnapshot);
  connect(&service, &InferenceService::answerBatch, this, &Conversation::onBatch);
  connect(&service, &InferenceService::answerFinished, this, &Conversation::onFinished);
  connect(&service, &InferenceService::answerFailed, this, &Conversation::onFailed);
  connect(&service, &InferenceService::loadFailed, this, [this](quint64 job) {
    if (job == m_job) m_loadedAgainInVain = true;
    // Another one may be loaded instead: then that one answers.
    QMetaObject::invokeMethod(this, &Conversation::askWhenLoaded, Qt::QueuedConnection);
  });
  connect(&service, &InferenceService::modelLoaded, this, &Conversation::askWhenLoaded);
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

void Conversation::setRules(const AnswerRules& rules) {
  if (m_record.rules == rules) return;
  m_record.rules = rules;
  if (m_record.id > 0) m_store.putConversation(m_record);
}

void Conversation::setThinking(std::optional<engine::Thinking> thinking) {
  if (m_record.thinking == thinking) return;
  m_record.thinking = thinking;
  if (m_record.id > 0) m_store.putConversation(m_record);
}

void Conversation::setSystemPrompt(const QString& text) {
  if (m_record.systemPrompt == text || m_record.start.isChat) return;
  m_record.systemPrompt = text;
  if (m_record.id == 0) return;
  // Whoever writes it back as it was has changed nothing.
  m_record.systemSince = text == m_lastSystem ? m_lastSince : m_store.newMessageId();
  m_store.putConversation(m_record);
}

void Conversation::clearStart() {
  if (m_transcript.rowCount() > 0) return;
  ++m_startRead;
  m_startIsBeingRead = false;
  m_start = {};
  m_record.start = {};
  Q_EMIT startChanged();
}

void Conversation::setStart(const QString& path) {
  if (m_transcript.rowCount() > 0) return;
  clearStart();
  if (!m_service.model()) {
    Q_EMIT failed([] { return tr("Load the model that this state is for, then choose the state."); }, {});
    return;
  }
  m_startIsBeingRead = true;
  // A large state takes tenths of a second.
  QThreadPool::globalInstance()->start([self = QPointer(this), asked = m_startRead, path, model = *m_service.model()] {
    auto read = readStartState(path, model.info.shape);
    QMetaObject::invokeMethod(qApp, [self, asked, path, model, read = std::move(read)] {
      if (!self || self->m_startRead != asked) return;
      self->m_startIsBeingRead = false;
      const QString name = displayName(QFileInfo(path).fileName());
      if (!read) {
        Q_EMIT self->failed(
            [name, model = displayName(model.name), error = read.error()] {
              if (error.code == engine::ErrorCode::StateMismatch)
                return tr("%1 does not fit the model that is loaded, %2.").arg(name, model);
              if (error.code == engine::ErrorCode::NotRwkv) return tr("%1 holds no state.").arg(name);
              return tr("%1 cannot be used as a start. %2", "%2 is a sentence").arg(name, errorText(error));
            },
            errorDetails(read.error()));
        Q_EMIT self->startChanged();
        return;
      }
      if (!read->info.belongsTo(model.fingerprint.toStdString()) &&
          !Dialogs::instance().confirm(nullptr, tr("A state of another model"),
                                       tr("%1 was saved by another model (%2), and means little to this one. A file of the same model with other "
                                          "number types or another layout counts as another. Begin from it all the same?").arg(name, displayName(toQString(read->info.label.model))),
                                       tr("Begin from it"))) {
        Q_EMIT self->startChanged();
        return;
      }
      if (!self || self->m_startRead != asked || self->m_transcript.rowCount() > 0) return;  // a dialog lets events through
      self->m_start = *read;
      self->m_record.start = read->start;
      if (read->start.isChat) self->m_record.systemPrompt.clear();  // it would come in the middle of a chat
      Q_EMIT self->startChanged();
    });
  });
}

LiveText Conversation::startProblem(const engine::Error& error) {
  if (m_record.start.hash == 0) return {};
  const QString name = displayName(m_record.start.name);
  if (error.code == engine::ErrorCode::StateMismatch && m_service.model() &&
      m_service.model()->fingerprint == m_record.fingerprint)
    return [name, model = displayName(m_service.model()->name)] {
      return tr("This chat begins from the state %1, which does not fit %2. Load a model that it fits.").arg(name, model);
    };
  if (error.code == engine::ErrorCode::FileDamaged ||
      (error.code == engine::ErrorCode::FileUnreadable && !m_store.hasStartState(m_record.start.hash)))
    return [name] {
      return tr("The state %1 that this chat begins from is no longer in the database, or is damaged, and the model "
                "would answer without it. Begin a new chat.")
          .arg(name);
    };
  return {};
}

void Conversation::setTitle(const QString& title) {
  const QString clean = title.simplified();
  if (clean.isEmpty() || clean == m_record.title) return;
  m_record.title = clean;
  m_record.titleIsAutomatic = false;
  if (m_record.id > 0) m_store.setTitle(m_record.id, clean, false);
  Q_EMIT titleChanged(clean);
}

std::optional<MessageRecord> Conversation::load(qint64 message) const {
  const int row = m_transcript.rowOf(message);
  if (row < 0 || m_transcript.isLoading(row)) return m_store.message(message);
  const MessageRecord& found = m_transcript.message(row);
  if (found.conversation > 0) return found;
  return m_transcript.isLoading(row) ? m_store.message(message) : std::nullopt;
}

// Never an answer that silently leaves out what was said before.
bool Conversation::cannotRead() {
  Q_EMIT failed(
      [] {
        return tr(
            "The earlier messages of this chat cannot be read now, and the model would answer without them. Try again "
            "in a while.");
      },
      {});
  return false;
}

bool Conversation::canAsk(bool waitsForModel) {
  if (isBusy() || (m_service.isLoading() ? !waitsForModel : !m_service.model())) return false;
  if (m_store.isReadOnly())
    Q_EMIT failed([&store = m_store] { return store.whyReadOnly(); }, {});
  else if (m_startIsBeingRead)
    Q_EMIT failed([] { return tr("The state that this chat begins from is being read. Try again in a moment."); }, {});
  return !m_store.isReadOnly() && !m_startIsBeingRead;
}

EngineActivity Conversation::activity() const {
  if (!isBusy()) return {};
  if (!m_waitsForModel) return m_service.activityOf(m_job);
  EngineActivity activity = m_service.activity();
  if (activity.isIdle()) activity.kind = EngineActivity::Kind::Loading;
  activity.isAwaited = true;
  return activity;
}

bool Conversation::send(const QString& text, const QString& words) {
  if (isBlank(text) || !canAsk(true)) return false;
  // An unanswered question at the end gets its sibling, not a second question below it.
  const int last = m_transcript.rowCount() - 1;
  if (last < 0) return addUserMessage(0, text, words);
  const auto leaf = load(m_transcript.leaf());
  if (!leaf) return cannotRead();
  return addUserMessage(leaf->role == MessageRole::User ? leaf->parent : leaf->id, text, words);
}

bool Conversation::editMessage(qint64 message, const QString& text, const QString& words) {
  if (isBlank(text) || !canAsk(true)) return false;
  const auto old = load(message);
  return old ? addUserMessage(old->parent, text, words) : cannotRead();
}

bool Conversation::addUserMessage(qint64 parent, const QString& text, const QString& words) {
  const auto base = parent != 0 ? load(parent) : std::nullopt;
  if (parent != 0 && !base) return cannotRead();
  const QDateTime now = QDateTime::currentDateTime();
  const bool isNew = m_record.id == 0;
  if (isNew) {
    m_record.id = m_store.newConversationId();
    m_record.created = now;
  }
  // Chosen since this chat was opened: the store may not have it.
  if (parent == 0 && !m_start.packed.isEmpty()) m_store.putStartState(m_record.start.hash, m_start.packed);
  if (m_record.title.isEmpty() && m_record.titleIsAutomatic) m_record.title = titleFrom(isBlank(words) ? text : words);
  m_record.updated = now;

  MessageRecord question;
  question.id = m_store.newMessageId();
  question.conversation = m_record.id;
  question.parent = parent;
  question.role = MessageRole::User;
  question.created = now;
  question.text = text;
  m_asked = {question.id, question.text, base, true, m_transcript.leaf()};
  m_record.activeLeaf = question.id;
  m_store.putConversation(m_record);
  m_store.addMessage(question);
  m_transcript.add(question);
  if (isNew) Q_EMIT created();
  Q_EMIT touched();
  m_goesOn = false;
  m_waitsForModel = m_service.isLoading();
  if (m_waitsForModel) setState(State::Waiting);
  else ask();
  return true;
}

void Conversation::askWhenLoaded() {
  if (!m_waitsForModel || m_service.isLoading()) return;
  m_waitsForModel = false;
  if (m_service.model()) {
    ask();
  } else {
    takeBack();
    Q_EMIT failed([] { return tr("No model could be loaded. Choose one on the Models page."); }, {});
  }
}

void Conversation::ask() {
  m_record.fingerprint = m_service.model()->fingerprint;
  m_record.modelName = m_service.model()->name;
  MessageRecord answer;
  answer.id = m_store.newMessageId();
  answer.conversation = m_record.id;
  answer.parent = m_asked.question;
  answer.role = MessageRole::Assistant;
  answer.state = MessageState::Partial;
  answer.created = QDateTime::currentDateTime();
  answer.fingerprint = m_record.fingerprint;
  answer.modelName = m_record.modelName;
  answer.sampling = m_record.sampling;
  answer.rules = m_record.rules;
  // Kept to 53 bits, so that a seed survives every spin box and JSON file on its way.
  answer.seed = m_seed.value_or(QRandomGenerator::global()->generate64() >> 11U);
  m_record.activeLeaf = answer.id;
  m_record.updated = answer.created;
  m_store.putConversation(m_record);
  m_store.addMessage(answer);
  m_transcript.add(answer);
  m_answer = answer;
  m_goesOn = false;
  start();
}

std::optional<Conversation::Asked> Conversation::askedBefore(qint64 answer) const {
  Asked asked;
  asked.question = m_transcript.parentOf(answer);
  if (asked.question == 0) return std::nullopt;
  const int row = m_transcript.rowOf(asked.question);
  if (row >= 0 && !m_transcript.isLoading(row) && m_transcript.message(row).conversation > 0) asked.text = m_transcript.message(row).text;
  const qint64 parent = m_transcript.parentOf(asked.question);
  if (parent != 0) asked.base = load(parent);
  if (parent != 0 && !asked.base) return std::nullopt;
  asked.leafBefore = m_transcript.leaf();
  return asked;
}

bool Conversation::regenerate(qint64 message) {
  if (!canAsk()) return false;
  auto asked = askedBefore(message);
  if (!asked) return cannotRead();
  m_asked = std::move(*asked);
  ask();
  Q_EMIT touched();
  return true;
}

bool Conversation::continueAnswer(qint64 message) {
  if (m_transcript.leaf() != message || !canAsk()) return false;
  const auto cut = load(message);
  if (cut && cut->fingerprint != m_service.model()->fingerprint) return false;
  auto asked = cut ? askedBefore(message) : std::nullopt;
  if (!asked) return cannotRead();
  m_asked = std::move(*asked);
  m_answer = *cut;
  m_goesOn = true;
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

bool Conversation::showMessage(qint64 message) {
  if (m_transcript.rowOf(message) >= 0) return true;
  if (isBusy() || !m_transcript.showMessage(message)) return false;
  m_record.activeLeaf = m_transcript.leaf();
  m_store.setActiveLeaf(m_record.id, m_record.activeLeaf);
  return true;
}

void Conversation::start() {
  PromptSource source;
  source.answer = m_answer;
  source.question = m_asked.text;
  source.base = m_asked.base;
  source.isNew = m_asked.isNew && !m_goesOn;
  if (m_goesOn && m_promptOf == m_answer.id) source.known = m_prompt;
  source.systemPrompt = m_lastSystem = m_record.systemPrompt;
  source.systemSince = m_lastSince = m_record.systemSince;
  source.start = m_record.start;
  source.thinking = m_record.thinking.value_or(thinkingFor(*m_service.model()));
  source.stopRules = m_stopRules;
  source.tokenizer = m_service.tokenizer();
  AnswerRequest request;
  request.messageId = m_answer.id;
  request.fingerprint = m_answer.fingerprint;
  request.generate.sampling = m_answer.sampling;
  request.generate.seed = m_answer.seed;
  // An answer keeps the stop texts that it was begun with; how long it gets is the chat's choice of now.
  request.generate.maxTokens = limitFor(m_record.rules, m_answer.tokens.size());
  request.generate.stopTexts = stopTextsOf(m_answer.rules, m_stopRules);
  request.generate.stopAtEndOfText = m_stopRules;
  request.generate.journal = m_answer.tokens;
  request.findStart = [&store = m_store, answer = m_answer](const AnswerPrompt& prompt, const std::vector<qint64>& without,
                                                            std::stop_token stop) -> engine::Result<AnswerStart> {
    MessageRecord asked = answer;
    asked.prompt = prompt.tokens;
    asked.startHash = prompt.startHash;
    asked.promptFromStart = prompt.baseMessageId == 0;
    auto found = store.startFor(asked, prompt.baseMessageId, without, stop);
    if (found) {
      return AnswerStart{std::move(found->snapshot), std::move(found->toRead), found->answerTokens, std::move(found->stretches),
                         found->hashBefore, found->neverRead};
    }
    if (stop.stop_requested()) return engine::fail(engine::ErrorCode::Cancelled, "Stopped before anything was read.");
    // The only file that an answer reads is the store's, see onFailed().
    return engine::fail(engine::ErrorCode::FileUnreadable, "What was said before this answer cannot be read from the database, or is not saved yet.");
  };
  request.makePrompt = [&store = m_store, source = std::move(source)](std::stop_token stop) { return makePrompt(store, source, std::move(stop)); };
  m_journalSeq = 0;
  m_loadedAgainInVain = false;
  m_isPrepared = false;
  m_keepsQuestion = false;
  m_job = m_service.answer(request);
  setState(State::Waiting);
}

// The store has the prompt by now; what comes next of the answer is written after it.
void Conversation::onPrepared(quint64 job, const std::shared_ptr<const AnswerPrompt>& prompt) {
  if (job != m_job) return;
  m_prompt = prompt;
  m_promptOf = m_answer.id;
  m_isPrepared = true;
  m_answer.startHash = prompt->startHash;
  m_answer.promptFromStart = prompt->baseMessageId == 0;
  m_answer.text = prompt->text;
  m_answer.state = MessageState::Partial;
  m_answer.stop.reset();
  if (m_goesOn) m_store.finishAnswer(m_answer);
  m_transcript.update(m_answer);
}

void Conversation::stop() {
  if (m_waitsForModel) takeBack();
  else if (isBusy()) m_service.stop(m_job);
}

void Conversation::stopAndKeep() {
  m_keepsQuestion = true;
  if (!std::exchange(m_waitsForModel, false)) stop();
  else setState(State::Idle);
}

// Nothing that was read or written is lost by it: there is nothing yet. What a person wrote goes back to where it was written.
void Conversation::takeBack() {
  const qint64 answer = std::exchange(m_answer, {}).id;
  m_job = 0;
  m_waitsForModel = false;
  const Asked asked = std::exchange(m_asked, {});
  const qint64 question = asked.isNew ? asked.question : 0;
  m_record.activeLeaf = asked.leafBefore;
  m_store.takeBack(m_record.id, answer, question, asked.leafBefore);
  if (answer != 0) m_transcript.remove(answer, asked.leafBefore);
  if (question != 0) m_transcript.remove(question, asked.leafBefore);
  setState(State::Idle);
  Q_EMIT takenBack(asked.isNew ? asked.text.value_or(QString()) : QString());
  Q_EMIT progressed([] { return tr("Stopped."); });
}

void Conversation::becomeNew() {
  if (isBusy() || m_record.id == 0 || m_transcript.rowCount() > 0) return;
  m_store.moveToBin(m_record.id);
  m_store.deleteFromBin(m_record.id);
  m_record.id = 0;
  m_record.uuid = QUuid::createUuid().toString(QUuid::WithoutBraces);
  if (m_record.titleIsAutomatic) m_record.title.clear();
}

void Conversation::flushJournal() {
  m_journalTimer.stop();
  if (m_unsavedTokens.empty() && m_unsavedText.isEmpty()) return;
  m_store.appendJournal(m_answer.id, m_journalSeq++, m_unsavedText, m_unsavedTokens);
  m_unsavedText.clear();
  m_unsavedTokens.clear();
}

void Conversation::storeSnapshot(const AnswerSnapshot& snapshot) {
  const bool own = snapshot.message == 0;
  if (!snapshot.snapshot || (own && snapshot.answerTokens > static_cast<qint64>(m_answer.tokens.size()))) return;
  SnapshotRecord record;
  record.message = own ? m_answer.id : snapshot.message;
  record.answerTokens = snapshot.answerTokens;
  record.fingerprint = m_answer.fingerprint;
  record.prefixHash = snapshot.promptHash;
  if (own && snapshot.answerTokens >= 0) {
    record.prefixHash = chainHash(m_answer.startHash, m_answer.tokens.data(), static_cast<std::size_t>(snapshot.answerTokens));
  }
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
  if (!result.snapshot.snapshot && result.promptTokens == 0 && !m_goesOn && !m_keepsQuestion) {
    takeBack();
    return;
  }
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
  m_answer.decodeTokens += static_cast<int>(result.answerTokens);
  m_store.finishAnswer(m_answer);
  storeSnapshot(result.snapshot);
  const MessageRecord done = std::exchange(m_answer, {});
  m_job = 0;
  setState(State::Idle);
  m_transcript.update(done);
  Q_EMIT progressed([position = result.position, again = result.tokensReadAgain] {
    const QLocale locale;
    return tr("%1 tokens remembered, %2 read again").arg(locale.toString(position), locale.toString(again));
  });
}

void Conversation::onFailed(quint64 job, const engine::Error& error) {
  if (job != m_job) return;
  if (error.code == engine::ErrorCode::Cancelled && !m_goesOn && !m_keepsQuestion) {  // before anything was read
    takeBack();
    return;
  }
  flushJournal();
  if (!m_goesOn || m_isPrepared) {  // else it is as it was
    m_answer.stop = engine::StopReason::Cancelled;
    m_store.finishAnswer(m_answer);
  }
  const MessageRecord done = std::exchange(m_answer, {});
  m_job = 0;
  setState(State::Idle);
  m_transcript.update(done);
  if (m_loadedAgainInVain && error.code != engine::ErrorCode::Cancelled) {
    Q_EMIT failed(
        [] {
          return tr(
              "The model could not be loaded again. What was written so far is kept; Continue goes on once the model "
              "is loaded.");
        },
        errorDetails(error));
  } else if (error.code == engine::ErrorCode::DeviceUnavailable) {
    Q_EMIT failed(
        [] {
          return tr(
              "The graphics device stopped answering. What was written so far is kept; Continue loads the model again "
              "and goes on.");
        },
        errorDetails(error));
  } else if (const LiveText problem = startProblem(error); !problem.isEmpty()) {
    Q_EMIT failed(problem, errorDetails(error));
  } else if (error.code == engine::ErrorCode::FileUnreadable) cannotRead();
  else Q_EMIT failed([error] { return errorText(error); }, errorDetails(error));
}

}  // namespace rookery::app
