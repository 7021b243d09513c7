// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/model_catalog.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>
#include <filesystem>

namespace rookery::app {

namespace {

constexpr int kDepth = 3;        // models lie in a folder or one or two below it
constexpr int kMostFiles = 2000; // a folder chosen by mistake (the home folder) must end

void findModels(const QString& folder, int depth, QStringList& found) {
  QDirIterator it(folder, QDir::Files | QDir::Dirs | QDir::NoDotAndDotDot | QDir::NoSymLinks | QDir::Readable);
  while (it.hasNext() && found.size() < kMostFiles) {
    const QFileInfo info = it.nextFileInfo();
    if (info.isDir()) {
      if (depth > 1) {
        findModels(info.filePath(), depth - 1, found);
      }
    } else if (looksLikeModel(info.filePath())) {
      found << info.absoluteFilePath();
    }
  }
}

}  // namespace

bool looksLikeModel(const QString& path) {
  static const QStringList suffixes{QStringLiteral("pth"), QStringLiteral("st"), QStringLiteral("safetensors"), QStringLiteral("gguf")};
  return suffixes.contains(QFileInfo(path).suffix().toLower());
}

ModelCatalog::ModelCatalog(QObject* parent) : QObject(parent) {
  qRegisterMetaType<ModelEntry>();
  m_pool.setMaxThreadCount(1);  // one disk
}

ModelCatalog::~ModelCatalog() {
  ++m_scan;
  m_pool.clear();
  m_pool.waitForDone();
}

ModelEntry ModelCatalog::readEntry(const QString& path) {
  ModelEntry entry;
  const QFileInfo file(path);
  entry.path = path;
  entry.name = file.fileName();
  entry.fileBytes = static_cast<quint64>(file.size());
  const auto opened = engine::ModelFile::open(std::filesystem::path(path.toStdU16String()));
  if (!opened) {
    entry.error = opened.error();
    return entry;
  }
  auto info = engine::detect(**opened);
  if (!info) {
    entry.error = info.error();
    return entry;
  }
  entry.info = std::move(*info);
  entry.estimate = engine::estimateLoad(*entry.info, entry.info->dtype);
  return entry;
}

void ModelCatalog::scan(const QStringList& folders, const QStringList& files) {
  const quint64 id = ++m_scan;
  m_pool.start([this, id, folders, files] {
    QStringList found = files;
    for (const auto& folder : folders) {
      findModels(folder, kDepth, found);
    }
    found.removeDuplicates();
    for (const auto& path : std::as_const(found)) {
      if (m_scan != id) {
        return;
      }
      Q_EMIT entryRead(readEntry(path));  // queued to the GUI thread: a copy of the value
    }
    Q_EMIT scanFinished(static_cast<int>(found.size()));
  });
}

void ModelCatalog::read(const QString& path) {
  m_pool.start([this, path] { Q_EMIT entryRead(readEntry(path)); });
}

}  // namespace rookery::app
