// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

class QPushButton;

namespace rookery::app {

class Label;

/// What stands in place of the messages of a chat that has none yet: who answers, and a way to begin.
class EmptyPage : public QWidget {
  Q_OBJECT

 public:
  struct Facts {
    bool isLoaded = false, isLoading = false;  ///< a model
    bool isGuide = false;
    bool isReadOnly = false;  ///< nothing can be asked
    QString model;            ///< its name
    QString start;            ///< the state that the chat begins from; empty: none
  };

  explicit EmptyPage(QWidget* parent = nullptr);
  void setFacts(const Facts& facts);

 Q_SIGNALS:
  void modelsRequested();
  void asked(const QString& question);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();

  Facts m_facts;
  Label *m_title, *m_text;
  QPushButton* m_chooseModel;
  std::vector<QPushButton*> m_suggestions;
};

}  // namespace rookery::app
