// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/pasted_text.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLocale>
#include <QPainter>
#include <QToolButton>
#include <algorithm>

#include "chat/text_viewer.h"
#include "support/plain_text.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {
constexpr qsizetype kShownBefore = 24;  // characters of what is typed before it
}

PastedText::PastedText(const QString& text, QWidget* parent)
    : QFrame(parent), m_text(text), m_label(new Label(this)), m_show(new QToolButton(this)), m_remove(new QToolButton(this)) {
  setObjectName(QStringLiteral("pastedText"));
  m_show->setObjectName(QStringLiteral("showPasted"));
  m_show->setToolButtonStyle(Qt::ToolButtonTextOnly);
  m_remove->setObjectName(QStringLiteral("removePasted"));
  m_remove->setIcon(lineIcon(QStringLiteral("close")));
  for (QToolButton* button : {m_show, m_remove}) {
    button->setAutoRaise(true);
    button->setFocusPolicy(Qt::StrongFocus);
  }
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 2, 4, 2);
  row->setSpacing(4);
  row->addWidget(new IconLabel(QStringLiteral("file"), 16, this));
  row->addWidget(m_label, 1);
  row->addWidget(m_show);
  row->addWidget(m_remove);
  connect(m_show, &QToolButton::clicked, this, [this] { (new TextViewer(m_label->text(), m_text, window()))->show(); });
  connect(m_remove, &QToolButton::clicked, this, &PastedText::removeRequested);
  retranslate();
}

void PastedText::retranslate() {
  const QString size = QLocale().toString(m_text.size());
  m_label->setText(m_before.isEmpty() ? tr("Pasted text, %1 characters").arg(size)
                                      : tr("Pasted text, %1 characters, after “%2”").arg(size, m_before));
  setAccessibleName(m_label->text());
  m_show->setText(tr("Show"));
  m_show->setAccessibleName(tr("Show the pasted text"));
  m_remove->setToolTip(plainToolTip(tr("Remove the pasted text")));
  m_remove->setAccessibleName(tr("Remove the pasted text"));
}

void PastedText::setBefore(const QString& words) {
  const QStringView all = QStringView(words).trimmed();
  QString shown = all.last(std::min(all.size(), kShownBefore)).toString();
  if (!shown.isEmpty() && shown.front().isLowSurrogate()) shown.remove(0, 1);
  shown = (all.size() > kShownBefore ? QStringLiteral("…") : QString()) + shown.simplified();
  if (shown == m_before) return;
  m_before = shown;
  retranslate();
}

void PastedText::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Theme::colors().line);
  painter.setBrush(palette().brush(QPalette::AlternateBase));
  painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
}

void PastedText::changeEvent(QEvent* event) {
  QFrame::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
