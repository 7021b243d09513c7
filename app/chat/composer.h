// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <memory>

#include "rookery/tokenizer.h"

class QPlainTextEdit;
class QPushButton;
class QToolButton;

namespace rookery::app {

class Label;

/// Where the user writes. Enter sends, Shift+Enter begins a line; Esc is the page's.
class Composer : public QWidget {
  Q_OBJECT

 public:
  explicit Composer(QWidget* parent = nullptr);

  void setTokenizer(std::shared_ptr<const engine::Tokenizer> tokenizer);
  /// A sentence that says why nothing can be sent; empty: it can.
  void setBlocked(const QString& reason);
  void setAnswering(bool answering);
  /// The text replaces what is there; a hint says that an older message is being edited.
  void startEditing(const QString& text);
  bool isEditing() const noexcept { return m_editing; }
  void cancelEditing();  ///< what was there before comes back
  QString text() const;
  void setText(const QString& text);
  void focusInput();

 Q_SIGNALS:
  void submitted(const QString& text);
  void stopRequested();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void submit();
  void updateHeight();
  void countTokens();
  void updateButtons();
  void retranslate();

  QPlainTextEdit* m_input;
  Label *m_count, *m_hint;
  QToolButton* m_cancelEdit;
  QPushButton *m_send, *m_stop;
  QTimer m_countTimer;
  std::shared_ptr<const engine::Tokenizer> m_tokenizer;
  QString m_blocked, m_beforeEditing;
  bool m_answering = false, m_editing = false;
};

}  // namespace rookery::app
