// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/model_catalog.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>
#include <QSet>
#include <filesystem>

#include "inference/model_title.h"
#include "rookery/model.h"
#include "rookery/tokenizer.h"
#include "support/model_files.h"

namespace rookery::app {

namespace {

constexpr int kDepth = 4;        // <hub>/models--<name>/snapshots/<commit>/<file> is the deepest usual place
constexpr int kMostFiles = 2000; // a folder chosen by mistake (the home folder) must end
constexpr int kMostFolders = 20'000;

/// Files by their real place, so that two names of one file are one model, and a ring of links ends.
struct Search {
  QStringList found;
  QSet<QString> seenFiles, seenFolders;

  void add(const QFileInfo& file) {
    // All parts of a model are one entry, under the name of their list.
    const auto list = engine::listOfParts(std::filesystem::path(file.absoluteFilePath().toStdU16String()));
    const QFileInfo info = list ? QFileInfo(QString::fromStdU16String(list->u16string())) : file;
    const QString real = info.canonicalFilePath();
    if (!real.isEmpty() && seenFiles.contains(real)) {
      return;
    }
    seenFiles << real;
    found << info.absoluteFilePath();
  }

  void walk(const QString& folder, int depth) {
    const QString real = QFileInfo(folder).canonicalFilePath();
    if (real.isEmpty() || seenFolders.contains(real) || seenFolders.size() >= kMostFolders) {
      return;
    }
    seenFolders << real;
    QDirIterator it(folder, QDir::Files | QDir::Dirs | QDir::NoDotAndDotDot | QDir::Readable);
    while (it.hasNext() && found.size() < kMostFiles) {
      const QFileInfo info = it.nextFileInfo();
      if (info.isDir()) {
        if (depth > 1) {
          walk(info.filePath(), depth - 1);
        }
      } else if (hasModelSuffix(info.filePath())) {
        add(info);
      }
    }
  }
};

const engine::ModelShape* guideShape() {
  static const auto shape = []() -> std::optional<engine::ModelShape> {
    const auto file = engine::Model::guideFile();
    const auto info = file ? engine::detect(**file) : tl::unexpected(file.error());
    return info ? std::optional(info->shape) : std::nullopt;
  }();
  return shape ? &*shape : nullptr;
}

/// Its weights are read once for that, some milliseconds; empty: it cannot be read.
const std::string& guideFingerprint() {
  static const std::string fingerprint = [] {
    engine::LoadOptions options;
    options.threads = 1;
    const auto guide = engine::Model::guide(options);
    return guide ? (*guide)->fingerprint() : std::string();
  }();
  return fingerprint;
}

/// A state, or why none can be begun from.
void readState(const engine::ModelFile& file, ModelEntry& entry) {
  auto state = engine::describeState(file);
  if (const auto good = state ? engine::checkState(file, *state) : tl::unexpected(state.error()); !good) {
    entry.error = good.error();
    return;
  }
  const engine::ModelShape* guide = guideShape();
  entry.fitsGuide = guide != nullptr && state->fits(*guide);
  entry.isOfGuide = entry.fitsGuide && !state->label.fingerprint.empty() && state->label.fingerprint == guideFingerprint();
  entry.state = std::move(*state);
}

}  // namespace

ModelCatalog::ModelCatalog(QObject* parent) : QObject(parent) {
  qRegisterMetaType<ModelEntry>();
  m_pool.setMaxThreadCount(1);  // one disk
}

ModelCatalog::~ModelCatalog() {
  ++m_scan;
  m_pool.clear();
  m_pool.waitForDone();
}

ModelEntry ModelCatalog::readEntry(const QString& path, const QString& vocabulary) {
  ModelEntry entry;
  const QFileInfo file(path);
  entry.path = path;
  entry.name = modelNameOf(path);
  entry.fileBytes = static_cast<quint64>(file.size());
  entry.vocabulary = vocabulary;
  const auto opened = engine::ModelFile::open(std::filesystem::path(path.toStdU16String()));
  if (!opened) {
    entry.error = opened.error();
    return entry;
  }
  auto info = engine::detect(**opened);
  if (!info) {
    if (engine::stateKindOf(**opened)) readState(**opened, entry);
    else entry.error = info.error();
    return entry;
  }
  entry.fileBytes = (*opened)->sizeBytes();
  entry.info = std::move(*info);
  if (const auto estimate = engine::estimateLoad(*opened)) {
    entry.estimate = *estimate;
  }
  if (const auto tokenizer = engine::Tokenizer::forModel(**opened, *entry.info, std::filesystem::path(vocabulary.toStdU16String()))) {
    entry.vocabularyFile = QString::fromStdU16String((*tokenizer)->file().u16string());
  } else {
    entry.obstacle = tokenizer.error();
  }
  return entry;
}

void ModelCatalog::scan(const QStringList& folders, const QStringList& files, const Vocabularies& vocabularies) {
  const quint64 id = ++m_scan;
  m_pool.start([this, id, folders, files, vocabularies] {
    Search search;
    for (const auto& file : files) {
      search.add(QFileInfo(file));
    }
    for (const auto& folder : folders) {
      search.walk(folder, kDepth);
    }
    for (const auto& path : std::as_const(search.found)) {
      if (m_scan != id) {
        return;
      }
      Q_EMIT entryRead(readEntry(path, vocabularies.value(path)));  // queued to the GUI thread: a copy of the value
    }
    Q_EMIT scanFinished(static_cast<int>(search.found.size()));
  });
}

void ModelCatalog::read(const QString& path, const QString& vocabulary) {
  m_pool.start([this, path, vocabulary] { Q_EMIT entryRead(readEntry(path, vocabulary)); });
}

}  // namespace rookery::app
