// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/model_list.h"

#include <QLocale>
#include <QPainter>
#include <algorithm>

#include "chat/start_state.h"
#include "inference/engine_text.h"
#include "inference/model_title.h"
#include "support/format.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {
constexpr double kComfort = 1.1;  ///< less than this times the need free: tight
constexpr int kPadding = 12, kIcon = 18;
/// The newest generation first, in it from small to large; then states; what could not be read at the end.
bool comesBefore(const ModelEntry& a, const ModelEntry& b) {
  const auto rank = [](const ModelEntry& e) {
    if (e.state) return std::pair(1, std::uint64_t{0});
    if (!e.info) return std::pair(2, std::uint64_t{0});
    const int generation = engine::versionName(e.info->shape.version)[0] - '0';  // 5.0 and 5.2 are one, and so are 7 and 7a
    return std::pair(-generation, e.info->shape.parameters());
  };
  const auto first = rank(a), second = rank(b);
  return first != second ? first < second : QString::localeAwareCompare(a.name, b.name) < 0;
}
}  // namespace

Fit fitOf(const ModelEntry& entry, std::uint64_t availableBytes) {
  if (entry.error) {
    return Fit::Unusable;
  }
  if (entry.state) {
    return Fit::State;
  }
  if (entry.isGuide()) {
    return Fit::Fits;
  }
  if (entry.obstacle) {
    return entry.lacksVocabulary() ? Fit::NeedsVocabulary : Fit::CannotRun;
  }
  if (!entry.info || availableBytes == 0) {
    return Fit::Unknown;
  }
  const auto need = entry.estimate.total();
  if (need > availableBytes) {
    return Fit::TooBig;
  }
  return static_cast<double>(need) * kComfort > static_cast<double>(availableBytes) ? Fit::Tight : Fit::Fits;
}

QString fitText(Fit fit) {
  switch (fit) {
    case Fit::Fits: return ModelListModel::tr("fits");
    case Fit::Tight: return ModelListModel::tr("just fits");
    case Fit::TooBig: return ModelListModel::tr("does not fit");
    case Fit::NeedsVocabulary: return ModelListModel::tr("needs its vocabulary");
    case Fit::CannotRun: return ModelListModel::tr("cannot run");
    case Fit::Unusable: return ModelListModel::tr("cannot be used");
    case Fit::State: return ModelListModel::tr("state");
    case Fit::Unknown: break;
  }
  return {};
}

QString entrySummary(const ModelEntry& entry) {
  if (entry.isGuide()) {
    return ModelListModel::tr("Built in · answers questions about Rookery itself");
  }
  if (entry.error) {
    return errorHeadline(*entry.error);
  }
  if (entry.state) {
    return stateText(*entry.state) + QStringLiteral(" · ") + formatBytes(entry.fileBytes);
  }
  if (!entry.info) {
    return formatBytes(entry.fileBytes);
  }
  const auto& shape = entry.info->shape;
  const auto millions = static_cast<double>(shape.parameters()) / 1e6;
  const QString parameters = millions >= 1000 ? ModelListModel::tr("%1 B parameters").arg(formatRate(millions / 1000))
                                              : ModelListModel::tr("%1 M parameters").arg(formatRate(millions));
  const auto dtype = engine::traits(entry.info->dtype).name;
  return QStringList{QStringLiteral("RWKV-%1").arg(QString::fromLatin1(engine::versionName(shape.version))), parameters,
                     QString::fromLatin1(dtype.data(), static_cast<qsizetype>(dtype.size())), formatBytes(entry.fileBytes)}
      .join(QStringLiteral(" · "));
}

ModelListModel::ModelListModel(QObject* parent) : QAbstractListModel(parent) { m_entries.append(ModelEntry{}); }

int ModelListModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_entries.size()); }

QVariant ModelListModel::data(const QModelIndex& index, int role) const {
  const auto* e = entry(index);
  if (e == nullptr) {
    return {};
  }
  const bool loaded = m_anyLoaded && e->path == m_loaded;
  switch (role) {
    case Qt::DisplayRole: return e->isGuide() ? guideName() : displayName(e->name);
    case Qt::ToolTipRole: return plainToolTip(e->path);
    case Qt::AccessibleTextRole: {
      QStringList parts{data(index, Qt::DisplayRole).toString(), entrySummary(*e), fitText(fitOf(*e, m_available))};
      if (loaded) {
        parts << tr("loaded");
      }
      return parts.join(QStringLiteral(", "));
    }
    case PathRole: return e->path;
    case SummaryRole: return entrySummary(*e);
    case FitRole: return static_cast<int>(fitOf(*e, m_available));
    case LoadedRole: return loaded;
    default: return {};
  }
}

void ModelListModel::add(const ModelEntry& entry) {
  if (const auto known = find(entry.path); known.isValid()) {
    m_entries[known.row()] = entry;
    Q_EMIT dataChanged(known, known);
    return;
  }
  const auto place = std::lower_bound(m_entries.begin() + 1, m_entries.end(), entry, comesBefore);
  const int row = static_cast<int>(place - m_entries.begin());
  beginInsertRows({}, row, row);
  m_entries.insert(row, entry);
  endInsertRows();
}

