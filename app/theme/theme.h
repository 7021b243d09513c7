// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QList>
#include <QObject>
#include <QPalette>

class QApplication;
class QDBusVariant;

namespace rookery::app {

enum class ThemeChoice { System, Light, Dark };

/// Colours beyond QPalette. Amber marks the one action that matters on a page and nothing else.
struct ThemeColors {
  QColor ink, feather, paper, amber, amberText;
  QColor rail, railText, railSelected;
  QColor line;                 ///< hairlines and quiet borders
  QColor mutedText;            ///< secondary text; keeps 4.5:1 on the window colour
  QColor good, warning, bad;   ///< always beside a word or an icon, never alone
  QColor grid;                 ///< chart gridlines
};

/// Okabe and Ito's colour-blind-safe series, in the order in which charts use them.
const QList<QColor>& chartColors();

QPalette lightPalette();
QPalette darkPalette();

/// Owns the application's style and palette. Follows the system: the desktop portal's colour scheme where there is
/// one (Qt 6.4 has no colorScheme()), else the lightness of the palette that the platform gave at start.
class Theme : public QObject {
  Q_OBJECT

 public:
  /// Before this call nothing may have changed the application's palette. Call once, on the GUI thread.
  explicit Theme(QApplication& app, QObject* parent = nullptr);
  ~Theme() override;

  void setChoice(ThemeChoice choice);
  ThemeChoice choice() const noexcept { return m_choice; }
  bool isDark() const noexcept { return m_dark; }

  /// Colours of the theme in force; those of the light one when no Theme exists (some tests).
  static const ThemeColors& colors();
  static bool dark();

 Q_SIGNALS:
  void changed();

 private Q_SLOTS:
  void portalSettingChanged(const QString& group, const QString& key, const QDBusVariant& value);

 private:
  bool systemIsDark() const;
  void apply();

  QApplication& m_app;
  ThemeChoice m_choice = ThemeChoice::System;
  bool m_dark = false;
  bool m_paletteWasDark = false;
  int m_portalScheme = 0;  ///< 0: no preference, 1: dark, 2: light
};

}  // namespace rookery::app
