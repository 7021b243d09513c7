// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QStyledItemDelegate>

#include "models/model_catalog.h"

namespace rookery::app {

enum class Fit { Unknown, Fits, Tight, TooBig, NeedsVocabulary, CannotRun, Unusable, State };

/// State: no model but a state. Unusable: no sound model; CannotRun, NeedsVocabulary: a sound one that this build cannot chat with (yet). Else judged
/// on the memory that is free now; `Tight` when less than a tenth of the need would remain.
Fit fitOf(const ModelEntry& entry, std::uint64_t availableBytes);
QString fitText(Fit fit);

/// "RWKV-7 · 191 M parameters · fp16 · 382 MB".
QString entrySummary(const ModelEntry& entry);

/// The models on this computer: the guide first, then the newest generation, in each from small to large.
class ModelListModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { PathRole = Qt::UserRole, SummaryRole, FitRole, LoadedRole };

  explicit ModelListModel(QObject* parent = nullptr);
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

  void add(const ModelEntry& entry);  ///< replaces the entry of the same path
  void remove(const QString& path);
  /// Takes out the entries whose paths are not in `paths`, after a scan.
  void keepOnly(const QStringList& paths);
  void setLoaded(const QString& path, bool any);
  void setAvailable(std::uint64_t bytes);
  void retranslate();

  const ModelEntry* entry(const QModelIndex& index) const;
  QModelIndex find(const QString& path) const;
  const QList<ModelEntry>& entries() const { return m_entries; }

 private:
  QList<ModelEntry> m_entries;
  QString m_loaded;
  bool m_anyLoaded = false;
  std::uint64_t m_available = 0;
};

/// Two lines and a verdict with an icon: never colour alone.
class ModelDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace rookery::app
