// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/chat_page.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QListView>
#include <QPushButton>
#include <QScrollArea>
#include <QShortcut>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "chat/conversation_list.h"
#include "chat/empty_page.h"
#include "chat/sampling_panel.h"
#include "chat/start_field.h"
#include "chat/transcript_view.h"
#include "inference/engine_text.h"
#include "inference/model_title.h"
#include "support/accessible.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {
namespace {

constexpr int kListWidth = 248, kPanelWidth = 264, kLeastCenter = 400;
constexpr int kNarrowest = 560;  ///< the page needs no more, for then the list hides
constexpr qsizetype kMostSaid = 600;  ///< characters of a notice for a screen reader

/// At most as wide as a message column, centred.
QHBoxLayout* inColumn(QWidget* widget) {
  widget->setMaximumWidth(TranscriptView::widestColumn(*widget));
  auto* row = new QHBoxLayout;
  row->setContentsMargins(16, 0, 16, 0);
  row->addStretch(1);
  row->addWidget(widget, 1000);
  row->addStretch(1);
  return row;
}

}  // namespace

ChatPage::ChatPage(ChatStore& store, InferenceService& service, const AnswerDefaults& defaults, QWidget* parent)
    : PageWidget(parent), m_store(store), m_service(service), m_defaults(defaults), m_list(new ConversationList(store, this)),
      m_title(new Label(this)), m_notice(new Label(this)), m_status(new Label(this)), m_listAction(new QAction(this)), m_listButton(new QToolButton(this)),
      m_panelButton(new QToolButton(this)), m_goToBusy(new QToolButton(this)), m_noticeBox(new QWidget(this)),
      m_onCpu(new QPushButton(this)), m_stack(new QStackedWidget(this)), m_empty(new EmptyPage(this)), m_transcript(new TranscriptView(this)), m_composer(new Composer(this)),
      m_panel(new SamplingPanel(this)) {
  setObjectName(QStringLiteral("chatPage"));
  auto* panelScroll = new QScrollArea(this);
  panelScroll->setObjectName(QStringLiteral("samplingScroll"));
  panelScroll->setWidget(m_panel);
  panelScroll->setWidgetResizable(true);
  panelScroll->setFrameShape(QFrame::NoFrame);
  panelScroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  panelScroll->hide();
  connect(m_panelButton, &QToolButton::toggled, this, [this, panelScroll](bool on) {
    panelScroll->setVisible(on);
    fitToWidth();
    on ? Q_EMIT stateFilesWanted() : m_composer->focusInput();
  });

  auto* splitter = new QSplitter(this);
  splitter->setObjectName(QStringLiteral("chatSplitter"));
  splitter->setChildrenCollapsible(false);
  splitter->setHandleWidth(1);
  splitter->addWidget(m_list);
  splitter->addWidget(buildCenter());
  splitter->addWidget(panelScroll);
  splitter->setStretchFactor(1, 1);
  setMinimumWidth(kNarrowest);
  m_list->setMinimumWidth(kListWidth);
  panelScroll->setMinimumWidth(kPanelWidth);
  splitter->setSizes({kListWidth, 800, kPanelWidth});
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->addWidget(splitter);

  m_transcript->setAuthor([this](const MessageRecord& message) {
    if (message.role == MessageRole::User) return tr("You");
    return message.modelName.isEmpty() ? tr("Answer") : modelTitle(message.modelName);
  });
  connect(m_transcript, &TranscriptView::regenerateRequested, this, [this](qint64 id) {
    m_current->regenerate(id);
    m_composer->focusInput();
  });
  connect(m_transcript, &TranscriptView::continueRequested, this, [this](qint64 id) {
    showProgress({});
    m_composer->focusInput();
    if (m_current->continueAnswer(id) || !m_progress.isEmpty()) return;
    showProgress([loading = m_service.isLoading(), other = m_service.model().has_value()] {
      return loading ? tr("The model is being loaded. Try again in a moment.")
             : other ? tr("Another model began this answer. Load that one to go on, or answer again.")
                     : tr("No model is loaded. Choose one on the Models page.");
    });
  });
  connect(m_transcript, &TranscriptView::siblingRequested, this, [this](qint64 id, int steps) {
    m_current->switchSibling(id, steps);
    m_composer->focusInput();
  });
  connect(m_transcript, &TranscriptView::copyRequested, this, &ChatPage::copyMessage);
  connect(m_transcript, &TranscriptView::editRequested, this, [this](qint64 id) {
    const int line = m_current->transcript().rowOf(id);
    if (line < 0) return;
    m_edited = id;
    m_composer->startEditing(m_current->transcript().message(line).text);
  });
  connect(m_composer, &Composer::submitted, this, &ChatPage::submit);
  connect(m_composer, &Composer::stopRequested, this, &ChatPage::stop);
  connect(m_list, &ConversationList::newChatRequested, this, &ChatPage::newChat);
  connect(m_list, &ConversationList::chosen, this, &ChatPage::openChat);
  connect(m_list, &ConversationList::messageChosen, this, &ChatPage::openMessage);
  connect(m_list, &ConversationList::revealRequested, this, [this] { showList(true); });
  addActions(m_list->pageActions());
  connect(m_composer, &Composer::nothingToUndo, m_list, &ConversationList::undoDelete);
  connect(m_list, &ConversationList::done, this, [this] {
    if (m_narrow) showList(false);
    m_composer->focusInput();
  });
  m_listAction->setObjectName(QStringLiteral("actionChatList"));
  m_listAction->setIcon(lineIcon(QStringLiteral("sidebar")));
  m_listAction->setCheckable(true);
  m_listAction->setChecked(true);
  m_listAction->setShortcut(Qt::Key_F9);
  connect(m_listAction, &QAction::triggered, this, [this](bool on) {
    showList(on);
    if (m_narrow) return;
    m_listShown = on;
    Q_EMIT listShownChanged(on);
  });
  m_list->view()->installEventFilter(this);
  connect(qApp, &QApplication::focusChanged, this, [this](QWidget* before) { keepFocus(before); });
  connect(m_list, &ConversationList::renamed, this, [this](qint64 id, const QString& title) {
    if (id == m_current->id()) m_current->setTitle(title);
    else m_store.setTitle(id, title, false);
    refresh();
  });
  connect(m_list, &ConversationList::deleted, this, &ChatPage::deleteChat);
  connect(m_list, &ConversationList::restored, this, [this](qint64 id) {
    openChat(id);
    m_composer->focusInput();
  });
  connect(m_panel, &SamplingPanel::samplingChanged, this, [this] {
    m_current->setSampling(m_panel->sampling());
    m_current->setSeed(m_panel->seed());
  });
  connect(m_panel, &SamplingPanel::thinkingChanged, this, [this] { m_current->setThinking(m_panel->thinking()); });
  connect(m_panel, &SamplingPanel::rulesChanged, this, [this] { m_current->setRules(m_panel->rules()); });
  connect(m_panel, &SamplingPanel::resetRequested, this, [this] {
    begin(*m_current);
    showSettings();
  });
  connect(m_panel, &SamplingPanel::systemPromptChanged, this, [this] { m_current->setSystemPrompt(m_panel->systemPrompt()); });

  connect(m_panel->start(), &StartField::chosen, this, [this](const QString& path) { m_current->setStart(path); });
  connect(m_panel->start(), &StartField::cleared, this, [this] { m_current->clearStart(); });

  connect(&m_service, &InferenceService::begun, this, &ChatPage::refresh);
  connect(&m_service, &InferenceService::loadStarted, this, [this] { m_loading = true; setLoadProblem({}); });
  connect(&m_service, &InferenceService::modelLoaded, this, [this] {
    m_loading = false;
    if (m_current && m_current->needsReading()) m_progress = {};  // it was about what the other model remembers
    refresh();
  });
  connect(&m_service, &InferenceService::loadFailed, this, [this] { m_loading = false; refresh(); });
  connect(&m_store, &ChatStore::failing, this, [this](const LiveText& sentence) {
    m_trouble = sentence;
    refresh();
    announce(m_status);
  });
  connect(&m_store, &ChatStore::recovered, this, [this] {
    m_trouble = {};
    m_list->model().reload();  // chats that began while nothing could be saved
    refresh();
  });
  connect(&m_store, &ChatStore::opened, this, &ChatPage::startAnew);
  connect(&m_store, &ChatStore::problem, this, &ChatPage::showProgress);
  connect(new QShortcut(QKeySequence(Qt::CTRL | Qt::Key_K), this), &QShortcut::activated, this, [this] {
    showList(true);
    m_list->focusSearch();
  });

  retranslate();
  newChat();
}

