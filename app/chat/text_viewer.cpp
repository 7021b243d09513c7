// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/text_viewer.h"

#include <QDialogButtonBox>
#include <QKeyEvent>
#include <QScrollBar>
#include <QVBoxLayout>

namespace rookery::app {
namespace {
constexpr int kMargin = 12, kMaxPasses = 6;
constexpr QSize kSize{760, 560};
}  // namespace

TextScroll::TextScroll(const QString& text, const QString& name, QWidget* parent)
    : QAbstractScrollArea(parent), m_body(new MessageBody(viewport())) {
  setObjectName(QStringLiteral("textScroll"));
  setFrameShape(NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
  viewport()->setBackgroundRole(QPalette::Base);
  viewport()->setAutoFillBackground(true);
  verticalScrollBar()->setSingleStep(fontMetrics().height() * 2);
  m_body->setName(name);
  m_body->setSight(0, 0);
  m_body->setShowsAll(true);
  m_body->setContent(text, false);
  connect(m_body, &MessageBody::heightChanged, this, &TextScroll::layOut);
}

void TextScroll::layOut() {
  if (m_layingOut) return;
  m_layingOut = true;
  const int width = std::max(1, viewport()->width() - 2 * kMargin), height = viewport()->height();
  int total = m_body->heightFor(width), top = 0;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    top = std::clamp(m_body->yOf(m_place) + kMargin, 0, std::max(0, total + 2 * kMargin - height));
    const bool changed = m_body->setSight(top - kMargin, top - kMargin + height);
    total = m_body->heightFor(width);
    if (!changed) break;
  }
  verticalScrollBar()->setRange(0, std::max(0, total + 2 * kMargin - height));
  verticalScrollBar()->setPageStep(height);
  verticalScrollBar()->setValue(top);
  m_body->setGeometry(kMargin, kMargin - top, width, total);
  m_layingOut = false;
}

void TextScroll::resizeEvent(QResizeEvent* event) {
  QAbstractScrollArea::resizeEvent(event);
  layOut();
}

void TextScroll::scrollContentsBy(int, int) {
  if (m_layingOut) return;
  m_place = m_body->placeAt(verticalScrollBar()->value() - kMargin);
  layOut();
}

void TextScroll::keyPressEvent(QKeyEvent* event) {
  switch (event->key()) {
    case Qt::Key_Home: verticalScrollBar()->setValue(0); break;
    case Qt::Key_End: verticalScrollBar()->setValue(verticalScrollBar()->maximum()); break;
    default: QAbstractScrollArea::keyPressEvent(event);
  }
}

TextViewer::TextViewer(const QString& title, const QString& text, QWidget* parent) : QDialog(parent) {
  setObjectName(QStringLiteral("textViewer"));
  setAttribute(Qt::WA_DeleteOnClose);
  setWindowTitle(title);
  resize(kSize);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, kMargin);
  auto* scroll = new TextScroll(text, title, this);
  column->addWidget(scroll, 1);
  scroll->setFocus();
  auto* row = new QHBoxLayout;
  row->setContentsMargins(kMargin, 0, kMargin, 0);
  row->addWidget(buttons);
  column->addLayout(row);
}

}  // namespace rookery::app
