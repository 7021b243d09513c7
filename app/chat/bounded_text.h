// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QPlainTextEdit;
class QVBoxLayout;

namespace rookery::app {

class ComposerInput;
class PastedText;

/// A text of any length in a form. One that is too long for a field (isTooLongToType()) is never laid out: a line stands
/// for it, with buttons to look at it and to take it out.
class BoundedText : public QWidget {
  Q_OBJECT

 public:
  explicit BoundedText(QWidget* parent);

  QPlainTextEdit* field() const;
  QString text() const;
  void setText(const QString& text);

 Q_SIGNALS:
  void textChanged();  ///< by the user

 private:
  void insertLong(const QString& text);

  ComposerInput* m_field;
  PastedText* m_long = nullptr;  ///< in place of the field
  QVBoxLayout* m_column;
  bool m_updating = false;
};

}  // namespace rookery::app
