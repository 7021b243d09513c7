// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "inference/inference_service.h"
#include "rookery/prompt.h"
#include "storage/chat_store.h"

namespace rookery::app {

/// Everything that the prompt of an answer follows from, as values: it is made on the engine thread, because reading and
/// tokenising a chat takes as long as the chat is.
struct PromptSource {
  MessageRecord answer;                       ///< with the tokens of its journal
  QString systemPrompt;
  ChatStart start = {};                       ///< what the chat begins from
  qint64 systemSince = 0;                     ///< as ConversationRecord::systemSince
  std::optional<QString> question;            ///< none: as the store has it
  std::optional<MessageRecord> base;          ///< the message above the question; none: it is the first
  engine::Thinking thinking = engine::Thinking::Auto;
  bool isNew = true;                          ///< the question was not put to this model before
  bool stopRules = true;
  std::shared_ptr<const AnswerPrompt> known;  ///< of this answer, made earlier
  std::shared_ptr<const engine::Tokenizer> tokenizer;
};

/// Whether the answer is of that model, and its tokens can be built on.
bool isAnswerOf(const MessageRecord& message, const QString& fingerprint);

/// The prompt that the answer was given already, or a new one, which the store then gets with its hash before anything
/// of it is read. Engine thread; waits for what is being saved. FileUnreadable: what was said before cannot be read, and
/// an answer without it would be one to another question. Cancelled: `stop`.
engine::Result<AnswerPrompt> makePrompt(ChatStore& store, const PromptSource& source, std::stop_token stop);

}  // namespace rookery::app
