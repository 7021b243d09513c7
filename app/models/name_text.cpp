// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/name_text.h"

#include <QCoreApplication>
#include <QDate>
#include <QLocale>
#include <QStringList>

#include "rookery/file_name.h"

namespace rookery::app {

namespace {
/// The context of the translations.
struct FileNameText {
  Q_DECLARE_TR_FUNCTIONS(FileNameText)
};

QString dataText(const engine::FileNameParts& parts) {
  const QLocale locale;
  const QString version = parts.data.empty() ? QStringLiteral("v1") : QString::fromStdString(parts.data);
  if (const auto data = engine::worldData(parts)) {
    return data->total > 0 ? FileNameText::tr("Training data %1: about %2 trillion tokens, %3 trillion with earlier versions")
                                 .arg(version, locale.toString(data->tokens), locale.toString(data->total))
                           : FileNameText::tr("Training data %1: about %2 trillion tokens").arg(version, locale.toString(data->tokens));
  }
  if (parts.data.empty()) return {};
  return parts.data.starts_with('G') ? FileNameText::tr("Training data %1: with instructions and reasoning; a later letter is newer").arg(version)
                                     : FileNameText::tr("Version %1 of its series").arg(version);
}
}  // namespace

QString fileNameText(const QString& fileName) {
  const auto parts = engine::parseFileName(fileName.toStdString());
  if (!parts) return {};
  const QLocale locale;
  const QString generation = QStringLiteral("RWKV-%1").arg(QString::fromStdString(parts->generation));
  QStringList lines{parts->series.empty() ? generation : FileNameText::tr("%1, series %2").arg(generation, QString::fromStdString(parts->series))};
  lines << dataText(*parts);
  if (!parts->size.empty()) lines << FileNameText::tr("Size %1").arg(QString::fromStdString(parts->size));
  if (parts->year != 0) {
    lines << FileNameText::tr("Dated %1").arg(locale.toString(QDate(parts->year, parts->month, parts->day), QLocale::LongFormat));
  }
  if (parts->context != 0) lines << FileNameText::tr("Trained on texts of up to %1 tokens").arg(locale.toString(parts->context));
  if (!parts->weights.empty()) lines << FileNameText::tr("Weights stored as %1").arg(QString::fromStdString(parts->weights));
  lines.removeAll(QString());
  return lines.join(u'\n');
}

}  // namespace rookery::app