// A conversation that is still being answered stops when it goes, and may say so at once.
ChatPage::~ChatPage() {
  for (const auto& conversation : m_conversations) conversation->disconnect(this);
}

QWidget* ChatPage::firstField() const { return m_composer; }

QWidget* ChatPage::buildCenter() {
  auto* center = new QWidget(this);
  center->setAutoFillBackground(true);
  center->setBackgroundRole(QPalette::Base);
  QFont bold = font();
  bold.setWeight(QFont::DemiBold);
  m_title->setFont(bold);
  m_title->setObjectName(QStringLiteral("chatTitle"));
  m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_title->setElided(true);
  m_panelButton->setObjectName(QStringLiteral("samplingToggle"));
  m_panelButton->setIcon(lineIcon(QStringLiteral("sliders")));
  m_panelButton->setCheckable(true);
  m_panelButton->setAutoRaise(true);
  auto* header = new QHBoxLayout;
  header->setContentsMargins(10, 10, 12, 6);
  m_listButton->setObjectName(QStringLiteral("listToggle"));
  m_listButton->setDefaultAction(m_listAction);
  m_listButton->setAutoRaise(true);
  header->addWidget(m_listButton);
  header->addWidget(m_title, 1);
  header->addWidget(m_panelButton);

  m_notice->setObjectName(QStringLiteral("chatNotice"));
  m_notice->setWordWrap(true);
  m_noticeBox->setAutoFillBackground(true);
  m_noticeBox->setBackgroundRole(QPalette::AlternateBase);
  setAccessibleRole(m_noticeBox, QAccessible::AlertMessage);
  setAccessibleRole(m_status, QAccessible::Notification);
  m_onCpu->setObjectName(QStringLiteral("chatLoadOnCpu"));
  m_onCpu->setIcon(lineIcon(QStringLiteral("cpu")));
  connect(m_onCpu, &QPushButton::clicked, this, &ChatPage::loadOnCpuRequested);
  auto* notice = new QHBoxLayout(m_noticeBox);
  notice->setContentsMargins(8, 8, 8, 8);
  notice->addWidget(m_notice, 1);
  notice->addWidget(m_onCpu, 0, Qt::AlignVCenter);
  m_noticeBox->hide();
  m_status->setObjectName(QStringLiteral("chatStatus"));
  m_goToBusy->setObjectName(QStringLiteral("goToBusyChat"));
  m_goToBusy->setAutoRaise(true);
  m_goToBusy->setFixedHeight(fontMetrics().lineSpacing());  // what is above must not jump when it comes
  m_goToBusy->hide();
  connect(m_goToBusy, &QToolButton::clicked, this, &ChatPage::goToBusyChat);
  m_status->setWordWrap(true);
  m_stack->setObjectName(QStringLiteral("chatStack"));
  m_stack->addWidget(m_transcript);
  m_stack->addWidget(m_empty);
  connect(m_empty, &EmptyPage::modelsRequested, this, &ChatPage::modelsRequested);
  connect(m_empty, &EmptyPage::asked, this, [this](const QString& question) { submit({{}, question}); });

  auto* column = new QVBoxLayout(center);
  column->setContentsMargins(0, 0, 0, 10);
  column->setSpacing(6);
  column->addLayout(header);
  column->addWidget(m_stack, 1);
  m_column = column;
  column->addLayout(inColumn(m_noticeBox));
  column->addLayout(inColumn(m_composer));
  auto* statusRow = new QWidget(center);
  auto* status = new QHBoxLayout(statusRow);
  status->setContentsMargins(0, 0, 0, 0);
  status->addWidget(m_status, 1);
  status->addWidget(m_goToBusy);
  column->addLayout(inColumn(statusRow));
  return center;
}

