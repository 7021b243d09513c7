// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QDateTime>
#include <QString>
#include <QStringList>
#include <cstdint>
#include <optional>
#include <vector>

#include "rookery/prompt.h"
#include "rookery/sampler.h"
#include "rookery/session.h"

namespace rookery::app {

using Tokens = std::vector<engine::TokenId>;

enum class MessageRole { System = 0, User = 1, Assistant = 2 };
enum class MessageState { Complete = 0, Partial = 1 };

/// What an answer keeps to beside the sampler's settings.
struct AnswerRules {
  static constexpr int kMaxStopTexts = 16, kMaxStopText = 200;  ///< characters
  int maxTokens = 4096;        ///< it stops there, and Continue goes on for as many again; 0: no limit
  engine::RoleNames roles;
  QStringList stopTexts;       ///< beside those of the roles
  bool operator==(const AnswerRules&) const = default;
};

/// The state that a chat begins from in place of the empty one. It lies in the database, so that a chat needs no file.
struct ChatStart {
  std::uint64_t hash = 0;  ///< of the state, and what the chainHash() of its chats begins with; 0: the empty state
  QString name;            ///< of the file that it came from
  bool isChat = false;     ///< a conversation stands in it: the first question is a later turn, without a system text
  bool operator==(const ChatStart&) const = default;
};

/// What new chats begin with.
struct AnswerDefaults {
  engine::SamplerSettings sampling;
  AnswerRules rules;
  std::optional<engine::Thinking> thinking;  ///< nullopt: as suits the model
};

struct ConversationRecord {
  qint64 id = 0;
  QString uuid, title;
  bool titleIsAutomatic = true;
  QDateTime created, updated;
  QString systemPrompt;
  ChatStart start;
  qint64 systemSince = 0;  ///< messages with lower ids were read with another system prompt
  engine::SamplerSettings sampling;
  AnswerRules rules;
  std::optional<engine::Thinking> thinking;  ///< nullopt: as suits the model
  QString fingerprint, modelName;  ///< of the model that answered last
  qint64 activeLeaf = 0;           ///< 0: no messages
};

/// What the list at the left shows.
struct ConversationSummary {
  qint64 id = 0;
  QString title;
  QDateTime updated;
};

struct MessageRecord {
  qint64 id = 0, conversation = 0, parent = 0;  ///< parent 0: a root
  MessageRole role = MessageRole::User;
  MessageState state = MessageState::Complete;
  QDateTime created;
  QString text;

  // Assistant rows only; see schema.cpp for how they replay.
  QString fingerprint, modelName;  ///< the name may be empty: answers of before version 3 of the schema
  engine::SamplerSettings sampling;
  AnswerRules rules;
  std::uint64_t seed = 0;
  bool promptFromStart = false;
  std::uint64_t startHash = 0;  ///< 0: the prompt was not made yet
  Tokens prompt;                ///< empty where only the engine thread needs it (ChatStore::message())
  Tokens tokens;
  std::optional<engine::TokenId> pending;
  std::optional<engine::StopReason> stop;
  double prefillSeconds = 0, firstTokenSeconds = 0, decodeSeconds = 0;
  int decodeTokens = 0;  ///< drawn in decodeSeconds; fewer than `tokens` where a crash lost the time of a part
};

/// A row of the message tree without its text.
struct MessageNode {
  qint64 id = 0, parent = 0;
  MessageRole role = MessageRole::User;
  int textLength = 0;
};

QByteArray packTokens(const Tokens& tokens);
Tokens unpackTokens(const QByteArray& bytes);
/// JSON; rules that are not the usual ones and, of a chat, a choice about thinking and a change of the system prompt are
/// more of its keys.
QString packSampling(const engine::SamplerSettings& settings, const AnswerRules& rules,
                     std::optional<engine::Thinking> thinking = {}, qint64 systemSince = 0);
// Defaults where the text says nothing, or nothing that can be used.
engine::SamplerSettings unpackSampling(const QString& json);
AnswerRules unpackRules(const QString& json);
std::optional<engine::Thinking> unpackThinking(const QString& json);
qint64 unpackSystemSince(const QString& json);
QString thinkingWord(std::optional<engine::Thinking> thinking);  ///< for files; empty: no choice
std::optional<engine::Thinking> thinkingFrom(const QString& word);

/// Hash of everything a state has read, token by token, so that it does not matter how the sequence was cut.
std::uint64_t chainHash(std::uint64_t hash, const engine::TokenId* tokens, std::size_t count);
inline std::uint64_t chainHash(std::uint64_t hash, const Tokens& tokens) {
  return chainHash(hash, tokens.data(), tokens.size());
}

}  // namespace rookery::app
