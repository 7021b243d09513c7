// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

class QWidget;

namespace rookery::app {

/// The only way to file and question dialogs, so that tests can answer them beforehand.
class Dialogs {
 public:
  virtual ~Dialogs() = default;
  /// Paths are empty when the user gave up.
  virtual QString openFile(QWidget* parent, const QString& title, const QString& folder, const QString& filter);
  virtual QString saveFile(QWidget* parent, const QString& title, const QString& path, const QString& filter);
  virtual QString chooseFolder(QWidget* parent, const QString& title, const QString& folder);
  virtual bool confirm(QWidget* parent, const QString& title, const QString& text, const QString& action);
  /// The index of the button that was pressed, -1 when the user closed the box. The first one is the default.
  virtual int choose(QWidget* parent, const QString& title, const QString& text, const QStringList& actions);
  virtual void tell(QWidget* parent, const QString& title, const QString& text);
  virtual void openUrl(const QString& fileOrFolder);  ///< in the desktop's file manager

  static Dialogs& instance();
  /// Tests put their own in place; nullptr puts the real one back. Not owned.
  static void replace(Dialogs* dialogs);
};

}  // namespace rookery::app
