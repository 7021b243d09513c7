// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/dialogs.h"

#include <QDesktopServices>
#include <QFileDialog>
#include <QMessageBox>
#include <QPushButton>
#include <QUrl>

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
  box.exec();
  return box.clickedButton() == yes;
}

void Dialogs::openUrl(const QString& fileOrFolder) { QDesktopServices::openUrl(QUrl::fromLocalFile(fileOrFolder)); }

Dialogs& Dialogs::instance() {
  static Dialogs real;
  return g_replacement != nullptr ? *g_replacement : real;
}

void Dialogs::replace(Dialogs* dialogs) { g_replacement = dialogs; }

}  // namespace rookery::app
