// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/model_title.h"

#include <QCoreApplication>
#include <QDir>
#include <QStringList>
#include <QTranslator>
#include <filesystem>

#include "rookery/file_name.h"
#include "support/plain_text.h"

namespace rookery::app {
namespace {

constexpr auto kContext = "InferenceWorker", kGuide = QT_TRANSLATE_NOOP("InferenceWorker", "Guide model");

/// In all languages that Rookery speaks.
const QStringList& guideNames() {
  static const QStringList names = [] {
    QStringList all{storedGuideName()};
    const auto files = QDir(QStringLiteral(":/i18n")).entryInfoList({QStringLiteral("*.qm")});
    for (const QFileInfo& file : files) {
      QTranslator language;
      const QString name = language.load(file.filePath()) ? language.translate(kContext, kGuide) : QString();
      if (!name.isEmpty()) all << name;
    }
    return all;
  }();
  return names;
}

}  // namespace

QString storedGuideName() { return QString::fromLatin1(kGuide); }

QString guideName() { return QCoreApplication::translate(kContext, kGuide); }

QString modelNameOf(const QString& path) {
  return QString::fromStdString(engine::modelName(std::filesystem::path(path.toStdU16String())));
}

QString modelTitle(const QString& name) { return guideNames().contains(name) ? guideName() : displayName(name); }

}  // namespace rookery::app
