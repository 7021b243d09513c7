// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/unopened_notice.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QPushButton>
#include <QToolButton>

#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {
namespace {
constexpr qsizetype kShownTitle = 80;
}

UnopenedNotice::UnopenedNotice(const QString& title, QWidget* parent)
    : QWidget(parent), m_title(displayName(title, kShownTitle)), m_text(new Label(this)),
      m_open(new QPushButton(this)), m_delete(new QPushButton(this)), m_close(new QToolButton(this)) {
  setObjectName(QStringLiteral("unopenedNotice"));
  setAutoFillBackground(true);
  setBackgroundRole(QPalette::AlternateBase);
  m_text->setObjectName(QStringLiteral("unopenedText"));
  m_text->setWordWrap(true);
  m_open->setObjectName(QStringLiteral("unopenedOpen"));
  m_delete->setObjectName(QStringLiteral("unopenedDelete"));
  connect(m_open, &QPushButton::clicked, this, &UnopenedNotice::openRequested);
  connect(m_delete, &QPushButton::clicked, this, &UnopenedNotice::deleteRequested);
  m_close->setObjectName(QStringLiteral("unopenedClose"));
  m_close->setAutoRaise(true);
  m_close->setFocusPolicy(Qt::StrongFocus);
  m_close->setIcon(lineIcon(QStringLiteral("close")));
  connect(m_close, &QToolButton::clicked, this, &UnopenedNotice::closeRequested);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 8, 8, 8);
  row->addWidget(m_text, 1);
  row->addWidget(m_open, 0, Qt::AlignVCenter);
  row->addWidget(m_delete, 0, Qt::AlignVCenter);
  row->addWidget(m_close, 0, Qt::AlignTop);
  retranslate();
}

void UnopenedNotice::retranslate() {
  m_text->setText(tr("Rookery did not get through opening the chat “%1” last time, so it left it closed.").arg(m_title));
  m_open->setText(tr("Open it anyway"));
  m_delete->setText(tr("Delete it"));
  m_close->setToolTip(plainToolTip(tr("Close this notice")));
  m_close->setAccessibleName(tr("Close this notice"));
}

void UnopenedNotice::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
