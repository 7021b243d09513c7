// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>

#include "inference/inference_service.h"
#include "rookery/prompt.h"
#include "storage/records.h"

namespace rookery::app {

/// What ends an answer: the chat's own stop texts, and with `usual` a next turn of the roles.
std::vector<std::string> stopTextsOf(const AnswerRules& rules, bool usual);

/// After how many tokens an answer with so many of them stops: the next multiple of the longest one, 0 without a limit.
int limitFor(const AnswerRules& rules, std::size_t tokens);

/// The text of the tokens as a stream would have shown it so far: without half characters and without what might still
/// become a stop text.
std::string certainText(const Tokens& tokens, const engine::Tokenizer& tokenizer, std::vector<std::string> stopTexts);

/// How the answers of a model begin if the user leaves it to Rookery. The official G models (RWKV-7 with the World
/// vocabulary, "rwkv7-g1h-2.9b-...") are asked in fast mode: left to themselves, the newer ones often think until the
/// token limit. All others, the guide too, have never seen `<think>`: plain.
engine::Thinking thinkingFor(const LoadedModel& model);

/// What the prompt has written of the answer already: "<think", "<think>\n</think", mostly nothing. It is shown and kept
/// as the beginning of the answer's text, but is no token of it.
std::string begunAnswer(const Tokens& prompt, const engine::Tokenizer& tokenizer, const engine::RoleNames& roles);

/// The first sentence of a message, short enough for a list.
QString titleFrom(const QString& message);

}  // namespace rookery::app
