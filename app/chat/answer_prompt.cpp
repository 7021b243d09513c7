// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/answer_prompt.h"

#include <algorithm>
#include <cstdint>

#include "chat/prompt_text.h"
#include "inference/engine_text.h"

namespace rookery::app {
namespace {

tl::unexpected<engine::Error> cancelled() { return engine::fail(engine::ErrorCode::Cancelled, "Stopped while the chat was being read."); }

/// Another model answered so far, or there was another system prompt: the tokens are not what this answer is to build on,
/// so the text is read from the start.
engine::Result<std::vector<engine::ChatMessage>> wholeChat(ChatStore& store, const PromptSource& source,
                                                           const QString& question, const std::stop_token& stop) {
  const auto said = store.historyOf(source.base->id, stop);
  if (stop.stop_requested()) return cancelled();
  // The only file that an answer reads is the store's.
  if (!said) return engine::fail(engine::ErrorCode::FileUnreadable, "What was said before this answer cannot be read from the database, or is not saved yet.");
  std::vector<engine::ChatMessage> history;
  history.reserve(said->size() + 2);
  if (!source.systemPrompt.isEmpty() && !source.start.isChat) history.push_back({engine::Role::System, toUtf8(source.systemPrompt)});
  for (const SaidMessage& message : *said) {
    if (stop.stop_requested()) return cancelled();
    history.push_back({message.role == MessageRole::User ? engine::Role::User : engine::Role::Assistant, toUtf8(message.text.trimmed())});
  }
  history.push_back({engine::Role::User, toUtf8(question.trimmed())});
  return history;
}

/// Tokens at the end of the whole chat that no model has read: the question, and those before it whose reading was stopped.
engine::Result<std::uint64_t> neverRead(ChatStore& store, const PromptSource& source, bool isNewSystem,
                                        const std::vector<engine::ChatMessage>& history, const std::stop_token& stop) {
  const NeverRead before = store.neverReadBefore(source.base->id, stop);
  const auto isQuestion = [](const engine::ChatMessage& message) { return message.role == engine::Role::User; };
  const auto questions = std::count_if(history.begin(), history.end(), isQuestion);
  if (1 + before.questions >= questions) return UINT64_MAX;  // all of it
  const auto end = [&](int count) -> engine::Result<std::uint64_t> {
    auto first = history.end();
    while (count > 0 && first != history.begin()) count -= isQuestion(*--first) ? 1 : 0;
    std::vector<engine::ChatMessage> turns(first, history.end());
    if (isNewSystem && !source.systemPrompt.isEmpty())
      turns.insert(turns.begin(), {engine::Role::System, toUtf8(source.systemPrompt)});
    const auto tokens = source.tokenizer->encode(
        (isNewSystem ? "" : "\n\n") + engine::wholePrompt(turns, source.thinking, source.answer.rules.roles), stop);
    if (!tokens) return tl::unexpected(tokens.error());
    return tokens->size();
  };
  const auto unread = end(1 + before.questions);
  if (!unread || before.tokens == 0) return unread;
  const auto more = end(2 + before.questions);
  if (!more) return more;
  return *unread + std::min(before.tokens, *more - std::min(*more, *unread));
}

bool hasSystemPrompt(const PromptSource& source, qint64 message) { return message >= source.systemSince; }

engine::Result<AnswerPrompt> newPrompt(ChatStore& store, const PromptSource& source, const std::stop_token& stop) {
  const auto asked = source.question ? source.question : store.textOf(source.answer.parent, stop);
  if (stop.stop_requested()) return cancelled();
  if (!asked) return engine::fail(engine::ErrorCode::FileUnreadable, "The question cannot be read from the database.");
  const QString& question = *asked;
  AnswerPrompt prompt;
  prompt.hashBefore = source.start.hash;
  std::string text;
  std::vector<engine::ChatMessage> history;  // of the whole chat, where all of it is read
  if (!source.base) {
    text = engine::userTurn(toUtf8(source.systemPrompt), toUtf8(question), !source.start.isChat, source.thinking,
                            source.answer.rules.roles);
  } else if (isAnswerOf(*source.base, source.answer.fingerprint) && hasSystemPrompt(source, source.base->id)) {
    text = engine::userTurn({}, toUtf8(question), false, source.thinking, source.answer.rules.roles);
    prompt.baseMessageId = source.base->id;
    prompt.baseTokens = source.base->tokens.size();
    prompt.baseIsPending = source.base->pending.has_value();
    prompt.hashBefore = chainHash(source.base->startHash, source.base->tokens);
  } else {
    auto whole = wholeChat(store, source, question, stop);
    if (!whole) return tl::unexpected(whole.error());
    history = std::move(*whole);
    // A chat that stands in the state goes on: an empty line parts the turns.
    text = (source.start.isChat ? "\n\n" : "") + engine::wholePrompt(history, source.thinking, source.answer.rules.roles);
  }
  auto tokens = source.tokenizer->encode(text, stop);
  if (!tokens) return tl::unexpected(tokens.error());
  prompt.tokens = std::move(*tokens);
  if (source.base && prompt.baseMessageId == 0) {  // all but the new question, and a new system prompt
    const bool isNewSystem = !hasSystemPrompt(source, source.base->id);
    const auto fresh = neverRead(store, source, isNewSystem, history, stop);
    if (!fresh) return tl::unexpected(fresh.error());
    prompt.readBefore = prompt.tokens.size() - std::min<std::uint64_t>(prompt.tokens.size(), *fresh);
  }
  prompt.startHash = chainHash(prompt.hashBefore, prompt.tokens);
  return prompt;
}

/// Of an answer whose prompt is in its row.
engine::Result<AnswerPrompt> storedPrompt(const PromptSource& source, StoredPrompt stored) {
  AnswerPrompt prompt;
  prompt.tokens = std::move(stored.tokens);
  prompt.startHash = stored.startHash;
  prompt.hashBefore = source.start.hash;
  if (!stored.fromStart && source.base) {
    prompt.baseMessageId = source.base->id;
    prompt.baseTokens = source.base->tokens.size();
    prompt.baseIsPending = source.base->pending.has_value();
    prompt.hashBefore = chainHash(source.base->startHash, source.base->tokens);
  }
  return prompt;
}

}  // namespace

bool isAnswerOf(const MessageRecord& message, const QString& fingerprint) {
  return message.role == MessageRole::Assistant && message.fingerprint == fingerprint && message.startHash != 0;
}

engine::Result<AnswerPrompt> makePrompt(ChatStore& store, const PromptSource& source, std::stop_token stop) {
  MessageRecord answer = source.answer;
  auto stored = source.known || answer.startHash == 0 ? std::nullopt : store.promptOf(answer.id, stop);
  if (!source.known && answer.startHash != 0 && !stored) {
    return engine::fail(engine::ErrorCode::FileUnreadable, "The prompt of this answer cannot be read from the database, or is not saved yet.");
  }
  const bool isMade = source.known || stored;
  auto prompt = source.known ? engine::Result<AnswerPrompt>(*source.known)
                : stored     ? storedPrompt(source, std::move(*stored))
                             : newPrompt(store, source, stop);
  if (!prompt) return prompt;
  answer.startHash = prompt->startHash;
  answer.prompt = prompt->tokens;
  answer.promptFromStart = prompt->baseMessageId == 0;
  if (!answer.tokens.empty()) prompt->readBefore = prompt->tokens.size();
  else if (!source.isNew) prompt->readBefore = std::max<quint64>(prompt->readBefore, store.promptReadBefore(answer, stop));
  // A rest that was held back when the answer was cut comes again, so the text is what the tokens say without it.
  answer.text = prompt->text = toQString(begunAnswer(prompt->tokens, *source.tokenizer, answer.rules.roles) +
                                       certainText(answer.tokens, *source.tokenizer, stopTextsOf(answer.rules, source.stopRules)));
  if (stop.stop_requested()) return cancelled();
  if (!isMade) store.setPrompt(answer);
  return prompt;
}

}  // namespace rookery::app
