// SPDX-License-Identifier: GPL-3.0-or-later
// render_icon IN.svg SIZE OUT.png: the sizes of the hicolor theme, made at build time from the one drawing.
#include <QImage>
#include <QPainter>
#include <QSvgRenderer>
#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: render_icon IN.svg SIZE OUT.png\n", stderr);
    return 2;
  }
  const int size = QByteArray(argv[2]).toInt();
  QSvgRenderer renderer(QString::fromLocal8Bit(argv[1]));
  if (size <= 0 || !renderer.isValid()) {
    std::fprintf(stderr, "%s cannot be rendered\n", argv[1]);
    return 1;
  }
  QImage image(size, size, QImage::Format_ARGB32_Premultiplied);
  image.fill(Qt::transparent);
  QPainter painter(&image);
  renderer.render(&painter);
  painter.end();
  return image.save(QString::fromLocal8Bit(argv[3]), "PNG") ? 0 : 1;
}
