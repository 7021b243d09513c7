// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>

#include "rookery/prompt.h"
#include "rookery/sampler.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QPlainTextEdit;
class QSpinBox;

namespace rookery::app {

class Label;

/// How answers are drawn, and the text that the chat begins with. A column at the right that can be folded away.
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
  void setThinking(std::optional<engine::Thinking> thinking);
  std::optional<engine::Thinking> thinking() const;  ///< nullopt: as suits the model
  void setSystemPrompt(const QString& text, bool editable);
  QString systemPrompt() const;

 Q_SIGNALS:
  void samplingChanged();
  void thinkingChanged();
  void systemPromptChanged();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  QDoubleSpinBox* addNumber(const QString& name, double maximum, double step, int decimals);
  void applyPreset(int index);
  void showPreset();
  void retranslate();

  QFormLayout* m_form;
  QComboBox* m_preset;
  QDoubleSpinBox *m_temperature, *m_topP, *m_presence, *m_frequency, *m_decay;
  QCheckBox* m_fixedSeed;
  QSpinBox* m_seed;
  QComboBox* m_thinking;
  Label* m_systemLabel;
  QPlainTextEdit* m_system;
  int m_topK = 0;
  bool m_updating = false;
};

}  // namespace rookery::app