void ChatPage::retranslate() {
  m_listAction->setText(tr("Chat &list"));
  m_listAction->setToolTip(plainToolTip(tr("Chat list (F9)")));
  m_listButton->setAccessibleName(tr("Chat list"));
  m_panelButton->setToolTip(plainToolTip(tr("Answer settings")));
  m_panelButton->setAccessibleName(tr("Answer settings"));
  m_goToBusy->setText(tr("Go to that chat"));
  m_onCpu->setText(tr("Load on the C&PU"));
  m_transcript->setAccessibleName(tr("Messages"));
  if (m_current) refresh();
}

Conversation* ChatPage::make(StoredChat chat) {
  const bool isNew = chat.record.id == 0;
  auto owned = std::make_unique<Conversation>(m_store, m_service, std::move(chat));
  Conversation* conversation = owned.get();
  m_conversations.push_back(std::move(owned));
  if (isNew) begin(*conversation);
  connect(conversation, &Conversation::stateChanged, this, [this, conversation] {
    if (conversation->state() == Conversation::State::Answering) m_drafts.stays();
    showBusyChats();
    if (conversation == m_current) refresh();
  });
  const auto toTop = [this, conversation] {
    m_list->model().putOnTop({conversation->id(), conversation->record().title, conversation->record().updated});
    if (conversation == m_current) {
      m_list->select(conversation->id());
      refresh();
    }
  };
  connect(conversation, &Conversation::touched, this, toTop);
  connect(conversation, &Conversation::titleChanged, this, [this, conversation](const QString& title) {
    m_list->model().setTitle(conversation->id(), title);
  });
  connect(conversation, &Conversation::activityChanged, this, [this, conversation] {
    showBusyChats();
    if (conversation == m_current) showActivity();
  });
  connect(conversation, &Conversation::startChanged, this, [this, conversation] {
    if (conversation == m_current) refresh();
  });
  connect(conversation, &Conversation::takenBack, this, [this, conversation](const QString& question) { takeBack(conversation, question); });
  connect(conversation, &Conversation::progressed, this, [this, conversation](const LiveText& text) {
    if (conversation == m_current) showProgress(text);
  });
  connect(conversation, &Conversation::failed, this,
          [this, conversation](const LiveText& sentence, const QString& details) {
            if (conversation != m_current) return;
            showProgress(sentence, details);
            announce(m_status);
          });
  return conversation;
}

