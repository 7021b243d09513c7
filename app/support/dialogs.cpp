// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/dialogs.h"

#include <QDesktopServices>
#include <QFileDialog>
#include <QMessageBox>
#include <QPushButton>
#include <QUrl>

#include "support/plain_text.h"

namespace rookery::app {

namespace {
Dialogs* g_replacement = nullptr;
}

QString Dialogs::openFile(QWidget* parent, const QString& title, const QString& folder, const QString& filter) {
  return QFileDialog::getOpenFileName(parent, title, folder, filter);
}

QString Dialogs::saveFile(QWidget* parent, const QString& title, const QString& path, const QString& filter) {
  return QFileDialog::getSaveFileName(parent, title, path, filter);
}

QString Dialogs::chooseFolder(QWidget* parent, const QString& title, const QString& folder) {
  return QFileDialog::getExistingDirectory(parent, title, folder);
}

bool Dialogs::confirm(QWidget* parent, const QString& title, const QString& text, const QString& action) {
  QMessageBox box(QMessageBox::Question, title, text, QMessageBox::Cancel, parent);
  auto* yes = box.addButton(action, QMessageBox::AcceptRole);
  box.setDefaultButton(QMessageBox::Cancel);
  makePlain(box);
  box.exec();
  return box.clickedButton() == yes;
}

int Dialogs::choose(QWidget* parent, const QString& title, const QString& text, const QStringList& actions) {
  QMessageBox box(QMessageBox::Warning, title, text, QMessageBox::NoButton, parent);
  QList<QAbstractButton*> buttons;
  for (const auto& action : actions) {
    buttons << box.addButton(action, buttons.isEmpty() ? QMessageBox::AcceptRole : QMessageBox::DestructiveRole);
  }
  auto* cancel = box.addButton(QMessageBox::Cancel);
  box.setDefaultButton(qobject_cast<QPushButton*>(buttons.first()));
  box.setEscapeButton(cancel);
  makePlain(box);
  box.exec();
  return static_cast<int>(buttons.indexOf(box.clickedButton()));
}

void Dialogs::tell(QWidget* parent, const QString& title, const QString& text) {
  QMessageBox box(QMessageBox::Warning, title, text, QMessageBox::Ok, parent);
  makePlain(box);
  box.exec();
}

void Dialogs::openUrl(const QString& fileOrFolder) { QDesktopServices::openUrl(QUrl::fromLocalFile(fileOrFolder)); }

Dialogs& Dialogs::instance() {
  static Dialogs real;
  return g_replacement != nullptr ? *g_replacement : real;
}

void Dialogs::replace(Dialogs* dialogs) { g_replacement = dialogs; }

}  // namespace rookery::app
