// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/start_field.h"

#include <QComboBox>
#include <QDir>
#include <QEvent>
#include <QFileInfo>
#include <QVBoxLayout>

#include "support/dialogs.h"
#include "support/model_files.h"
#include "support/plain_text.h"
#include "theme/label.h"

namespace rookery::app {
namespace {

constexpr int kEmpty = 0;
constexpr int kShortest = 12;  ///< characters of a name, or the panel grows with it

}  // namespace

StartField::StartField(QWidget* parent) : QWidget(parent), m_label(new Label(this)), m_box(new QComboBox(this)) {
  m_box->setObjectName(QStringLiteral("chatStart"));
  m_box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_box->setMinimumContentsLength(kShortest);
  m_label->setBuddy(m_box);
  m_label->setWordWrap(true);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->addWidget(m_label);
  column->addWidget(m_box);
  connect(m_box, &QComboBox::activated, this, &StartField::choose);
  fill();
}

void StartField::setFiles(const QStringList& paths) {
  if (m_files == paths) return;
  m_files = paths;
  fill();
}

void StartField::setStart(const QString& name, bool editable) {
  if (m_name == name && m_editable == editable) return;
  m_name = name;
  m_editable = editable;
  fill();
}

void StartField::fill() {
  const QString label = m_editable ? tr("Begins from") : tr("Begins from (fixed since the first message)");
  m_label->setText(label);
  m_box->setAccessibleName(label);
  m_box->setToolTip(plainToolTip(tr("What the model remembers before the first message: nothing, a tuned state, or a state that was saved. "
                                    "The chat keeps a copy, so the file is not needed later")));
  m_box->setEnabled(m_editable);
  m_box->clear();
  m_box->addItem(tr("Nothing, as usual"));
  int current = m_name.isEmpty() ? kEmpty : -1;
  for (const QString& path : std::as_const(m_files)) {
    const QString name = QFileInfo(path).fileName();
    m_box->addItem(displayName(name), path);
    m_box->setItemData(m_box->count() - 1, plainToolTip(QDir::toNativeSeparators(path)), Qt::ToolTipRole);
    if (current < 0 && name == m_name) current = m_box->count() - 1;
  }
  if (current < 0) {
    m_box->addItem(displayName(m_name));
    current = m_box->count() - 1;
  }
  m_box->addItem(tr("Choose a file…"));
  m_box->setCurrentIndex(current);
}

void StartField::choose(int index) {
  if (index == kEmpty) {
    Q_EMIT cleared();
  } else if (index == m_box->count() - 1) {
    const QString folder = m_files.isEmpty() ? QDir::homePath() : QFileInfo(m_files[0]).path();
    const QString path = Dialogs::instance().openFile(this, tr("Choose the state to begin from"), folder,
                                                      tr("States (%1);;All files (*)").arg(modelFilePatterns()));
    fill();  // back to what is chosen, until the new one is read
    if (!path.isEmpty()) Q_EMIT chosen(path);
  } else if (const QString path = m_box->itemData(index).toString(); !path.isEmpty()) {
    Q_EMIT chosen(path);
  }
}

void StartField::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) fill();
}

}  // namespace rookery::app
