// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QTimer>
#include <QVector>
#include <QWidget>
#include <memory>

#include "chat/token_counter.h"

class QPushButton;
class QScrollArea;
class QToolButton;
class QVBoxLayout;

namespace rookery::app {

class ComposerInput;
class Label;
class PastedText;

/// Where the user writes. Enter sends, Shift+Enter begins a line; Esc is the page's. A text that is too long for the input
/// becomes a line above it, with a place in what is typed: where the cursor stood when it was pasted. It is sent from
/// there, with line breaks around it, as it was pasted.
class Composer : public QWidget {
  Q_OBJECT

 public:
  struct Draft {
    struct Pasted {
      QString text;
      qsizetype at = 0;  ///< characters of `typed` before it
    };
    QVector<Pasted> pasted;  ///< in their order
    QString typed;

    static Draft of(const QString& text);  ///< of a long one, the last lines can be edited
    bool isEmpty() const { return pasted.isEmpty() && typed.isEmpty(); }
    QString text() const;                  ///< all of it, as it is sent
    Draft followedBy(const Draft& other) const;
  };

  explicit Composer(QWidget* parent = nullptr);

  void setTokenizer(std::shared_ptr<const engine::Tokenizer> tokenizer);
  /// A sentence that says why nothing can be sent; empty: it can.
  void setBlocked(const QString& reason);
  void setAnswering(bool answering);
  /// The text replaces what is there; a hint says that an older message is being edited. Of a long one the last lines
  /// can be edited.
  void startEditing(const QString& text);
  bool isEditing() const noexcept { return m_editing; }
  void cancelEditing();  ///< what was there before comes back
  QString text() const;  ///< all that would be sent, as it is
  void setText(const QString& text);
  Draft draft() const;
  void setDraft(const Draft& draft);
  void focusInput();

 Q_SIGNALS:
  void submitted(const rookery::app::Composer::Draft& draft);
  void nothingToUndo();  ///< undoing was asked for, and nothing was typed
  void stopRequested();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void addPasted(const QString& text, qsizetype at);
  void showPlaces();
  void removePasted(PastedText* pasted);
  void countPasted(PastedText* pasted);
  void showCount();
  bool isEmpty() const;
  void submit();
  void updateHeight();
  void countTokens();
  void updateButtons();
  void retranslate();

  ComposerInput* m_input;
  QScrollArea* m_pastedArea;
  QVBoxLayout* m_pastedColumn;
  QVector<PastedText*> m_pasted;
  Label *m_count, *m_hint;
  QToolButton* m_cancelEdit;
  QPushButton *m_send, *m_stop;
  QTimer m_countTimer;
  TokenCounter m_counter;
  int m_typedTokens = 0;
  quint64 m_counted = 0;  ///< which text of the input was given to be counted last
  QString m_blocked;
  QString m_restored;     ///< what setText() gave, in one piece, until it is changed
  Draft m_beforeEditing;
  bool m_answering = false, m_editing = false;
};

}  // namespace rookery::app
