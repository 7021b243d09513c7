// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/drafts.h"

#include <utility>

namespace rookery::app {

void Drafts::putBefore(qint64 chat, const Composer::Draft& draft) {
  Composer::Draft& kept = m_unsent[chat];
  kept = draft.followedBy(kept);
}

void Drafts::sent(const Composer::Draft& draft, const QString& text) {
  m_sent = draft;
  m_sentText = text;
}

Composer::Draft Drafts::takeBack(const QString& question) {
  if (m_sentText != question) return Composer::Draft::of(question);
  m_sentText.clear();
  return std::exchange(m_sent, {});
}

}  // namespace rookery::app
