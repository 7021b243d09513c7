// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings/language.h"

#include <QCoreApplication>
#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>

namespace rookery::app {

Language::Language(QObject* parent) : QObject(parent) {}
Language::~Language() = default;

const QList<LanguageChoice>& Language::available() {
  static const QList<LanguageChoice> choices{{QStringLiteral("en"), QStringLiteral("English")},
                                             {QStringLiteral("zh_CN"), QStringLiteral("简体中文")}};
  return choices;
}

void Language::apply(const QString& code) {
  QLocale locale = code.isEmpty() ? QLocale::system() : QLocale(code);
  QString found = QStringLiteral("en");
  for (const auto& choice : available()) {
    if (QLocale(choice.code).language() == locale.language()) {
      found = choice.code;
    }
  }
  if (!code.isEmpty() || QLocale(found).language() != locale.language()) {
    locale = QLocale(found);  // numbers and dates match the words
  }
  QLocale::setDefault(locale);
  m_current = found;

  m_qt = std::make_unique<QTranslator>();
  if (m_qt->load(locale, QStringLiteral("qtbase"), QStringLiteral("_"), QLibraryInfo::path(QLibraryInfo::TranslationsPath))) {
    QCoreApplication::installTranslator(m_qt.get());
  }
  m_own = std::make_unique<QTranslator>();  // English has a file as well: it holds the plural forms
  if (m_own->load(QStringLiteral(":/i18n/rookery_%1.qm").arg(found))) {
    QCoreApplication::installTranslator(m_own.get());
  }
}

}  // namespace rookery::app
