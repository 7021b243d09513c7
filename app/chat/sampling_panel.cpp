// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/sampling_panel.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QEvent>
#include <QFormLayout>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>
#include <algorithm>
#include <array>
#include <cmath>

#include "chat/answer_rules_form.h"
#include "chat/bounded_text.h"
#include "chat/start_field.h"
#include "support/plain_text.h"
#include "theme/label.h"

namespace rookery::app {
namespace {

constexpr int kMostTopK = 65'536;

struct Preset {
  const char* name;
  engine::SamplerSettings settings;
};

// The sets that RWKV's authors publish (2026).
const std::array<Preset, 4> kPresets{{
    {QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Chat"), {1.0F, 0.3F, 0, 0.5F, 0.5F, 0.996F}},
    {QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Creative"), {0.6F, 0.8F, 0, 2.0F, 0.2F, 0.99F}},
    {QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Careful: questions, code"), {0.3F, 0.3F, 0, 0.0F, 0.0F, 0.996F}},
    {QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Always the most likely token"), {0.0F, 0.0F, 0, 0.0F, 0.0F, 0.996F}},
}};

struct ThinkingChoice {
  std::optional<engine::Thinking> value;
  const char* name;
};

const std::array<ThinkingChoice, 4> kThinking{{
    {std::nullopt, QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "As suits the model")},
    {engine::Thinking::Auto, QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Off: a plain prompt")},
    {engine::Thinking::Fast, QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Fast: an empty thought")},
    {engine::Thinking::On, QT_TRANSLATE_NOOP("rookery::app::SamplingPanel", "Think before answering")},
}};

bool near(const engine::SamplerSettings& a, const engine::SamplerSettings& b) {
  const auto close = [](float x, float y) { return std::abs(x - y) < 1e-4F; };
  return close(a.temperature, b.temperature) && close(a.topP, b.topP) && a.topK == b.topK &&
         close(a.presencePenalty, b.presencePenalty) && close(a.frequencyPenalty, b.frequencyPenalty) &&
         close(a.penaltyDecay, b.penaltyDecay);
}

}  // namespace

SamplingPanel::SamplingPanel(QWidget* parent, Purpose purpose)
    : QWidget(parent),
      m_form(new QFormLayout),
      m_preset(new QComboBox(this)),
      m_topK(new QSpinBox(this)),
      m_fixedSeed(new QCheckBox(this)),
      m_seed(new QSpinBox(this)),
      m_thinking(new QComboBox(this)),
      m_rules(new AnswerRulesForm(this)),
      m_start(new StartField(this)),
      m_reset(new QPushButton(this)),
      m_systemLabel(new Label(this)),
      m_systemHint(new MutedLabel(this)),
      m_system(new BoundedText(this)) {
  setObjectName(QStringLiteral("samplingPanel"));
  m_preset->setObjectName(QStringLiteral("samplingPreset"));
  m_form->setRowWrapPolicy(QFormLayout::WrapLongRows);
  m_form->setLabelAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  m_form->addRow(new Label(this), m_preset);
  m_temperature = addNumber(QStringLiteral("temperature"), 3, 0.05, 2);
  m_topP = addNumber(QStringLiteral("topP"), 1, 0.05, 2);
  m_topK->setObjectName(QStringLiteral("topK"));
  m_topK->setRange(0, kMostTopK);
  m_form->addRow(new Label(this), m_topK);
  connect(m_topK, &QSpinBox::valueChanged, this, &SamplingPanel::changed);
  m_presence = addNumber(QStringLiteral("presencePenalty"), 5, 0.1, 2);
  m_frequency = addNumber(QStringLiteral("frequencyPenalty"), 5, 0.1, 2);
  m_decay = addNumber(QStringLiteral("penaltyDecay"), 1, 0.001, 3);
  m_fixedSeed->setObjectName(QStringLiteral("fixedSeed"));
  m_seed->setObjectName(QStringLiteral("seed"));
  m_seed->setRange(0, 2'147'483'647);
  m_seed->setEnabled(false);
  m_form->addRow(m_fixedSeed, m_seed);
  m_thinking->setObjectName(QStringLiteral("thinking"));
  m_form->addRow(new Label(this), m_thinking);
  m_system->field()->setObjectName(QStringLiteral("systemPrompt"));
  m_system->field()->setMaximumHeight(m_system->fontMetrics().lineSpacing() * 8);
  m_systemLabel->setBuddy(m_system->field());
  m_systemLabel->setWordWrap(true);
  m_systemHint->setObjectName(QStringLiteral("systemPromptHint"));
  m_systemHint->setWordWrap(true);
  m_systemHint->hide();

  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 16, 16, 16);
  column->addLayout(m_form);
  column->addWidget(m_rules);
  column->addSpacing(6);
  column->addWidget(m_start);
  column->addSpacing(6);
  column->addWidget(m_systemLabel);
  column->addWidget(m_system);
  column->addWidget(m_systemHint);
  column->addSpacing(6);
  column->addWidget(m_reset, 0, Qt::AlignLeft);
  column->addStretch(1);

  m_reset->setObjectName(QStringLiteral("resetAnswerSettings"));
  connect(m_reset, &QPushButton::clicked, this, &SamplingPanel::resetRequested);
  connect(m_rules, &AnswerRulesForm::rulesChanged, this, &SamplingPanel::rulesChanged);
  connect(m_preset, &QComboBox::activated, this, &SamplingPanel::applyPreset);
  connect(m_fixedSeed, &QCheckBox::toggled, m_seed, &QWidget::setEnabled);
  connect(m_fixedSeed, &QCheckBox::toggled, this, &SamplingPanel::samplingChanged);
  connect(m_seed, &QSpinBox::valueChanged, this, &SamplingPanel::samplingChanged);
  connect(m_thinking, &QComboBox::activated, this, &SamplingPanel::thinkingChanged);
  connect(m_system, &BoundedText::textChanged, this, &SamplingPanel::systemPromptChanged);
  if (purpose == Purpose::Defaults) {
    m_start->hide();
    for (QWidget* widget : std::initializer_list<QWidget*>{m_fixedSeed, m_seed, m_reset, m_systemLabel, m_system}) {
      widget->hide();
    }
    column->setContentsMargins(0, 0, 0, 0);
  }
  retranslate();
  setSampling({});
}

void SamplingPanel::setColumns(int labelWidth, int spacing, int fieldWidth) {
  m_form->setHorizontalSpacing(spacing);
  for (QWidget* field : std::initializer_list<QWidget*>{m_preset, m_temperature, m_topP, m_topK, m_presence,
                                                        m_frequency, m_decay, m_thinking}) {
    field->setFixedWidth(fieldWidth);
    m_form->labelForField(field)->setMinimumWidth(labelWidth);
  }
  m_rules->setColumns(labelWidth, spacing, fieldWidth);
}

QDoubleSpinBox* SamplingPanel::addNumber(const QString& name, double maximum, double step, int decimals) {
  auto* box = new QDoubleSpinBox(this);
  box->setObjectName(name);
  box->setRange(0, maximum);
  box->setSingleStep(step);
  box->setDecimals(decimals);
  m_form->addRow(new Label(this), box);
  connect(box, &QDoubleSpinBox::valueChanged, this, &SamplingPanel::changed);
  return box;
}

void SamplingPanel::changed() {
  if (m_updating) return;
  showPreset();
  Q_EMIT samplingChanged();
}

void SamplingPanel::retranslate() {
  const auto name = [this](QWidget* field, const QString& text, const QString& help) {
    if (auto* label = qobject_cast<Label*>(m_form->labelForField(field))) {
      label->setText(text);
      label->setBuddy(field);
      label->setMinimumHeight(field->sizeHint().height());  // a form puts labels at the top of the row
    }
    field->setAccessibleName(text);
    field->setToolTip(plainToolTip(help));
  };
  name(m_preset, tr("Preset"), tr("Settings that RWKV's authors recommend"));
  name(m_temperature, tr("Temperature"), tr("Higher is more surprising; 0 always takes the most likely token"));
  name(m_topP, tr("Top-p"), tr("Draws from the most likely tokens that together reach this probability"));
  m_topK->setSpecialValueText(tr("Off"));
  name(m_topK, tr("Top-k"), tr("Draws from this many of the most likely tokens"));
  name(m_presence, tr("Presence penalty"), tr("Makes tokens less likely that the answer has used already"));
  name(m_frequency, tr("Frequency penalty"), tr("The same, but more for each time a token was used"));
  name(m_decay, tr("Penalty decay"), tr("How slowly both penalties forget earlier tokens; 1 never forgets"));
  m_fixedSeed->setText(tr("Fixed seed"));
  m_fixedSeed->setMinimumHeight(m_seed->sizeHint().height());
  m_fixedSeed->setToolTip(plainToolTip(tr("The same seed, settings and text give the same answer")));
  m_seed->setAccessibleName(tr("Seed"));
  name(m_thinking, tr("Thinking"),
       tr("How an answer begins. Models that were taught to think (RWKV-7 G1) answer well in fast mode; others need a plain prompt"));
  m_reset->setText(tr("Reset to defaults"));
  m_reset->setToolTip(plainToolTip(tr("All of the above but the system prompt")));
  m_systemLabel->setText(tr("System prompt"));
  m_systemHint->setText(
      tr("A change takes effect with your next message: the model reads the whole chat again for it."));
  m_system->field()->setPlaceholderText(tr("For example: You answer briefly."));
  m_system->field()->setAccessibleName(tr("System prompt"));
  const int current = m_preset->currentIndex();
  m_preset->clear();
  for (const Preset& preset : kPresets) m_preset->addItem(tr(preset.name));
  m_preset->addItem(tr("Custom"));
  m_preset->setCurrentIndex(current);
  const int thinking = std::max(0, m_thinking->currentIndex());
  m_thinking->clear();
  for (const ThinkingChoice& choice : kThinking) m_thinking->addItem(tr(choice.name));
  m_thinking->setCurrentIndex(thinking);
}

void SamplingPanel::setThinking(std::optional<engine::Thinking> thinking) {
  for (std::size_t i = 0; i < kThinking.size(); ++i) {
    if (kThinking[i].value == thinking) m_thinking->setCurrentIndex(static_cast<int>(i));
  }
}

std::optional<engine::Thinking> SamplingPanel::thinking() const {
  return kThinking[static_cast<std::size_t>(std::max(0, m_thinking->currentIndex()))].value;
}

void SamplingPanel::setSampling(const engine::SamplerSettings& s) {
  m_updating = true;
  m_temperature->setValue(static_cast<double>(s.temperature));
  m_topP->setValue(static_cast<double>(s.topP));
  m_presence->setValue(static_cast<double>(s.presencePenalty));
  m_frequency->setValue(static_cast<double>(s.frequencyPenalty));
  m_decay->setValue(static_cast<double>(s.penaltyDecay));
  m_topK->setValue(s.topK);
  m_updating = false;
  showPreset();
}

engine::SamplerSettings SamplingPanel::sampling() const {
  const auto value = [](const QDoubleSpinBox* box) { return static_cast<float>(box->value()); };
  return {value(m_temperature), value(m_topP), m_topK->value(), value(m_presence), value(m_frequency), value(m_decay)};
}

std::optional<quint64> SamplingPanel::seed() const {
  return m_fixedSeed->isChecked() ? std::optional<quint64>(static_cast<quint64>(m_seed->value())) : std::nullopt;
}

void SamplingPanel::setSystemPrompt(const QString& text, bool isRead, bool hasPlace) {
  m_system->setText(text);
  m_system->setEnabled(hasPlace);
  m_systemHint->setVisible(isRead && hasPlace);
}

void SamplingPanel::setRules(const AnswerRules& rules) { m_rules->setRules(rules); }
const AnswerRules& SamplingPanel::rules() const { return m_rules->rules(); }

QString SamplingPanel::systemPrompt() const { return m_system->text(); }

void SamplingPanel::applyPreset(int index) {
  if (index < 0 || index >= static_cast<int>(kPresets.size())) return;
  setSampling(kPresets[static_cast<std::size_t>(index)].settings);
  Q_EMIT samplingChanged();
}

void SamplingPanel::showPreset() {
  const engine::SamplerSettings now = sampling();
  std::size_t index = 0;
  while (index < kPresets.size() && !near(kPresets[index].settings, now)) ++index;
  m_preset->setCurrentIndex(static_cast<int>(index));
}

void SamplingPanel::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
