// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/announce.h"

#include <QAccessible>
#include <QCoreApplication>
#include <QTimer>
#include <QToolButton>

#include "theme/icons.h"

namespace rookery::app {
namespace {

constexpr int kCopiedMilliseconds = 1500;
const QString kName = QStringLiteral("announcer");

}  // namespace

// Qt 6.4 has no announcements of its own. Readers say a message that comes into sight as an alert, so that is what a
// widget of one pixel does; its name is the text.
void announce(QWidget* where, const QString& text) {
  if (!where || text.isEmpty()) return;
  QWidget* window = where->window();
  auto* announcer = window->findChild<QWidget*>(kName, Qt::FindDirectChildrenOnly);
  if (!announcer) {
    announcer = new QWidget(window);
    announcer->setObjectName(kName);
    announcer->setAttribute(Qt::WA_TransparentForMouseEvents);
    announcer->setGeometry(0, 0, 1, 1);
    announcer->lower();
    announcer->show();
  }
  announcer->setAccessibleName(text);  // NameChanged follows by itself
  for (const QAccessible::Event type : {QAccessible::ObjectShow, QAccessible::Alert}) {
    QAccessibleEvent event(announcer, type);
    QAccessible::updateAccessibility(&event);
  }
}

void showCopied(QToolButton* button) {
  button->setIcon(lineIcon(QStringLiteral("check")));
  QTimer::singleShot(kCopiedMilliseconds, button, [button] { button->setIcon(lineIcon(QStringLiteral("copy"))); });
  announce(button, QCoreApplication::translate("Transcript", "Copied"));
}

}  // namespace rookery::app