void ChatPage::showProgress(const LiveText& text, const QString& details) {
  m_progress = text;
  m_progressDetails = details;
  refresh();
}

void ChatPage::retireCurrent(const Conversation* next) {
  m_composer->cancelEditing();
  m_edited = 0;
  if (m_current) m_drafts.keep(m_current->id(), m_composer->draft());
  m_current = nullptr;
  m_progress = {};
  m_progressDetails.clear();
  // What is not saved yet is nowhere else.
  const bool keep = m_store.isFailing();
  std::erase_if(m_conversations, [keep, next](const auto& c) {
    return c.get() != next && !c->isBusy() && !(keep && c->id() > 0);
  });
}

void ChatPage::showConversation(Conversation* conversation) {
  m_current = conversation;
  m_composer->setDraft(m_drafts.take(conversation->id()));
  m_transcript->setModel(&conversation->transcript());
  showSettings();
  conversation->setSeed(m_panel->seed());
  m_list->select(conversation->id());
  refresh();
  Q_EMIT chatShown(conversation->id());
}

void ChatPage::showSettings() {
  m_panel->setSampling(m_current->record().sampling);
  m_panel->setRules(m_current->record().rules);
  m_panel->setThinking(m_current->record().thinking);
}

void ChatPage::newChat() {
  m_transcript->setModel(nullptr);
  retireCurrent();
  showConversation(make({}));
  m_composer->focusInput();
}

