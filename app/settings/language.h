// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QObject>
#include <QString>
#include <memory>

class QTranslator;

namespace rookery::app {

struct LanguageChoice {
  QString code;  ///< "en", "zh_CN"
  QString name;  ///< in that language
};

/// Installs the translators. Widgets that are alive get QEvent::LanguageChange and set their texts again.
class Language : public QObject {
  Q_OBJECT

 public:
  explicit Language(QObject* parent = nullptr);
  ~Language() override;

  static const QList<LanguageChoice>& available();
  /// Empty: the system's language if we have it, else English. Sets the default QLocale too.
  void apply(const QString& code);
  QString current() const { return m_current; }

 private:
  std::unique_ptr<QTranslator> m_own, m_qt;
  QString m_current;
};

}  // namespace rookery::app
