// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "storage/records.h"

class QComboBox;
class QFormLayout;
class QLineEdit;
class QSpinBox;

namespace rookery::app {

class BoundedText;
class Label;

/// How long an answer may get, how the two sides are called, and which texts end it. A part of the answer settings.
class AnswerRulesForm : public QWidget {
  Q_OBJECT

 public:
  explicit AnswerRulesForm(QWidget* parent = nullptr);

  /// Lines the fields up with those of the form above it.
  void setColumns(int labelWidth, int spacing, int fieldWidth);
  void setRules(const AnswerRules& rules);
  const AnswerRules& rules() const noexcept { return m_rules; }

  /// A stop text on one line: line breaks, tabs and backslashes as \\n, \\t and \\\\.
  static QString escaped(const QString& text);
  static QString unescaped(const QString& line);

 Q_SIGNALS:
  void rulesChanged();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  engine::RoleNames writtenRoles() const;
  QStringList writtenLines() const;
  void showProblem();
  void readRoles();
  void readStopTexts();
  void showRolePreset();
  void change(const AnswerRules& rules);
  void retranslate();

  AnswerRules m_rules;
  bool m_updating = false;
  QFormLayout* m_form;
  QSpinBox* m_longest;
  QComboBox* m_rolePreset;
  QLineEdit *m_user, *m_assistant;
  Label *m_problem, *m_stopLabel;
  BoundedText* m_stopTexts;
};

}  // namespace rookery::app
