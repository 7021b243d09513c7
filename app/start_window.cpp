// SPDX-License-Identifier: GPL-3.0-or-later
#include "start_window.h"

#include <QCloseEvent>
#include <QEventLoop>
#include <QHBoxLayout>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

#include "storage/open_database.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {
namespace {
constexpr int kShowAfterMs = 300, kRefreshMs = 50, kTextWidth = 380, kIcon = 48, kThousand = 1000;
}

StartWindow::StartWindow(QWidget* parent)
    : QWidget(parent, Qt::Dialog), m_title(new Label(this)), m_text(new Label(this)), m_count(new MutedLabel(this)),
      m_bar(new QProgressBar(this)), m_leave(new QPushButton(this)) {
  setObjectName(QStringLiteral("startWindow"));
  setWindowTitle(QStringLiteral("Rookery"));
  setWindowModality(Qt::ApplicationModal);
  setAttribute(Qt::WA_QuitOnClose, false);
  QFont large = font();
  large.setPointSizeF(large.pointSizeF() * 1.2);
  large.setWeight(QFont::DemiBold);
  m_title->setFont(large);
  m_title->setObjectName(QStringLiteral("startTitle"));
  m_text->setObjectName(QStringLiteral("startText"));
  m_text->setWordWrap(true);
  m_count->setObjectName(QStringLiteral("startCount"));
  m_bar->setObjectName(QStringLiteral("startBar"));
  m_bar->setTextVisible(false);
  m_leave->setObjectName(QStringLiteral("startLeave"));
  connect(m_leave, &QPushButton::clicked, this, &StartWindow::leave);

  auto* icon = new Label(this);
  icon->setPixmap(appIcon().pixmap(QSize(kIcon, kIcon), devicePixelRatioF()));
  auto* below = new QHBoxLayout;
  below->addWidget(m_count, 1);
  below->addWidget(m_leave);
  auto* column = new QVBoxLayout;
  column->setSpacing(8);
  column->addWidget(m_title);
  column->addWidget(m_text);
  column->addSpacing(4);
  column->addWidget(m_bar);
  column->addLayout(below);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(20, 20, 20, 16);
  row->setSpacing(16);
  row->addWidget(icon, 0, Qt::AlignTop);
  row->addLayout(column, 1);
  m_text->setFixedWidth(kTextWidth);
  row->setSizeConstraint(QLayout::SetFixedSize);
}

void StartWindow::attend(Opening& opening) {
  m_isLeaving = false;
  if (opening.waitFor(kShowAfterMs)) return;
  QEventLoop loop;
  QTimer timer;
  connect(&timer, &QTimer::timeout, &loop, [&] {
    if (m_isLeaving) opening.stop();
    if (opening.waitFor(0)) loop.quit();
    else show(opening.progress());
  });
  timer.start(kRefreshMs);
  show(opening.progress());
  QWidget::show();
  loop.exec();
  opening.stop();  // a second signal ends every loop
  hide();
}

void StartWindow::leave() { m_isLeaving = true; }

void StartWindow::show(const OpeningProgress& progress) {
  using Step = OpeningProgress::Step;
  switch (progress.step) {
    case Step::Opening:
      m_title->setText(tr("Opening your chats"));
      m_text->setText(tr("This takes longer than usual."));
      break;
    case Step::Upgrading:
      m_title->setText(tr("Updating your chats"));
      m_text->setText(tr("This Rookery is newer than the one that saved them. This happens once."));
      break;
    case Step::Checking:
      m_title->setText(tr("Checking your chats"));
      m_text->setText(tr("The file with your chats may be damaged."));
      break;
    case Step::Rescuing:
      m_title->setText(tr("Rescuing your chats"));
      m_text->setText(tr("The file with your chats is damaged. Everything that can still be read is copied into a new file, and "
                         "the damaged one is kept. If you quit, nothing changes and the next start begins again."));
      break;
    case Step::Copying:
      m_title->setText(tr("Reading your chats"));
      m_text->setText(
          tr("The file with your chats is damaged or of an older Rookery, and nothing can be written beside it. What "
             "can be "
             "read is copied into memory and shown; the file stays as it is."));
      break;
  }
  m_text->setFixedHeight(m_text->heightForWidth(kTextWidth));
  const qint64 done = progress.done, total = std::max<qint64>(progress.total, done);
  const bool counted = (progress.step == Step::Rescuing || progress.step == Step::Copying) && done > 0;
  const bool estimated = counted && progress.total > 0;
  m_bar->setRange(0, estimated ? kThousand : 0);
  if (estimated) m_bar->setValue(static_cast<int>(kThousand * done / total));
  const QLocale locale;
  m_count->setText(!counted ? QString()
                   : estimated ? tr("%1 of about %2 messages").arg(locale.toString(done), locale.toString(total))
                               : tr("%1 messages").arg(locale.toString(done)));
  m_bar->setAccessibleName(m_title->text());
  m_bar->setAccessibleDescription(m_count->text());
  m_leave->setText(tr("Quit"));
}

void StartWindow::closeEvent(QCloseEvent* event) {
  event->ignore();  // attend() hides it
  leave();
}

}  // namespace rookery::app
