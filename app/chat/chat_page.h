// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QWidget>
#include <memory>
#include <vector>

#include "chat/composer.h"
#include "chat/conversation.h"
#include "chat/drafts.h"
#include "page_widget.h"
#include "rookery/sampler.h"

class QAction;
class QPushButton;
class QStackedWidget;
class QToolButton;
class QVBoxLayout;

namespace rookery::app {

class ConversationList;
class EmptyPage;
class Label;
class SamplingPanel;
class TranscriptView;

/// The chat page: list, transcript, composer, sampling panel. A chat that is being answered goes on when another one
/// is opened.
class ChatPage : public PageWidget {
  Q_OBJECT

 public:
  ChatPage(ChatStore& store, InferenceService& service, const AnswerDefaults& defaults, QWidget* parent = nullptr);
  QWidget* firstField() const override;
  ~ChatPage() override;

  Conversation* current() const noexcept { return m_current; }
  ConversationList& list() const noexcept { return *m_list; }
  /// Above the composer, until it is deleted; only while the empty page or this chat is shown.
  void addNotice(QWidget* notice, qint64 chat);
  void setDefaults(const AnswerDefaults& defaults);  ///< for new chats, one that is still empty included
  /// Why the last load failed, as a sentence; shown until the next load begins. `offerCpu`: with a way to load it there.
  void setLoadProblem(const LiveText& sentence, bool offerCpu = false);
  void setStateFiles(std::vector<StateFileEntry> files);  ///< for chats to begin from; those that fit the loaded model are offered
  void setListShown(bool shown);  ///< in a narrow window it stays hidden until it is asked for
  QAction* listAction() const noexcept { return m_listAction; }  ///< shows and hides the list of chats

 public Q_SLOTS:
  void newChat();
  void newChatFrom(const QString& stateFile);
  void openChat(qint64 conversation);
  void openMessage(qint64 conversation, qint64 message);  ///< also one of a version that is not shown
  void reloadList();  ///< chats came or went elsewhere
  void stop();
  void undo();    ///< by that name the Edit menu finds it
  void escape();  ///< gives up editing if that is in sight, else stops the answer

 Q_SIGNALS:
  void modelsRequested();
  void loadOnCpuRequested();
  void stateFilesWanted();  ///< the field that offers them is shown: setStateFiles()
  void chatShown(qint64 conversation);  ///< 0: a new one
  void listShownChanged(bool shown);  ///< by the user

 protected:
  void changeEvent(QEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  QWidget* buildCenter();
  void showConversation(Conversation* conversation);
  Conversation* make(StoredChat chat);
  void retireCurrent(const Conversation* next = nullptr);
  void deleteChat(qint64 id);
  void showProgress(const LiveText& text, const QString& details = {});  ///< in the status line
  void showActivity();  ///< in the message, and below the composer
  void takeBack(Conversation* conversation, const QString& question);
  void begin(Conversation& conversation) const;  ///< with the defaults
  void showSettings();
  void showBusyChats();  ///< in the list
  void goToBusyChat();
  void submit(const Composer::Draft& draft);
  void showNotice();
  void startAnew();  ///< everything read so far may be out of date
  void refresh();  ///< everything that depends on the model, the store and the current chat
  void setNotice(const QString& text, bool offerCpu);
  void copyMessage(qint64 message);
  bool typeInto(QKeyEvent* event);  ///< hands what is no command to the composer
  void keepFocus(QWidget* before);
  void showList(bool shown);
  void fitToWidth();
  void retranslate();

  ChatStore& m_store;
  InferenceService& m_service;
  AnswerDefaults m_defaults;
  std::vector<std::unique_ptr<Conversation>> m_conversations;  ///< the current one and those being answered
  Conversation* m_current = nullptr;
  bool m_loading = false, m_offerCpu = false;
  bool m_listShown = true, m_narrow = false;
  LiveText m_loadProblem, m_trouble, m_progress;
  QString m_progressDetails;
  std::vector<StateFileEntry> m_stateFiles;
  Drafts m_drafts;
  QPointer<QWidget> m_chatNotice;
  qint64 m_noticeChat = 0;
  qint64 m_edited = 0;  ///< the message that the composer rewrites

  ConversationList* m_list;
  Label *m_title, *m_notice, *m_status;
  QAction* m_listAction;
  QToolButton *m_listButton, *m_panelButton, *m_goToBusy;
  QWidget* m_noticeBox;
  QPushButton* m_onCpu;
  QStackedWidget* m_stack;
  EmptyPage* m_empty;
  QVBoxLayout* m_column = nullptr;
  TranscriptView* m_transcript;
  Composer* m_composer;
  SamplingPanel* m_panel;
};

}  // namespace rookery::app
