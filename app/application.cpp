// SPDX-License-Identifier: GPL-3.0-or-later
#include "application.h"

#include <QFileInfo>

#include "bench/bench_page.h"
#include "chat/chat_page.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "models/models_page.h"
#include "settings/settings.h"
#include "settings/settings_page.h"

namespace rookery::app {

StoreResult<std::unique_ptr<Application>> Application::create(const Paths& paths) {
  auto store = ChatStore::open(paths.database());
  if (!store) return tl::unexpected(store.error());
  return std::unique_ptr<Application>(new Application(paths, std::move(*store)));
}

Application::Application(const Paths& paths, std::unique_ptr<ChatStore> store)
    : m_settings(std::make_unique<Settings>(paths)), m_store(std::move(store)),
      m_inference(std::make_unique<InferenceService>()) {
  m_chat = new ChatPage(*m_store, *m_inference, m_settings->sampler());
  auto* bench = new BenchPage(m_settings->reportsFolder());
  bench->attach(m_inference.get(), m_settings.get());
  auto* models = new ModelsPage(m_settings.get());
  models->attach(m_inference.get());
  auto* settings = new SettingsPage(m_settings.get());
  m_window = std::make_unique<MainWindow>(m_chat, bench, models, settings);
  QObject::connect(m_window.get(), &MainWindow::openModelRequested, models, &ModelsPage::chooseFile);
  QObject::connect(settings, &SettingsPage::aboutRequested, m_window.get(), &MainWindow::showAbout);
  m_window->attach(m_inference.get());
  m_window->attach(m_settings.get());
  connectParts();
  m_window->installEventFilter(m_chat);
  m_chat->openNewest();
}

Application::~Application() {
  m_window.reset();     // conversations write their last journal entry
  m_inference.reset();  // stops and joins the engine thread
}

void Application::connectParts() {
  QObject::connect(m_chat, &ChatPage::modelsRequested, m_window.get(), [this] { m_window->showPage(MainWindow::Models); });
  QObject::connect(m_window.get(), &MainWindow::newChatRequested, m_chat, [this] {
    m_window->showPage(MainWindow::Chat);
    m_chat->newChat();
  });
  QObject::connect(m_inference.get(), &InferenceService::modelLoaded, m_settings.get(),
                   [this](quint64, const LoadedModel& model) { m_settings->setLastModel(model.path); });
  QObject::connect(m_settings.get(), &Settings::samplerChanged, m_chat, [this] { m_chat->setDefaultSampling(m_settings->sampler()); });
}

void Application::showWindow() { m_window->show(); }

void Application::loadFirstModel() {
  ModelRequest request;
  request.options.threads = m_settings->threads();
  const QString last = m_settings->lastModel();
  if (!last.isEmpty() && QFileInfo::exists(last)) {
    request.kind = ModelRequest::Kind::File;
    request.path = last;
  }
  m_inference->load(request);
}

}  // namespace rookery::app
