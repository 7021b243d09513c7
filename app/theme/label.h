// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>

namespace rookery::app {

/// The theme's colours for words and signs; Good, Warning and Bad always stand beside a word or an icon.
enum class Tone { Plain, Muted, Good, Warning, Bad };

QColor toneColor(Tone tone);  ///< in the theme that is in force

/// The only kind of label in the app: its text is plain text, whatever it holds. Characters that act without being seen
/// are shown as U+FFFD, and a very long text is shown shortened; then its menu copies all of it. Without word wrap it is
/// one line (displayName()), else it may be several (displayText()), and long words break (breakable()).
class Label : public QLabel {
  Q_OBJECT

 public:
  explicit Label(QWidget* parent = nullptr);
  explicit Label(const QString& text, QWidget* parent = nullptr);

  void setText(const QString& text);
  const QString& fullText() const noexcept { return m_fullText; }
  void setWordWrap(bool on);
  void setTextFormat(Qt::TextFormat) = delete;
  void setTone(Tone tone);  ///< follows the theme
  /// One line that may become narrower than its words: it shows its beginning and end, and all of it as a tooltip.
  void setElided(bool on);
  bool isElided() const noexcept { return m_isElided; }
  QSize minimumSizeHint() const override;

 protected:
  bool event(QEvent* event) override;
  void changeEvent(QEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  bool isCut() const;
  void recolor();

  QString m_fullText;
  Tone m_tone = Tone::Plain;
  bool m_isElided = false, m_isRecoloring = false;
};

/// A label in the theme's secondary text colour.
class MutedLabel : public Label {
  Q_OBJECT

 public:
  explicit MutedLabel(QWidget* parent = nullptr);
};

}  // namespace rookery::app
