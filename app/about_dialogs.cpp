// SPDX-License-Identifier: GPL-3.0-or-later
#include "about_dialogs.h"

#include <QAction>
#include <QDialogButtonBox>
#include <QHeaderView>
#include <QSet>
#include <QTableWidget>
#include <QVBoxLayout>

#include "rookery/version.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {

namespace {
QDialogButtonBox* closeButton(QDialog* dialog) {
  auto* box = new QDialogButtonBox(QDialogButtonBox::Close, dialog);
  QObject::connect(box, &QDialogButtonBox::rejected, dialog, &QDialog::reject);
  return box;
}
}  // namespace

AboutDialog::AboutDialog(QWidget* parent) : QDialog(parent) {
  setObjectName(QStringLiteral("aboutDialog"));
  setWindowTitle(tr("About Rookery"));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(24, 24, 24, 16);
  column->setSpacing(12);
  auto* mark = new Label(this);
  mark->setPixmap(appIcon().pixmap(QSize(72, 72)));
  mark->setAccessibleName(tr("Rookery's raven"));
  auto* name = new Label(QStringLiteral("Rookery %1").arg(QString::fromLatin1(engine::versionString())), this);
  QFont large = name->font();
  large.setPointSizeF(large.pointSizeF() * 1.5);
  large.setWeight(QFont::DemiBold);
  name->setFont(large);
  name->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* text = new Label(tr("A desktop app for RWKV language models. It chats, it remembers, and it measures.\n\n"
                             "Everything runs on this computer. Rookery opens no network connection by itself.\n\n"
                             "Free software under the GNU General Public License, version 3 or later. "
                             "Charts by QCustomPlot, windows by Qt."),
                          this);
  text->setWordWrap(true);
  text->setMinimumWidth(360);
  column->addWidget(mark);
  column->addWidget(name);
  column->addWidget(text);
  column->addSpacing(8);
  column->addWidget(closeButton(this));
}

ShortcutsDialog::ShortcutsDialog(const QList<QAction*>& actions, const QList<Key>& others, QWidget* parent) : QDialog(parent) {
  setObjectName(QStringLiteral("shortcutsDialog"));
  setWindowTitle(tr("Keyboard shortcuts"));
  auto* table = new QTableWidget(0, 2, this);
  table->setObjectName(QStringLiteral("shortcutsTable"));
  table->setAccessibleName(windowTitle());
  table->setHorizontalHeaderLabels({tr("Action"), tr("Keys")});
  table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
  table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  table->verticalHeader()->hide();
  table->setShowGrid(false);
  table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table->setSelectionBehavior(QAbstractItemView::SelectRows);
  QSet<QString> seen;
  const auto add = [&](const QString& text, const QString& keys) {
    if (keys.isEmpty() || text.isEmpty() || seen.contains(text + keys)) {
      return;
    }
    seen.insert(text + keys);
    const int row = table->rowCount();
    table->insertRow(row);
    table->setItem(row, 0, new QTableWidgetItem(text));
    table->setItem(row, 1, new QTableWidgetItem(keys));
  };
  for (const auto* action : actions) {
    QString text = action->text();
    text.remove(u'&').remove(u'…');
    add(text, QKeySequence::listToString(action->shortcuts(), QKeySequence::NativeText));
  }
  for (const auto& [text, keys] : others) {
    add(text, keys.toString(QKeySequence::NativeText));
  }
  table->resizeColumnToContents(1);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 16, 16, 16);
  column->addWidget(table);
  column->addWidget(closeButton(this));
  resize(480, 580);
}

}  // namespace rookery::app