void ChatPage::newChatFrom(const QString& stateFile) {
  newChat();
  m_current->setStart(stateFile);
}

void ChatPage::setStateFiles(std::vector<StateFileEntry> files) {
  m_stateFiles = std::move(files);
  refresh();
}

void ChatPage::openChat(qint64 id) {
  if (m_current && m_current->id() == id && id != 0) return;
  const auto alive = std::find_if(m_conversations.begin(), m_conversations.end(), [id](const auto& c) { return c->id() == id; });
  Conversation* next = alive != m_conversations.end() ? alive->get() : nullptr;
  if (!next) {
    auto stored = m_store.chat(id);
    if (!stored) {  // the store says why
      m_list->select(m_current ? m_current->id() : 0);
      return;
    }
    next = make(std::move(*stored));
  }
  m_transcript->setModel(nullptr);
  retireCurrent(next);
  showConversation(next);
}

void ChatPage::openMessage(qint64 id, qint64 message) {
  openChat(id);
  if (m_current->id() == id && m_current->showMessage(message)) m_transcript->scrollToMessage(message);
}

void ChatPage::startAnew() {
  const qint64 id = m_current->id();
  m_transcript->setModel(nullptr);
  retireCurrent();
  m_conversations.clear();  // read-only until now: none is being answered, nothing in them is unsaved
  m_list->model().reload();
  auto stored = id > 0 ? m_store.chat(id) : std::nullopt;
  showConversation(make(stored ? std::move(*stored) : StoredChat{}));
}

void ChatPage::deleteChat(qint64 id) {
  for (const auto& conversation : m_conversations) {
    if (conversation->id() == id) conversation->stopAndKeep();  // the chat may be wanted back as it was
  }
  if (m_current->id() == id) newChat();
}

void ChatPage::reloadList() {
  m_list->model().reload();
  if (m_current) m_list->select(m_current->id());
}

void ChatPage::setLoadProblem(const LiveText& sentence, bool offerCpu) {
  m_loadProblem = sentence;
  m_offerCpu = offerCpu;
  refresh();
}

void ChatPage::begin(Conversation& conversation) const {
  conversation.setSampling(m_defaults.sampling);
  conversation.setRules(m_defaults.rules);
  conversation.setThinking(m_defaults.thinking);
}

void ChatPage::setDefaults(const AnswerDefaults& defaults) {
  const AnswerDefaults before = std::exchange(m_defaults, defaults);
  if (!m_current || m_current->id() != 0) return;
  if (defaults.sampling != before.sampling) m_current->setSampling(defaults.sampling);
  if (defaults.rules != before.rules) m_current->setRules(defaults.rules);
  if (defaults.thinking != before.thinking) m_current->setThinking(defaults.thinking);
  showSettings();
}

void ChatPage::stop() {
  if (m_current) m_current->stop();
}

void ChatPage::undo() { m_list->undoDelete(); }

/// What is written meanwhile comes behind it.
void ChatPage::takeBack(Conversation* conversation, const QString& question) {
  const Composer::Draft asked = m_drafts.takeBack(question);
  if (conversation != m_current) return m_drafts.putBefore(conversation->id(), asked);
  if (m_composer->isEditing()) m_composer->cancelEditing();
  if (!asked.isEmpty()) m_composer->setDraft(asked.followedBy(m_composer->draft()));
  const qint64 id = conversation->id();
  conversation->becomeNew();
  if (conversation->id() != id) {
    m_list->select(0);  // first: else removing the row would make its neighbour current, and open it
    m_list->model().remove(id);
  }
  m_composer->focusInput();
  refresh();
}

