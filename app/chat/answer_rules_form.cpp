// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/answer_rules_form.h"

#include <QComboBox>
#include <QEvent>
#include <QFormLayout>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QSpinBox>
#include <QVBoxLayout>
#include <algorithm>
#include <array>

#include "chat/bounded_text.h"
#include "support/plain_text.h"
#include "theme/label.h"

namespace rookery::app {
namespace {

constexpr int kMostTokens = 1'000'000, kTokenStep = 256;
constexpr int kStopLines = 4;
constexpr int kFieldWidth = 112, kTextMargin = 5;

/// Names that models were taught; no words of ours, so they are not translated.
const std::array<engine::RoleNames, 4> kRoles{{{"User", "Assistant"}, {"Bob", "Alice"}, {"Question", "Answer"}, {"Instruction", "Response"}}};

}  // namespace

AnswerRulesForm::AnswerRulesForm(QWidget* parent)
    : QWidget(parent), m_form(new QFormLayout), m_longest(new QSpinBox(this)), m_rolePreset(new QComboBox(this)),
      m_user(new QLineEdit(this)), m_assistant(new QLineEdit(this)), m_problem(new MutedLabel(this)),
      m_stopLabel(new Label(this)), m_stopTexts(new BoundedText(this)) {
  m_longest->setObjectName(QStringLiteral("longestAnswer"));
  m_longest->setRange(0, kMostTokens);
  m_longest->setSingleStep(kTokenStep);
  m_longest->setGroupSeparatorShown(true);
  m_longest->setMinimumWidth(kFieldWidth);  // or the form breaks its row in two, for a number that nobody chooses
  m_rolePreset->setObjectName(QStringLiteral("rolePreset"));
  m_user->setObjectName(QStringLiteral("userRole"));
  m_assistant->setObjectName(QStringLiteral("assistantRole"));
  for (QLineEdit* field : {m_user, m_assistant}) {
    field->setMaxLength(static_cast<int>(engine::kMaxRoleName));
    field->setTextMargins(kTextMargin, 0, kTextMargin, 0);
  }
  m_problem->setObjectName(QStringLiteral("rulesProblem"));
  m_problem->setWordWrap(true);
  m_problem->hide();
  QPlainTextEdit* stopField = m_stopTexts->field();
  stopField->setObjectName(QStringLiteral("stopTexts"));
  stopField->setLineWrapMode(QPlainTextEdit::NoWrap);
  stopField->setFixedHeight(stopField->fontMetrics().lineSpacing() * kStopLines +
                            2 * static_cast<int>(stopField->document()->documentMargin()) + 4);
  m_stopLabel->setBuddy(stopField);

  m_form->setContentsMargins(0, 0, 0, 0);
  m_form->setRowWrapPolicy(QFormLayout::WrapLongRows);
  m_form->setLabelAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  for (QWidget* field : std::initializer_list<QWidget*>{m_longest, m_rolePreset, m_user, m_assistant}) m_form->addRow(new Label(this), field);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->addLayout(m_form);
  column->addWidget(m_problem);
  column->addSpacing(6);
  column->addWidget(m_stopLabel);
  column->addWidget(m_stopTexts);

  connect(m_longest, &QSpinBox::valueChanged, this, [this](int tokens) {
    AnswerRules rules = m_rules;
    rules.maxTokens = tokens;
    change(rules);
  });
  connect(m_rolePreset, &QComboBox::activated, this, [this](int index) {
    if (index < 0 || index >= static_cast<int>(kRoles.size())) {
      m_user->setFocus();
      return;
    }
    AnswerRules rules = m_rules;
    rules.roles = kRoles[static_cast<std::size_t>(index)];
    setRules(rules);
    Q_EMIT rulesChanged();
  });
  for (QLineEdit* field : {m_user, m_assistant}) connect(field, &QLineEdit::textEdited, this, &AnswerRulesForm::readRoles);
  connect(m_stopTexts, &BoundedText::textChanged, this, &AnswerRulesForm::readStopTexts);
  retranslate();
  setRules({});
}

void AnswerRulesForm::retranslate() {
  const auto name = [this](QWidget* field, const QString& text, const QString& help) {
    auto* label = qobject_cast<Label*>(m_form->labelForField(field));
    label->setText(text);
    label->setBuddy(field);
    label->setMinimumHeight(field->sizeHint().height());  // a form puts labels at the top of the row
    field->setAccessibleName(text);
    field->setToolTip(plainToolTip(help));
  };
  m_longest->setSpecialValueText(tr("No limit"));
  m_longest->setSuffix(tr(" tokens"));
  name(m_longest, tr("Longest answer"), tr("An answer stops after this many tokens. Continue goes on from there"));
  name(m_rolePreset, tr("Roles"), tr("What the model calls the two sides. World and G1 models know User and Assistant; older ones other names"));
  name(m_user, tr("You are"), tr("The name before your messages in the prompt"));
  name(m_assistant, tr("The model is"), tr("The name before the answers in the prompt"));
  showProblem();
  const QString stop = tr("Stop texts, one per line");
  m_stopLabel->setText(stop);
  m_stopTexts->field()->setAccessibleName(stop);
  m_stopTexts->field()->setToolTip(plainToolTip(
      tr("An answer ends before any of these. \\n is a line break, \\t a tab, \\\\ a backslash")));
  m_stopTexts->field()->setPlaceholderText(tr("For example: \\n\\nQ:"));
  const int current = m_rolePreset->currentIndex();
  m_rolePreset->clear();
  for (const engine::RoleNames& roles : kRoles) m_rolePreset->addItem(QString::fromStdString(roles.user + " / " + roles.assistant));
  m_rolePreset->addItem(tr("Custom"));
  m_rolePreset->setCurrentIndex(current);
}

void AnswerRulesForm::setColumns(int labelWidth, int spacing, int fieldWidth) {
  m_form->setHorizontalSpacing(spacing);
  for (QWidget* field : std::initializer_list<QWidget*>{m_longest, m_rolePreset, m_user, m_assistant}) {
    field->setFixedWidth(fieldWidth);
    m_form->labelForField(field)->setMinimumWidth(labelWidth);
  }
  m_stopTexts->setMaximumWidth(labelWidth + spacing + fieldWidth);
}

void AnswerRulesForm::setRules(const AnswerRules& rules) {
  m_updating = true;
  m_rules = rules;
  m_longest->setValue(rules.maxTokens);
  m_user->setText(QString::fromStdString(rules.roles.user));
  m_assistant->setText(QString::fromStdString(rules.roles.assistant));
  QStringList lines;
  for (const QString& text : rules.stopTexts) lines << escaped(text);
  m_stopTexts->setText(lines.join(u'\n'));
  m_updating = false;
  showProblem();
  showRolePreset();
}

void AnswerRulesForm::change(const AnswerRules& rules) {
  if (m_updating || rules == m_rules) return;
  m_rules = rules;
  Q_EMIT rulesChanged();
}

engine::RoleNames AnswerRulesForm::writtenRoles() const { return {m_user->text().trimmed().toStdString(), m_assistant->text().trimmed().toStdString()}; }

/// No more of them, and no more of each, than shows that it is too much: the text may be of any length.
QStringList AnswerRulesForm::writtenLines() const {
  QStringList lines;
  const QString text = m_stopTexts->text();
  for (const QStringView line : QStringView(text).tokenize(u'\n', Qt::SkipEmptyParts)) {
    lines << line.left(AnswerRules::kMaxStopText + 1).toString();
    if (lines.size() > AnswerRules::kMaxStopTexts) break;
  }
  return lines;
}

/// What is written and cannot be used is said, not cut in silence.
void AnswerRulesForm::showProblem() {
  const engine::RoleNames roles = writtenRoles();
  const QStringList lines = writtenLines();
  QString problem;
  if (!engine::isRoleName(roles.user) || !engine::isRoleName(roles.assistant)) {
    problem = tr("A role is a name on one line, without a colon. Until then the last one is used.");
  } else if (lines.size() > AnswerRules::kMaxStopTexts ||
             std::any_of(lines.begin(), lines.end(), [](const QString& line) { return line.size() > AnswerRules::kMaxStopText; })) {
    problem = tr("At most %1 stop texts of %2 characters are used; the others are not.").arg(AnswerRules::kMaxStopTexts).arg(AnswerRules::kMaxStopText);
  }
  m_problem->setText(problem);
  m_problem->setVisible(!problem.isEmpty());
}

void AnswerRulesForm::readRoles() {
  AnswerRules rules = m_rules;
  const engine::RoleNames roles = writtenRoles();
  if (engine::isRoleName(roles.user) && engine::isRoleName(roles.assistant)) rules.roles = roles;
  showProblem();
  change(rules);
  showRolePreset();
}

void AnswerRulesForm::showRolePreset() {
  std::size_t index = 0;
  while (index < kRoles.size() && kRoles[index] != m_rules.roles) ++index;
  m_rolePreset->setCurrentIndex(static_cast<int>(index));
}

void AnswerRulesForm::readStopTexts() {
  AnswerRules rules = m_rules;
  rules.stopTexts.clear();
  for (const QString& line : writtenLines()) {
    if (line.size() <= AnswerRules::kMaxStopText && rules.stopTexts.size() < AnswerRules::kMaxStopTexts) rules.stopTexts << unescaped(line);
  }
  showProblem();
  change(rules);
}

QString AnswerRulesForm::escaped(const QString& text) {
  QString line = text;
  return line.replace(u'\\', QStringLiteral("\\\\")).replace(u'\n', QStringLiteral("\\n")).replace(u'\t', QStringLiteral("\\t"));
}

QString AnswerRulesForm::unescaped(const QString& line) {
  QString text;
  for (qsizetype i = 0; i < line.size(); ++i) {
    const QChar next = line[i] == u'\\' && i + 1 < line.size() ? line[i + 1] : QChar();
    if (next == u'n') text += u'\n';
    else if (next == u't') text += u'\t';
    else if (next == u'\\') text += u'\\';
    else {
      text += line[i];
      continue;
    }
    ++i;
  }
  return text;
}

void AnswerRulesForm::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
