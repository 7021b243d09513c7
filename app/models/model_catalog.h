// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QHash>
#include <QList>
#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <optional>

#include "rookery/memory_plan.h"
#include "rookery/model_info.h"
#include "rookery/result.h"
#include "rookery/state_file.h"

namespace rookery::app {

/// What is known of one model on this computer. A value: it crosses from the reading thread to the GUI.
struct ModelEntry {
  QString path;                                ///< empty: the built-in guide model
  QString name;
  quint64 fileBytes = 0;
  std::optional<engine::ModelInfo> info;       ///< after the headers were read
  std::optional<engine::StateInfo> state;      ///< it is no model but a state, which a chat can begin from
  bool fitsGuide = false;                      ///< of a state: it has the guide's shape
  bool isOfGuide = false;                      ///< and says that the guide saved it
  std::optional<engine::Error> error;          ///< why the file cannot be used
  std::optional<engine::Error> obstacle;       ///< why a chat with this sound model is not possible (yet)
  QString vocabulary;                          ///< file chosen by hand, else empty
  QString vocabularyFile;                      ///< that text is read by, also one beside the model; empty: built in, or in the model
  engine::LoadEstimate estimate;               ///< with the weights as they came

  bool isGuide() const { return path.isEmpty(); }
  bool canLoad() const { return !error && !obstacle && !state; }
  /// Another vocabulary is what it takes.
  bool lacksVocabulary() const {
    return obstacle && (obstacle->code == engine::ErrorCode::VocabularyMissing || obstacle->code == engine::ErrorCode::VocabularyMismatch);
  }
};

/// Finds models and states and reads their headers, and states (some MB) whole, on a thread of its own; the GUI gets values. Files are mapped, never copied
/// or moved. A newer scan makes the answers of an older one void.
class ModelCatalog : public QObject {
  Q_OBJECT

 public:
  explicit ModelCatalog(QObject* parent = nullptr);
  ~ModelCatalog() override;

  /// Vocabulary files chosen by hand, by model path.
  using Vocabularies = QHash<QString, QString>;

  /// Looks into the folders (a few levels deep, through links as well: a Hugging Face cache consists of them) and
  /// reads the files found, plus `files`. Answers by entryRead() for each, then scanFinished().
  void scan(const QStringList& folders, const QStringList& files, const Vocabularies& vocabularies = {});
  /// Reads one file; answers by entryRead().
  void read(const QString& path, const QString& vocabulary = {});

  /// Blocks; for the reading thread and tests.
  static ModelEntry readEntry(const QString& path, const QString& vocabulary = {});

 Q_SIGNALS:
  void entryRead(const rookery::app::ModelEntry& entry);
  void scanFinished(int files);

 private:
  QThreadPool m_pool;
  std::atomic<quint64> m_scan{0};
};

}  // namespace rookery::app