void ChatPage::showBusyChats() {
  QHash<qint64, QString> busy;
  for (const auto& conversation : m_conversations) {
    if (conversation->isBusy()) busy.insert(conversation->id(), conversation->isQueued() ? tr("Waiting…") : tr("Answering…"));
  }
  m_list->model().setBusy(busy);
}

void ChatPage::goToBusyChat() {
  for (const auto& conversation : m_conversations) {
    if (conversation.get() != m_current && conversation->isBusy() && !conversation->isQueued()) {
      openChat(conversation->id());
      return;
    }
  }
}

void ChatPage::escape() {
  if (m_composer->isEditing() && m_composer->isVisible()) m_composer->cancelEditing();
  else if (m_current && m_current->isBusy()) stop();
  else m_list->cancelSearch();
}

bool ChatPage::typeInto(QKeyEvent* event) {
  const bool command = event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier);
  const QString text = event->text();
  const bool letter = !command && !text.isEmpty() && text[0].isPrint() && !text[0].isSpace();  // a blank presses buttons
  if (!letter && !event->matches(QKeySequence::Paste)) return false;
  m_composer->focusInput();
  QWidget* input = m_composer->focusProxy();
  if (!input->isEnabled()) return false;
  QCoreApplication::sendEvent(input, event);
  return true;
}

/// What the field with the focus did not want: letters typed on a button or on a message.
void ChatPage::keyPressEvent(QKeyEvent* event) {
  const QWidget* focus = QApplication::focusWidget();
  if (m_composer->isAncestorOf(focus) || m_panel->isAncestorOf(focus) || !typeInto(event)) QWidget::keyPressEvent(event);
}

/// The list would jump to the chat whose title begins with what is typed.
bool ChatPage::eventFilter(QObject* watched, QEvent* event) {
  if (watched == m_list->view() && event->type() == QEvent::KeyPress && typeInto(static_cast<QKeyEvent*>(event))) return true;
  return QWidget::eventFilter(watched, event);
}

void ChatPage::setListShown(bool shown) {
  m_listShown = shown;
  if (!m_narrow) showList(shown);
}

void ChatPage::showList(bool shown) {
  if (shown && m_narrow) m_panelButton->setChecked(false);  // one of them has room
  m_list->setVisible(shown);
  m_listAction->setChecked(shown);
}

/// The messages come first: where the list leaves them too little, it hides until it is asked for.
void ChatPage::fitToWidth() {
  const bool narrow = width() < kListWidth + kLeastCenter + (m_panelButton->isChecked() ? kPanelWidth : 0);
  if (narrow == m_narrow) return;
  m_narrow = narrow;
  showList(!narrow && m_listShown);
}

void ChatPage::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  fitToWidth();
}

/// A button that goes away when it is pressed must not leave the keys to whatever comes next.
void ChatPage::keepFocus(QWidget* before) {
  if (!before || !isVisible() || !isActiveWindow() || !isAncestorOf(before) || m_composer->isAncestorOf(before)) return;
  if (!before->isVisible() || !before->isEnabled()) m_composer->focusInput();
}

void ChatPage::submit(const Composer::Draft& draft) {
  const qint64 edited = m_composer->isEditing() ? std::exchange(m_edited, 0) : 0;
  m_transcript->scrollToEnd();
  const QString text = draft.text();
  const bool sent =
      edited != 0 ? m_current->editMessage(edited, text, draft.typed) : m_current->send(text, draft.typed);
  if (sent) {
    m_drafts.sent(draft, text);
  } else {
    m_composer->setDraft(draft);
  }
  m_composer->focusInput();
}

void ChatPage::copyMessage(qint64 message) {
  const int row = m_current->transcript().rowOf(message);
  if (row >= 0) QGuiApplication::clipboard()->setText(textToCopy(m_current->transcript().message(row).text));
}

