// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPlainTextEdit>
#include <QString>

namespace rookery::app {

/// Whether a text may stand in the input: Qt lays it out anew with every key.
bool isTooLongToType(const QString& text);

/// The last lines of a text that may stand in the input, and what is before them; the line break between is in neither.
struct DraftParts {
  QString before, typed;
};
DraftParts splitDraft(const QString& text);

/// The input of the composer: what is too long for it is handed on instead of being inserted, and so is an undo that finds
/// nothing here.
class ComposerInput : public QPlainTextEdit {
  Q_OBJECT

 public:
  explicit ComposerInput(QWidget* parent) : QPlainTextEdit(parent) {}

 public Q_SLOTS:
  void undo();  ///< as the Edit menu finds it

 Q_SIGNALS:
  void longTextPasted(const QString& text);  ///< at the cursor; what was selected is gone
  void nothingToUndo();

 protected:
  bool event(QEvent* event) override;
  void insertFromMimeData(const QMimeData* source) override;
};

}  // namespace rookery::app
