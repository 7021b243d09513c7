// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "storage/chat_store.h"

namespace rookery::app::test {

inline std::unique_ptr<ChatStore> openStore(const QString& path, const StoreOptions& options = {}) {
  auto store = ChatStore::open(path, options);
  return store ? std::move(*store) : nullptr;
}

inline ConversationRecord newChat(ChatStore& store, const QString& title) {
  ConversationRecord chat;
  chat.id = store.newConversationId();
  chat.uuid = QStringLiteral("uuid-%1").arg(chat.id);
  chat.title = title;
  chat.created = chat.updated = QDateTime::currentDateTime();
  store.putConversation(chat);
  return chat;
}

inline MessageRecord addMessage(ChatStore& store, qint64 chat, qint64 parent, MessageRole role, const QString& text) {
  MessageRecord message;
  message.id = store.newMessageId();
  message.conversation = chat;
  message.parent = parent;
  message.role = role;
  message.created = QDateTime::currentDateTime();
  message.text = text;
  if (role == MessageRole::Assistant) message.state = MessageState::Partial;
  store.addMessage(message);
  return message;
}

/// A chat of question and answer pairs as the engine would leave it: prompts, tokens, hashes.
struct Turns {
  qint64 chat = 0;
  std::vector<MessageRecord> answers;
};

/// The first `shared` answers of `from`, if given, are its beginning.
inline Turns addTurns(ChatStore& store, int count, const QString& fingerprint, const Turns& from = {}, int shared = 0) {
  Turns turns;
  turns.chat = shared > 0 ? from.chat : newChat(store, QStringLiteral("turns")).id;
  turns.answers.assign(from.answers.begin(), from.answers.begin() + shared);
  qint64 parent = shared > 0 ? turns.answers.back().id : 0;
  std::uint64_t hash = shared > 0 ? chainHash(turns.answers.back().startHash, turns.answers.back().tokens) : 0;
  for (int i = shared; i < count; ++i) {
    const MessageRecord question = addMessage(store, turns.chat, parent, MessageRole::User, QStringLiteral("q%1").arg(i));
    MessageRecord answer;
    answer.id = store.newMessageId();
    answer.conversation = turns.chat;
    answer.parent = question.id;
    answer.role = MessageRole::Assistant;
    answer.state = MessageState::Partial;
    answer.created = QDateTime::currentDateTime();
    answer.fingerprint = fingerprint;
    answer.promptFromStart = i == 0;
    for (int t = 0; t < 10; ++t) answer.prompt.push_back(static_cast<engine::TokenId>(100 * i + t + 1));
    hash = chainHash(hash, answer.prompt);
    answer.startHash = hash;
    store.addMessage(answer);
    for (int t = 0; t < 200; ++t) answer.tokens.push_back(static_cast<engine::TokenId>(1000 + 300 * i + t));
    hash = chainHash(hash, answer.tokens);
    answer.text = QStringLiteral("a%1").arg(i);
    answer.state = MessageState::Complete;
    store.finishAnswer(answer);
    turns.answers.push_back(answer);
    parent = answer.id;
  }
  return turns;
}

inline std::optional<StartPoint> startOf(ChatStore& store, const Turns& turns, std::size_t i, const std::vector<qint64>& without = {}) {
  return store.startFor(turns.answers[i], i > 0 ? turns.answers[i - 1].id : 0, without);
}

inline engine::ModelShape tinyShape() {
  engine::ModelShape shape;
  shape.layers = 1;
  shape.nEmbd = 64;
  shape.headSize = 64;
  shape.dimFfn = 128;
  shape.vocab = 50;
  return shape;
}

inline void saveSnapshot(ChatStore& store, const MessageRecord& answer, std::uint64_t count, std::uint64_t position, float mark) {
  auto snapshot = std::make_shared<engine::Snapshot>();
  snapshot->state = engine::State(tinyShape());
  snapshot->state.data()[0] = mark;
  snapshot->logits.assign(50, mark);
  snapshot->tokens = position;
  SnapshotRecord record;
  record.message = answer.id;
  record.answerTokens = static_cast<qint64>(count);
  record.fingerprint = answer.fingerprint;
  record.prefixHash = chainHash(answer.startHash, answer.tokens.data(), count);
  store.saveSnapshot(record, snapshot);
}

}  // namespace rookery::app::test
