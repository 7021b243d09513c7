// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/empty_page.h"

#include <QEvent>
#include <QPushButton>
#include <QVBoxLayout>

#include "inference/model_title.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {
namespace {

constexpr int kIcon = 72;

const char* const kGuideQuestions[] = {
    QT_TRANSLATE_NOOP("rookery::app::EmptyPage", "What is Rookery?"),
    QT_TRANSLATE_NOOP("rookery::app::EmptyPage", "How do I get a bigger model?"),
    QT_TRANSLATE_NOOP("rookery::app::EmptyPage", "What does the benchmark measure?"),
};

}  // namespace

EmptyPage::EmptyPage(QWidget* parent)
    : QWidget(parent), m_title(new Label(this)), m_text(new Label(this)), m_chooseModel(new QPushButton(this)) {
  setObjectName(QStringLiteral("chatEmpty"));
  auto* icon = new Label(this);
  icon->setPixmap(appIcon().pixmap(QSize(kIcon, kIcon), devicePixelRatioF()));
  QFont large = font();
  large.setPointSizeF(large.pointSizeF() * 1.4);
  m_title->setFont(large);
  m_title->setObjectName(QStringLiteral("chatEmptyTitle"));
  m_text->setObjectName(QStringLiteral("chatEmptyText"));
  m_text->setWordWrap(true);
  m_text->setTone(Tone::Muted);
  for (Label* label : {icon, m_title, m_text}) label->setAlignment(Qt::AlignCenter);
  m_chooseModel->setObjectName(QStringLiteral("chooseModel"));
  m_chooseModel->setProperty("primary", true);
  connect(m_chooseModel, &QPushButton::clicked, this, &EmptyPage::modelsRequested);

  auto* column = new QVBoxLayout(this);
  column->addStretch(2);
  column->addWidget(icon);
  column->addWidget(m_title);
  column->addWidget(m_text);
  column->addSpacing(8);
  column->addWidget(m_chooseModel, 0, Qt::AlignHCenter);
  for (std::size_t i = 0; i < std::size(kGuideQuestions); ++i) {
    auto* button = new QPushButton(this);
    button->setObjectName(QStringLiteral("suggestion%1").arg(i));
    connect(button, &QPushButton::clicked, this, [this, button] { Q_EMIT asked(button->text()); });
    column->addWidget(button, 0, Qt::AlignHCenter);
    m_suggestions.push_back(button);
  }
  column->addStretch(3);
  retranslate();
}

void EmptyPage::retranslate() {
  m_chooseModel->setText(tr("Choose a model"));
  for (std::size_t i = 0; i < m_suggestions.size(); ++i) m_suggestions[i]->setText(tr(kGuideQuestions[i]));
  setFacts(m_facts);
}

void EmptyPage::setFacts(const Facts& facts) {
  m_facts = facts;
  for (QPushButton* button : m_suggestions) button->setVisible(facts.isGuide && !facts.isReadOnly);
  m_chooseModel->setVisible(!facts.isLoaded && !facts.isLoading);
  if (!facts.isLoaded) {
    m_title->setText(facts.isLoading ? tr("Loading the model…") : tr("No model loaded"));
    m_text->setText(facts.isLoading
                        ? tr("You can send your first message already: it is answered once the model is loaded.")
                        : tr("Choose a model to chat with."));
  } else if (!facts.start.isEmpty()) {
    m_title->setText(tr("New chat"));
    m_text->setText(tr("%1 is ready. This chat begins from the state %2.")
                        .arg(modelTitle(facts.model), displayName(facts.start)));
  } else if (facts.isGuide) {
    m_title->setText(tr("Ask the guide"));
    m_text->setText(tr("A tiny model that comes with Rookery. It knows about this program and little else. For other "
                       "questions, load a bigger model."));
  } else {
    m_title->setText(tr("New chat"));
    m_text->setText(tr("%1 is ready.").arg(modelTitle(facts.model)));
  }
}

void EmptyPage::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
