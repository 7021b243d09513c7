// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/bounded_text.h"

#include <QVBoxLayout>
#include <utility>

#include "chat/composer_input.h"
#include "chat/pasted_text.h"

namespace rookery::app {

BoundedText::BoundedText(QWidget* parent)
    : QWidget(parent), m_field(new ComposerInput(this)), m_column(new QVBoxLayout(this)) {
  m_field->setTabChangesFocus(true);
  m_column->setContentsMargins(0, 0, 0, 0);
  m_column->addWidget(m_field);
  setFocusProxy(m_field);
  connect(m_field, &QPlainTextEdit::textChanged, this, [this] {
    if (!m_updating) Q_EMIT textChanged();
  });
  connect(m_field, &ComposerInput::longTextPasted, this, &BoundedText::insertLong);
}

QPlainTextEdit* BoundedText::field() const { return m_field; }

QString BoundedText::text() const { return m_long ? m_long->text() : m_field->toPlainText(); }

void BoundedText::setText(const QString& text) {
  if ((m_long && m_long->text().constData() == text.constData()) || text == this->text()) return;  // shared, mostly
  m_updating = true;
  if (PastedText* before = std::exchange(m_long, nullptr)) {
    before->hide();
    before->deleteLater();
  }
  const bool isLong = isTooLongToType(text);
  m_field->setPlainText(isLong ? QString() : text);
  m_field->setVisible(!isLong);
  if (isLong) {
    m_long = new PastedText(text, this);
    connect(m_long, &PastedText::removeRequested, this, [this] {
      setText({});
      m_field->setFocus(Qt::OtherFocusReason);
      Q_EMIT textChanged();
    });
    m_column->addWidget(m_long);
    m_long->show();
  }
  m_updating = false;
}

void BoundedText::insertLong(const QString& text) {
  QString all = m_field->toPlainText();
  all.insert(m_field->textCursor().position(), text);
  setText(all);
  Q_EMIT textChanged();
}

}  // namespace rookery::app
