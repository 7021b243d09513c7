// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>

namespace rookery::app {

/// The only kind of label in the app: its text is plain text, whatever it holds. Characters that act without being seen
/// are shown as U+FFFD, and a very long text is shown shortened; then its menu copies all of it. Without word wrap it is
/// one line (displayName()), else it may be several (displayText()).
class Label : public QLabel {
  Q_OBJECT

 public:
  explicit Label(QWidget* parent = nullptr);
  explicit Label(const QString& text, QWidget* parent = nullptr);

  void setText(const QString& text);
  const QString& fullText() const noexcept { return m_fullText; }
  void setWordWrap(bool on);
  void setTextFormat(Qt::TextFormat) = delete;

 protected:
  void contextMenuEvent(QContextMenuEvent* event) override;

 private:
  QString m_fullText;
};

/// A label in the theme's secondary text colour.
class MutedLabel : public Label {
  Q_OBJECT

 public:
  explicit MutedLabel(QWidget* parent = nullptr);
};

}  // namespace rookery::app
