// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rookery/prompt.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

/// From tokens to the text of an answer: whole characters only, and nothing that may turn out to be a stop text.
class AnswerText {
 public:
  AnswerText(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stopTexts)
      : m_tokenizer(std::move(tokenizer)), m_scanner(std::move(stopTexts)) {}

  /// The text that became certain with this token.
  std::string push(TokenId token) {
    if (!m_tokenizer) return {};
    const std::string characters = m_utf8.push(m_tokenizer->bytesOf(token));
    const bool wasClean = clean();
    std::string certain = m_scanner.push(characters);
    m_waiting += characters.size();
    m_waiting -= certain.size();
    if (wasClean) {
      m_keptOfHeld = certain;   // the part of the first held token that came before the held text
    } else {
      m_keptOfHeld += certain;
    }
    return certain;
  }
  bool stopped() const noexcept { return m_scanner.stopped(); }
  /// True if every character so far has been handed out.
  bool clean() const noexcept { return m_waiting == 0; }
  /// What was handed out since the text was last clean.
  const std::string& keptOfHeld() const noexcept { return m_keptOfHeld; }
  std::string flush() { return m_scanner.push(m_utf8.flush()) + m_scanner.flush(); }

 private:
  std::shared_ptr<const Tokenizer> m_tokenizer;
  Utf8Stream m_utf8;
  StopScanner m_scanner;
  std::size_t m_waiting = 0;
  std::string m_keptOfHeld;
};

}  // namespace rookery::engine