void ChatPage::setNotice(const QString& text, bool offerCpu) {
  const bool isNew = text != m_notice->fullText();
  m_notice->setText(text);
  m_noticeBox->setAccessibleName(displayName(text, kMostSaid));
  m_onCpu->setVisible(offerCpu);
  m_noticeBox->setVisible(!text.isEmpty());
  if (isNew && !text.isEmpty()) announce(m_noticeBox);
}

void ChatPage::addNotice(QWidget* notice, qint64 chat) {
  auto* row = inColumn(notice);
  connect(notice, &QObject::destroyed, row, &QObject::deleteLater);
  m_column->insertLayout(m_column->indexOf(m_stack) + 1, row);
  m_chatNotice = notice;
  m_noticeChat = chat;
  showNotice();
}

void ChatPage::showNotice() {
  if (m_chatNotice) m_chatNotice->setVisible(m_current->id() == 0 || m_current->id() == m_noticeChat);
}

void ChatPage::refresh() {
  if (!m_current) return;
  const auto& model = m_service.model();
  const bool empty = m_current->transcript().rowCount() == 0;
  m_title->setText(m_current->record().title.isEmpty() ? tr("New chat") : m_current->record().title);
  m_stack->setCurrentIndex(empty ? 1 : 0);
  if (empty)
    m_empty->setFacts({model.has_value(), m_loading, model && model->isGuide, m_store.isReadOnly(), model ? model->name : QString(),
                       m_current->record().start.name});
  // In the middle of a chat, as such a state holds it, there is no place for one.
  m_panel->setSystemPrompt(m_current->record().systemPrompt, !empty, !m_current->record().start.isChat);
  QStringList starts;
  for (const StateFileEntry& file : m_stateFiles) {
    if (model && file.info.fits(model->info.shape)) starts << file.path;
  }
  m_panel->start()->setFiles(starts);
  m_panel->start()->setStart(m_current->record().start.name, empty);

  m_composer->setAnswering(m_current->isBusy());
  m_composer->setTokenizer(m_service.tokenizer());
  m_composer->setBlocked(m_store.isReadOnly() ? tr("Messages cannot be sent now, because they could not be saved.")
                         : model || m_service.isLoading() ? QString()
                                                          : tr("No model is loaded. Choose one on the Models page."));
  const bool offer = m_offerCpu && !m_loadProblem.isEmpty();  // what did not load matters more than who answers instead
  setNotice(m_current->needsReading() && !offer
                ? tr("This chat was last read by %1. %2 will read it again with your next message.")
                      .arg(modelTitle(m_current->record().modelName), modelTitle(model->name))
                : m_loadProblem(), offer);

  showNotice();
  showActivity();
}

void ChatPage::showActivity() {
  using State = Conversation::State;
  const State state = m_current->state();
  const EngineActivity activity = m_current->activity();
  const QString doing = activityText(activity);
  m_transcript->setActivity(m_current->activeMessage(),
                            state == State::Idle        ? MessageWidget::Activity::None
                            : state == State::Answering ? MessageWidget::Activity::Answering
                                                        : MessageWidget::Activity::Waiting, doing);
  m_goToBusy->setVisible(activity.isAwaited && activity.kind != EngineActivity::Kind::Loading && activity.kind != EngineActivity::Kind::Measuring);
  QString text = state == State::Idle ? m_progress() : doing;
  if (activity.isAwaited) text = tr("%1 Stop takes the question back.", "%1 is a sentence: \"Waiting for the benchmark to end…\"").arg(doing);
  const QString trouble = m_trouble();
  m_status->setTone(trouble.isEmpty() ? Tone::Muted : Tone::Bad);
  m_status->setText(trouble.isEmpty() ? text : tr("Not saved: %1").arg(trouble));
  m_status->setToolTip(plainToolTip(trouble.isEmpty() && state == State::Idle ? m_progressDetails : QString()));
}

void ChatPage::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
