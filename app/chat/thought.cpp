// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/thought.h"

namespace rookery::app {
namespace {

const QString kOpen = QStringLiteral("<think>"), kClose = QStringLiteral("</think>");

/// How many characters at the end of `text` may be the beginning of `tag`.
qsizetype partAtEnd(QStringView text, QStringView tag) {
  for (qsizetype n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
    if (tag.startsWith(text.last(n))) return n;
  }
  return 0;
}

}  // namespace

ThoughtSplitter::Added ThoughtSplitter::push(const QString& piece) {
  const QString text = m_held.isEmpty() ? piece : std::exchange(m_held, {}) + piece;
  const Ranges at = read(text);
  Added added;
  added.thought = text.sliced(at.thought, at.thoughtEnd - at.thought);
  added.answer = text.sliced(at.answer, at.answerEnd - at.answer);
  return added;
}

ThoughtSplitter::Ranges ThoughtSplitter::read(const QString& text) {
  Ranges at;
  if (m_state == State::Start) {
    const QStringView begin = QStringView(text).trimmed();
    if (begin.startsWith(kOpen)) {
      m_state = State::Thought;
      m_opened = true;
      at.thought = at.thoughtEnd = text.indexOf(kOpen) + kOpen.size();
    } else if (QStringView(kOpen).startsWith(begin)) {  // nothing, or half a tag
      m_held = text;
      return at;
    } else {
      m_state = State::Answer;
    }
  }
  if (m_state == State::Thought) {
    const qsizetype end = text.indexOf(kClose, at.thought);
    if (end < 0) {
      const qsizetype held = partAtEnd(QStringView(text).sliced(at.thought), kClose);
      m_held = text.last(held);
      at.thoughtEnd = text.size() - held;
      return at;
    }
    at.thoughtEnd = end;
    at.answer = end + kClose.size();
    m_state = State::Answer;
  }
  at.answerEnd = text.size();
  return at;
}

QString textToCopy(const QString& text) {
  ThoughtSplitter splitter;
  const ThoughtSplitter::Ranges at = splitter.read(text);
  const QStringView view(text);
  const bool empty = splitter.hasThought() && !splitter.isOpen() && view.sliced(at.thought, at.thoughtEnd - at.thought).trimmed().isEmpty();
  return empty ? view.sliced(at.answer, at.answerEnd - at.answer).trimmed().toString() : text.trimmed();
}

}  // namespace rookery::app
