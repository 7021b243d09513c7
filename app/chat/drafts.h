// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>

#include "chat/composer.h"

namespace rookery::app {

/// What was written and not sent, by chat (0: the new one), and what was sent last, until something of its answer is
/// there.
class Drafts {
 public:
  void keep(qint64 chat, const Composer::Draft& draft) { m_unsent[chat] = draft; }
  Composer::Draft take(qint64 chat) { return m_unsent.take(chat); }
  /// What was kept of the chat comes behind it.
  void putBefore(qint64 chat, const Composer::Draft& draft);

  void sent(const Composer::Draft& draft, const QString& text);  ///< `text`: draft.text()
  void stays() { sent({}, {}); }                                 ///< what was sent last will not come back
  /// A question that comes back: as it was written, if it was the last.
  Composer::Draft takeBack(const QString& question);

 private:
  QHash<qint64, Composer::Draft> m_unsent;
  Composer::Draft m_sent;
  QString m_sentText;  ///< putting 20 million characters together again takes long
};

}  // namespace rookery::app
