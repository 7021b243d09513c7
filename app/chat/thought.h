// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace rookery::app {

/// Separates the thought at the start of an answer, `<think>...</think>`, from what is said after it, while the text
/// streams in. Anything else, a later `<think>` too, is part of the answer. Keeps back what may be half a tag.
class ThoughtSplitter {
 public:
  /// What a piece adds to either.
  struct Added {
    QString thought, answer;
  };

  Added push(const QString& piece);
  /// The same for a text that comes as a whole, without copying: where the thought and the answer stand in it.
  struct Ranges {
    qsizetype thought = 0, thoughtEnd = 0, answer = 0, answerEnd = 0;
  };
  Ranges read(const QString& text);
  bool hasThought() const noexcept { return m_state != State::Start && m_opened; }
  bool isOpen() const noexcept { return m_state == State::Thought; }
  /// What is kept back: if the text ends here it belongs to the thought (isOpen) or to the answer.
  const QString& held() const noexcept { return m_held; }

 private:
  enum class State { Start, Thought, Answer };
  State m_state = State::Start;
  bool m_opened = false;
  QString m_held;
};

/// The text of an answer as a person wants to have it elsewhere: all of it, but for the tags of a thought in which
/// nothing was thought.
QString textToCopy(const QString& text);

}  // namespace rookery::app
