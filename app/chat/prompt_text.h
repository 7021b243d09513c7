// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>

#include "rookery/prompt.h"
#include "storage/records.h"

namespace rookery::app {

/// The text of the tokens as a stream would have shown it so far: without half characters and without what might still
/// become a stop text.
std::string certainText(const Tokens& tokens, const engine::Tokenizer& tokenizer, bool stopTexts);

/// The first sentence of a message, short enough for a list.
QString titleFrom(const QString& message);

}  // namespace rookery::app
