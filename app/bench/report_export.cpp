// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/report_export.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QLayout>
#include <QPainter>
#include <QRegularExpression>
#include <algorithm>
#include <cmath>

#include "bench/bench_text.h"
#include "bench/charts_view.h"
#include "inference/engine_text.h"
#include "support/plain_text.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {

struct Words {
  Q_DECLARE_TR_FUNCTIONS(ReportExport)
};

constexpr int kPictureWidth = 1200, kMargin = 24;
constexpr double kSentenceSize = 1.2;

QString suffixOf(ExportFormat format) {
  switch (format) {
    case ExportFormat::Csv: return QStringLiteral("csv");
    case ExportFormat::Markdown: return QStringLiteral("md");
    case ExportFormat::Png: return QStringLiteral("png");
    case ExportFormat::Json: break;
  }
  return QStringLiteral("json");
}

/// Letters, digits, points and dashes; the rest of a name means something to some system.
QString filePart(const QString& text) {
  static const QRegularExpression other(QStringLiteral("[^A-Za-z0-9.]+")), ends(QStringLiteral("^[-.]+|[-.]+$"));
  return QString(text).replace(other, QStringLiteral("-")).left(40).remove(ends).toLower();
}

}  // namespace

QString exportFilter(ExportFormat format) {
  switch (format) {
    case ExportFormat::Csv: return Words::tr("Table of every run (*.csv)");
    case ExportFormat::Markdown: return Words::tr("Markdown (*.md)");
    case ExportFormat::Png: return Words::tr("Picture of the charts (*.png)");
    case ExportFormat::Json: break;
  }
  return Words::tr("Report (*.json)");
}

QString exportName(const engine::BenchReport& report, ExportFormat format) {
  const auto date = QDateTime::fromString(QString::fromStdString(report.environment.date), Qt::ISODate);
  QStringList parts{QStringLiteral("rookery"), filePart(QString::fromStdString(report.model)), filePart(QString::fromStdString(report.precision)),
                    filePart(report.ranOnCpu() ? QStringLiteral("cpu") : reportDevice(report)),
                    date.isValid() ? date.toLocalTime().toString(QStringLiteral("yyyy-MM-dd")) : QString()};
  parts.removeAll(QString());
  return parts.join(u'-') + u'.' + suffixOf(format);
}

QString withSuffix(const QString& path, ExportFormat format) {
  QStringList good{suffixOf(format)};
  if (format == ExportFormat::Markdown) {
    good << QStringLiteral("markdown") << QStringLiteral("txt");
  }
  return good.contains(QFileInfo(path).suffix(), Qt::CaseInsensitive) ? path : path + u'.' + good.first();
}

QByteArray exportBytes(const engine::BenchReport& report, ExportFormat format, const QWidget* like) {
  switch (format) {
    case ExportFormat::Json: return QByteArray::fromStdString(engine::reportJson(report));
    case ExportFormat::Csv: return QByteArray::fromStdString(engine::reportCsv(report));
    case ExportFormat::Markdown: return QByteArray::fromStdString(engine::reportMarkdown(report));
    case ExportFormat::Png: break;
  }
  QByteArray bytes;
  QBuffer buffer(&bytes);
  reportPicture(report, like).save(&buffer, "PNG");
  return bytes;
}

QString exportFailure(const QString& path, const engine::Error& error) {
  const QFileInfo file(path);
  const QString reason = toQString(error.details);
  return (reason.isEmpty() ? Words::tr("%1 could not be saved in %2. Choose another folder, or free some space.")
                                 .arg(file.fileName(), QDir::toNativeSeparators(file.path()))
                           : Words::tr("%1 could not be saved in %2: %3. Choose another folder, or free some space.")
                                 .arg(file.fileName(), QDir::toNativeSeparators(file.path()), reason));
}

QImage reportPicture(const engine::BenchReport& report, const QWidget* like) {
  ChartsView charts;
  charts.setAttribute(Qt::WA_DontShowOnScreen);
  charts.setPalette(like->palette());
  charts.setReport(report);
  charts.resize(kPictureWidth - 2 * kMargin, charts.sizeHint().height());
  charts.show();  // lays out; on no screen
  charts.resize(kPictureWidth - 2 * kMargin, std::max(charts.sizeHint().height(), charts.layout()->minimumSize().height()));
  charts.layout()->activate();
  QCoreApplication::sendPostedEvents(&charts, QEvent::LayoutRequest);
  charts.drawNow();
  const QPixmap drawn = charts.grab();
  const qreal ratio = drawn.devicePixelRatio();

  // As high as the words need: a long processor name or a translation takes more lines.
  struct Part {
    QString text;
    QFont font;
    QColor color;
    int height;
  };
  QFont large = like->font();
  large.setPointSizeF(large.pointSizeF() * kSentenceSize);
  const QPalette& palette = like->palette();
  QList<Part> words{{displayText(reportSubject(report)), like->font(), Theme::colors().mutedText, 0},
                    {displayText(reportSentence(report)), large, palette.color(QPalette::WindowText), 0},
                    {displayText(reportCaution(report)), like->font(), palette.color(QPalette::WindowText), 0}};
  int head = kMargin;
  for (auto& part : words) {
    if (part.text.isEmpty()) continue;
    part.height = QFontMetrics(part.font).boundingRect(QRect(0, 0, kPictureWidth - 2 * kMargin, 10'000), Qt::TextWordWrap, part.text).height();
    head += part.height + kMargin / 2;
  }
  QImage image(QSize(static_cast<int>(kPictureWidth * ratio), static_cast<int>(std::ceil(drawn.height() + (head + kMargin) * ratio))), QImage::Format_RGB32);
  image.setDevicePixelRatio(ratio);
  image.fill(palette.color(QPalette::Window));
  QPainter painter(&image);
  int top = kMargin;
  for (const auto& part : words) {
    if (part.text.isEmpty()) continue;
    painter.setPen(part.color);
    painter.setFont(part.font);
    painter.drawText(QRect(kMargin, top, kPictureWidth - 2 * kMargin, part.height), Qt::TextWordWrap, part.text);
    top += part.height + kMargin / 2;
  }
  painter.drawPixmap(QPointF(kMargin, head), drawn);
  return image;
}

}  // namespace rookery::app
