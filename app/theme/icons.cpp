// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/icons.h"

#include <QFile>
#include <QGuiApplication>
#include <QIconEngine>
#include <QPainter>
#include <QPalette>
#include <QPixmapCache>
#include <QSvgRenderer>

#include "theme/theme.h"

namespace rookery::app {

namespace {

class LineIconEngine : public QIconEngine {
 public:
  LineIconEngine(QString name, QColor color) : m_name(std::move(name)), m_color(color) {}

  void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State /*state*/) override {
    QFile file(QStringLiteral(":/icons/%1.svg").arg(m_name));
    if (!file.open(QIODevice::ReadOnly)) {
      return;
    }
    QByteArray svg = file.readAll();
    svg.replace("currentColor", colorFor(mode).name(QColor::HexRgb).toLatin1());
    QSvgRenderer renderer(svg);
    const int side = qMin(rect.width(), rect.height());
    painter->setRenderHint(QPainter::Antialiasing);
    renderer.render(painter, QRectF(rect.x() + (rect.width() - side) / 2.0, rect.y() + (rect.height() - side) / 2.0, side, side));
  }

  QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
    return scaledPixmap(size, mode, state, 1.0);
  }

  // `size` is in device pixels already; Qt sets the ratio on the result.
  QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state, qreal /*scale*/) override {
    const QString key = QStringLiteral("rookery/%1/%2/%3x%4").arg(m_name, colorFor(mode).name()).arg(size.width()).arg(size.height());
    QPixmap pixmap;
    if (!QPixmapCache::find(key, &pixmap)) {
      pixmap = QPixmap(size);
      pixmap.fill(Qt::transparent);
      QPainter painter(&pixmap);
      paint(&painter, QRect(QPoint(), size), mode, state);
      QPixmapCache::insert(key, pixmap);
    }
    return pixmap;
  }

  bool isNull() override { return !QFile::exists(QStringLiteral(":/icons/%1.svg").arg(m_name)); }
  QString key() const override { return QStringLiteral("rookery-line-icon"); }
  QIconEngine* clone() const override { return new LineIconEngine(m_name, m_color); }

 private:
  QColor colorFor(QIcon::Mode mode) const {
    const QPalette palette = QGuiApplication::palette();
    if (mode == QIcon::Disabled) {
      return palette.color(QPalette::Disabled, QPalette::WindowText);
    }
    if (mode == QIcon::Selected) {
      return palette.color(QPalette::HighlightedText);
    }
    return m_color.isValid() ? m_color : palette.color(QPalette::WindowText);
  }

  QString m_name;
  QColor m_color;
};

}  // namespace

QIcon lineIcon(const QString& name, const QColor& color) { return QIcon(new LineIconEngine(name, color)); }

QIcon appIcon() { return QIcon(QStringLiteral(":/icons/org.rookery.Rookery.svg")); }

}  // namespace rookery::app