void ModelListModel::remove(const QString& path) {
  if (const auto known = find(path); known.isValid() && known.row() > 0) {
    beginRemoveRows({}, known.row(), known.row());
    m_entries.removeAt(known.row());
    endRemoveRows();
  }
}

void ModelListModel::keepOnly(const QStringList& paths) {
  for (int row = static_cast<int>(m_entries.size()) - 1; row > 0; --row) {
    if (!paths.contains(m_entries[row].path)) {
      remove(m_entries[row].path);
    }
  }
}

void ModelListModel::setLoaded(const QString& path, bool any) {
  m_loaded = path;
  m_anyLoaded = any;
  Q_EMIT dataChanged(index(0), index(rowCount() - 1));
}

void ModelListModel::setAvailable(std::uint64_t bytes) {
  m_available = bytes;
  Q_EMIT dataChanged(index(0), index(rowCount() - 1));
}

void ModelListModel::retranslate() { Q_EMIT dataChanged(index(0), index(rowCount() - 1)); }

const ModelEntry* ModelListModel::entry(const QModelIndex& index) const {
  return index.isValid() && index.row() < m_entries.size() ? &m_entries[index.row()] : nullptr;
}

QModelIndex ModelListModel::find(const QString& path) const {
  for (int row = 0; row < m_entries.size(); ++row) {
    if (m_entries[row].path == path) {
      return index(row);
    }
  }
  return {};
}

void ModelDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const auto& colors = Theme::colors();
  const bool selected = option.state & QStyle::State_Selected;
  const QColor text = option.palette.color(selected ? QPalette::HighlightedText : QPalette::Text);
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const QRectF tile = QRectF(option.rect).adjusted(4, 2, -4, -2);
  if (selected || (option.state & QStyle::State_MouseOver)) {
    QColor fill = option.palette.color(QPalette::Highlight);
    fill.setAlphaF(selected ? 1.0F : 0.08F);
    painter->setPen(Qt::NoPen);
    painter->setBrush(fill);
    painter->drawRoundedRect(tile, 6, 6);
  }
  if ((option.state & QStyle::State_HasFocus) && (option.state & QStyle::State_KeyboardFocusChange)) {
    painter->setPen(QPen(text, 1, Qt::DotLine));
    painter->setBrush(Qt::NoBrush);
    painter->drawRoundedRect(tile.adjusted(2, 2, -2, -2), 5, 5);
  }

  // The verdict stands at the right of the first line.
  const auto fit = static_cast<Fit>(index.data(ModelListModel::FitRole).toInt());
  const bool loaded = index.data(ModelListModel::LoadedRole).toBool();
  const QString verdict = loaded ? ModelListModel::tr("loaded") : fitText(fit);
  const QString iconName = fit == Fit::State          ? QStringLiteral("chat")
                           : loaded || fit == Fit::Fits ? QStringLiteral("ok")
                           : fit >= Fit::CannotRun    ? QStringLiteral("error")
                                                      : QStringLiteral("warning");
  const QColor verdictColor = selected                       ? text
                              : fit == Fit::State          ? colors.mutedText
                              : loaded || fit == Fit::Fits ? colors.good
                              : fit >= Fit::CannotRun        ? colors.bad
                                                             : colors.warning;
  const QRect inner = option.rect.adjusted(4 + kPadding, 2, -4 - kPadding, -2);
  const QFontMetrics metrics(option.font);
  QFont bold = option.font;
  bold.setWeight(QFont::DemiBold);
  const int line = metrics.height();
  const int top = inner.center().y() - line - 1;
  int right = inner.right();
  if (!verdict.isEmpty()) {
    const int width = metrics.horizontalAdvance(verdict);
    painter->setPen(verdictColor);
    painter->setFont(option.font);
    painter->drawText(QRect(right - width, top, width + 2, line), Qt::AlignVCenter | Qt::AlignLeft, verdict);
    lineIcon(iconName, verdictColor).paint(painter, QRect(right - width - kIcon - 4, top + (line - kIcon) / 2, kIcon, kIcon));
    right -= width + kIcon + 16;
  }
  painter->setPen(text);
  painter->setFont(bold);
  painter->drawText(QRect(inner.left(), top, right - inner.left(), line), Qt::AlignVCenter | Qt::AlignLeft,
                    QFontMetrics(bold).elidedText(index.data(Qt::DisplayRole).toString(), Qt::ElideMiddle, right - inner.left()));
  painter->setPen(selected ? text : colors.mutedText);
  painter->setFont(option.font);
  painter->drawText(QRect(inner.left(), top + line + 3, inner.width(), line), Qt::AlignVCenter | Qt::AlignLeft,
                    metrics.elidedText(index.data(ModelListModel::SummaryRole).toString(), Qt::ElideRight, inner.width()));
  painter->restore();
}

QSize ModelDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& /*index*/) const {
  return {240, 2 * QFontMetrics(option.font).height() + 24};
}

}  // namespace rookery::app
