// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QString>
#include <memory>

#include "inference/inference_service.h"
#include "storage/chat_store.h"
#include "support/paths.h"

namespace rookery::app {

class ChatPage;
class DeviceList;
class MainWindow;
class Settings;

/// The composition root: makes the parts in the order of their lifetimes and joins them by signals. Destroying it ends
/// the running answer, saves, and leaves everything ready for the next start.
class Application {
  Q_DECLARE_TR_FUNCTIONS(Application)

 public:
  /// The store is opened first, because without it nothing else makes sense.
  static StoreResult<std::unique_ptr<Application>> create(const Paths& paths, OpeningAttendant attendant = {});
  ~Application();

  /// The newest chat is opened as soon as the window has been painted, so that no chat can keep the window away. One that
  /// the last start did not get through is offered instead.
  void showWindow();
  /// The model used last, or the built-in guide.
  void loadFirstModel();
  /// If the file with the chats was damaged: what was rescued, and where the file is.
  void tellOfDamage();

  MainWindow& window() noexcept { return *m_window; }
  ChatPage& chatPage() noexcept { return *m_chat; }
  InferenceService& inference() noexcept { return *m_inference; }
  ChatStore& store() noexcept { return *m_store; }
  Settings& settings() noexcept { return *m_settings; }

 private:
  Application(const Paths& paths, std::unique_ptr<ChatStore> store);
  void connectParts();
  bool mayClose();
  void loadGuideInstead(const LiveText& why, bool offerCpu = false);
  void loadOnCpu();
  void markLoad();
  void unmarkLoad();
  void openFirstChat();
  void openMarkedChat(qint64 conversation);
  void unmarkChatSoon();
  void unmarkChat();
  void offerChat(const ConversationSummary& chat);

  std::unique_ptr<Settings> m_settings;
  std::unique_ptr<ChatStore> m_store;            // outlives the engine thread, which asks it for snapshots
  std::unique_ptr<InferenceService> m_inference;
  std::unique_ptr<DeviceList> m_devices;
  std::unique_ptr<MainWindow> m_window;          // owns the pages
  ChatPage* m_chat = nullptr;
  LiveText m_trouble;               ///< why saving failed last
  QString m_loadName;              ///< of the load that runs or was the last
  ModelRequest m_failedOffCpu;     ///< what the CPU is offered for
  bool m_loadIsMarked = false;     ///< Settings::unfinishedLoad() is of a load of this run
  bool m_chatIsMarked = false;     ///< Settings::unfinishedChat() is being opened by this run
  bool m_guideIsStandIn = false;   ///< the guide was not chosen: the next start tries the user's model again
};

}  // namespace rookery::app
