// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>

#include "rookery/prompt.h"
#include "rookery/sampler.h"
#include "storage/records.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QPushButton;
class QSpinBox;

namespace rookery::app {

class AnswerRulesForm;
class BoundedText;
class StartField;
class Label;

/// How answers are drawn, how long they get and what ends them, and the system prompt. A column at the right that can be folded away.
class SamplingPanel : public QWidget {
  Q_OBJECT

 public:
  /// `Defaults`: what new chats begin with, so without what belongs to one chat (seed, text before it).
  enum class Purpose { Chat, Defaults };
  explicit SamplingPanel(QWidget* parent = nullptr, Purpose purpose = Purpose::Chat);

  /// Lines the fields up with those of the page around it.
  void setColumns(int labelWidth, int spacing, int fieldWidth);
  void setSampling(const engine::SamplerSettings& settings);
  engine::SamplerSettings sampling() const;
  std::optional<quint64> seed() const;  ///< nullopt: a new one for each answer
  void setRules(const AnswerRules& rules);
  const AnswerRules& rules() const;
  void setThinking(std::optional<engine::Thinking> thinking);
  std::optional<engine::Thinking> thinking() const;  ///< nullopt: as suits the model
  /// `isRead`: messages were read with it; without `hasPlace` it cannot be changed.
  void setSystemPrompt(const QString& text, bool isRead, bool hasPlace);
  QString systemPrompt() const;
  StartField* start() const { return m_start; }

 Q_SIGNALS:
  void samplingChanged();
  void thinkingChanged();
  void rulesChanged();
  void resetRequested();
  void systemPromptChanged();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  QDoubleSpinBox* addNumber(const QString& name, double maximum, double step, int decimals);
  void applyPreset(int index);
  void changed();
  void showPreset();
  void retranslate();

  QFormLayout* m_form;
  QComboBox* m_preset;
  QDoubleSpinBox *m_temperature, *m_topP, *m_presence, *m_frequency, *m_decay;
  QSpinBox* m_topK;
  QCheckBox* m_fixedSeed;
  QSpinBox* m_seed;
  QComboBox* m_thinking;
  AnswerRulesForm* m_rules;
  StartField* m_start;
  QPushButton* m_reset;
  Label *m_systemLabel, *m_systemHint;
  BoundedText* m_system;
  bool m_updating = false;
};

}  // namespace rookery::app
