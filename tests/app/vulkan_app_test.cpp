// SPDX-License-Identifier: GPL-3.0-or-later
// The whole app on a Vulkan device that goes wrong on command (tests/support/fake_vulkan.cpp): no memory while a model
// is loaded, a device lost in the middle of an answer. llvmpipe is enough.
#include <dlfcn.h>
#include <unistd.h>

#include <QApplication>
#include <QComboBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <cstdlib>
#include <filesystem>

#include "application.h"
#include "chat/chat_page.h"
#include "main_window.h"
#include "models/models_page.h"
#include "settings/device_picker.h"
#include "settings/settings.h"
#include "shell_support.h"
#include "support/needs_vulkan.h"

using namespace rookery;
using namespace rookery::app;

namespace {
constexpr int kTimeout = 60'000;
constexpr int kAnswerTokens = 40;
constexpr auto kSmallHeap = "heap=12000000";  // not all of the guide model and what a run of it takes
constexpr auto kFault = "ROOKERY_FAKE_VULKAN";
}  // namespace

class VulkanAppTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    const auto devices = engine::listDevices();
    const auto* found = findDevice(devices, {QStringLiteral("vulkan:0"), {}});
    QVERIFY(found != nullptr);
    if (!rookery::test::vulkanRequired() && rookery::test::meansNoVulkan(found->reason)) QSKIP("no Vulkan device, not even llvmpipe");
    QVERIFY2(found->usable, found->reason.c_str());
    m_device = *found;
  }
  void init() {
    qunsetenv(kFault);
    m_dir = std::make_unique<QTemporaryDir>();
  }
  void cleanup() {
    m_app.reset();
    qunsetenv(kFault);
  }

  void theWindowSaysWhatTheModelRunsOn() {
    start(cpuChoice());
    QCOMPARE(m_app->inference().model()->device.id, std::string("cpu"));
    m_app->window().showPage(MainWindow::Models);
    auto* picker = m_app->window().findChild<ModelsPage*>()->findChild<DevicePicker*>();
    const QString title = deviceTitle(m_device);
    QTRY_VERIFY(picker->findText(title) >= 0);
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    // What drivers do at the first run is done while loading, and told.
    QStringList told;
    connect(&m_app->inference(), &InferenceService::activityChanged, this, [&] { told << activityText(m_app->inference().activity()); });
    picker->setFocus();
    QTest::keyClicks(picker, QString::fromStdString(m_device.name).left(4));
    QCOMPARE(picker->currentText(), title);
    button("modelLoad")->click();
    QVERIFY(loaded.wait(kTimeout));
    for (int step = 1; step <= 4; ++step) {
      QVERIFY2(told.contains(QStringLiteral("Preparing the device: step %1 of 4").arg(step)), qPrintable(told.join(u'|')));
    }
    const auto& model = *m_app->inference().model();
    QCOMPARE(model.device.id, std::string("vulkan:0"));
    auto* status = label("statusDevice");
    QVERIFY2(status->text().contains(QString::fromStdString(m_device.name)), qPrintable(status->text()));
    QVERIFY(status->text().contains(QString::fromStdString(m_device.apiLevel)));
    QVERIFY(!status->text().contains(QStringLiteral("thread")));
    QCOMPARE(status->text().contains(QStringLiteral("software")), m_device.software);
    QVERIFY(status->toolTip().contains(QString::fromStdString(m_device.driver)));
    QCOMPARE(status->accessibleDescription(), status->toolTip());
    QCOMPARE(button("modelLoad")->text(), QStringLiteral("&Chat with it"));
    m_app.reset();
    const Settings settings(Paths::inside(m_dir->path()));
    QCOMPARE(settings.device().name, QString::fromStdString(m_device.name));
  }

  // The answer so far is kept; Continue loads the model again by itself, and the text is that of an unbroken run.
  void aLostDeviceLosesNothing() {
    start(vulkan());
    ask();
    const MessageRecord whole = answer();
    QCOMPARE(whole.tokens.size(), std::size_t(kAnswerTokens));

    page().newChat();
    limit();
    qputenv(kFault, "lost=12");
    ask();
    const MessageRecord part = answer();
    QCOMPARE(part.state, MessageState::Partial);
    QVERIFY(!part.tokens.empty() && part.tokens.size() < whole.tokens.size());
    QVERIFY(whole.text.startsWith(part.text));
    QVERIFY2(status().contains(QStringLiteral("graphics device stopped answering")), qPrintable(status()));
    const auto kept = m_app->store().flush(10'000) ? m_app->store().message(part.id) : std::nullopt;
    QVERIFY(kept && kept->tokens == part.tokens);

    qunsetenv(kFault);
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    const quint64 rows = m_app->inference().rowsSubmitted();
    visible("continue")->click();
    waitForAnswer();
    QCOMPARE(loaded.count(), 1);
    QCOMPARE(answer().tokens, whole.tokens);
    QCOMPARE(answer().text, whole.text);
    QCOMPARE(answer().state, MessageState::Complete);
    // From the snapshot after the prompt: only the answer's own tokens were read again.
    QCOMPARE(m_app->inference().rowsSubmitted() - rows, quint64(kAnswerTokens - 1));
    QCOMPARE(m_app->inference().model()->device.id, std::string("vulkan:0"));

    visible("regenerate")->click();  // the device is well again
    waitForAnswer();
    QCOMPARE(loaded.count(), 1);
    QCOMPARE(answer().tokens, whole.tokens);
  }

  // It is tried once with each Continue, and the way out is the CPU.
  void whereTheDeviceStaysAwayTheCpuIsOffered() {
    start(vulkan());
    qputenv(kFault, "lost=12");
    ask();
    const MessageRecord part = answer();
    QVERIFY(!part.tokens.empty());
    qputenv(kFault, "memory=1");
    QSignalSpy failed(&m_app->inference(), &InferenceService::loadFailed);
    visible("continue")->click();
    waitForAnswer();
    QCOMPARE(failed.count(), 1);
    QCOMPARE(answer().tokens, part.tokens);
    QVERIFY2(status().contains(QStringLiteral("could not be loaded again")), qPrintable(status()));
    auto* onCpu = button("chatLoadOnCpu");
    QVERIFY(onCpu->isVisible());
    QVERIFY2(label("chatNotice")->text().contains(QStringLiteral("too little free memory")), qPrintable(label("chatNotice")->text()));
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    onCpu->click();
    QVERIFY(loaded.wait(kTimeout));
    QVERIFY(!onCpu->isVisible());
    QCOMPARE(m_app->inference().model()->device.id, std::string("cpu"));
    visible("continue")->click();
    waitForAnswer();
    QCOMPARE(answer().state, MessageState::Complete);
    QCOMPARE(answer().tokens.size(), std::size_t(kAnswerTokens));
    QVERIFY(answer().text.startsWith(part.text));
  }

  void memoryThatRunsOutWhileLoadingOffersTheCpu() {
    start(cpuChoice());
    m_app->window().showPage(MainWindow::Models);
    m_app->settings().setDevice(vulkan());
    qputenv(kFault, "memory=3");
    QSignalSpy failed(&m_app->inference(), &InferenceService::loadFailed);
    QVERIFY(button("modelLoad")->isEnabled());
    button("modelLoad")->click();
    QVERIFY(failed.wait(kTimeout));
    QCOMPARE(failed[0][1].value<engine::Error>().code, engine::ErrorCode::OutOfMemory);
    QVERIFY(label("modelError")->isVisible());
    QVERIFY2(label("modelError")->text().contains(QStringLiteral("too little free memory")), qPrintable(label("modelError")->text()));
    QVERIFY(m_app->inference().model());  // the old one is still there
    auto* onCpu = button("modelLoadOnCpu");
    QVERIFY(onCpu->isVisible());
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    onCpu->click();
    QVERIFY(loaded.wait(kTimeout));
    QVERIFY(!onCpu->isVisible());
    QCOMPARE(m_app->inference().model()->device.id, std::string("cpu"));
    QCOMPARE(m_app->settings().device(), cpuChoice());
  }

  void aModelTooLargeForTheDeviceIsSharedWithTheCpu() {
    start(cpuChoice());
    m_app->window().showPage(MainWindow::Models);
    m_app->settings().setDevice(vulkan());
    qputenv(kFault, kSmallHeap);
    QSignalSpy failed(&m_app->inference(), &InferenceService::loadFailed);
    button("modelLoad")->click();
    QVERIFY(failed.wait(kTimeout));
    QCOMPARE(failed[0][1].value<engine::Error>().code, engine::ErrorCode::OutOfMemory);
    QVERIFY2(label("modelError")->text().contains(QStringLiteral("Share it with the CPU, load it")), qPrintable(label("modelError")->text()));
    auto* share = button("modelLoadShared");
    QVERIFY(share->isVisible());
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    share->click();
    QVERIFY(loaded.wait(kTimeout));
    QVERIFY(!share->isVisible());
    QCOMPARE(m_app->inference().model()->device.id, std::string("vulkan:0 + cpu"));
    page().newChat();
    limit();
    ask();
    QVERIFY(!answer().text.isEmpty());
    QCOMPARE(m_app->settings().device(), vulkan());
    const QString strategy = m_app->settings().lastStrategy();
    QVERIFY(strategy.startsWith(QStringLiteral("vulkan:0 *")));

    m_app.reset();  // the next start shares it again, the one after a load on the CPU does not
    start(vulkan());
    QCOMPARE(m_app->inference().model()->device.id, std::string("vulkan:0 + cpu"));
    QCOMPARE(m_app->settings().lastStrategy(), strategy);
    m_app.reset();
    start(cpuChoice());
    QCOMPARE(m_app->inference().model()->device.id, std::string("cpu"));
    QCOMPARE(m_app->settings().lastStrategy(), QString());
  }

  // At the start somebody is there to ask all the same.
  void aFirstLoadThatFailsOnTheDeviceBringsTheGuideOnTheCpu() {
    qputenv(kFault, "missing=shuffle");
    start(vulkan());
    QVERIFY(m_app->inference().model()->isGuide);
    QCOMPARE(m_app->inference().model()->device.id, std::string("cpu"));
    QVERIFY2(label("chatNotice")->text().contains(QStringLiteral("graphics device cannot be used")), qPrintable(label("chatNotice")->text()));
    QVERIFY(button("chatLoadOnCpu")->isVisible());
    QCOMPARE(m_app->settings().device(), vulkan());  // the next start tries it again
  }

  // A driver that took the program with it must not do so at every start.
  void aLoadThatNeverEndedIsNotTriedAgainByItself() {
    const Paths paths = Paths::inside(m_dir->path());
    QVERIFY(paths.create());
    Settings(paths).setUnfinishedLoad(vulkan());
    for (int start_ = 0; start_ < 2; ++start_) {
      start(vulkan());
      QVERIFY(m_app->inference().model()->isGuide);
      QCOMPARE(m_app->inference().model()->device.id, std::string("cpu"));
      QVERIFY2(label("chatNotice")->text().contains(QStringLiteral("did not try that again by itself")), qPrintable(label("chatNotice")->text()));
      QVERIFY(label("chatNotice")->text().contains(QString::fromStdString(m_device.name)));
      QVERIFY(button("chatLoadOnCpu")->isVisible());
      QCOMPARE(m_app->settings().device(), vulkan());
      m_app.reset();
    }
    start(vulkan());
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->inference().load(ModelsPage::requestFor(m_app->settings(), {}));  // by hand
    QCOMPARE(Settings(paths).unfinishedLoad(), vulkan());                    // a kill now would be remembered
    QVERIFY(loaded.wait(kTimeout));
    QCOMPARE(Settings(paths).unfinishedLoad(), cpuChoice());
    m_app.reset();
    start(vulkan());
    QCOMPARE(m_app->inference().model()->device.id, std::string("vulkan:0"));
  }

  void aLoadThatFailsOrIsLeftHasEnded() {
    const Paths paths = Paths::inside(m_dir->path());
    qputenv(kFault, "missing=shuffle");
    start(vulkan());
    QCOMPARE(Settings(paths).unfinishedLoad(), cpuChoice());
    qunsetenv(kFault);
    m_app->inference().load(ModelsPage::requestFor(m_app->settings(), {}));
    QCOMPARE(Settings(paths).unfinishedLoad(), vulkan());
    m_app.reset();  // the window is closed meanwhile
    QCOMPARE(Settings(paths).unfinishedLoad(), cpuChoice());
  }

 private:
  DeviceChoice vulkan() const { return {QStringLiteral("vulkan:0"), QString::fromStdString(m_device.name)}; }

  void start(const DeviceChoice& choice) {
    const Paths paths = Paths::inside(m_dir->path());
    QVERIFY(paths.create());
    Settings(paths).setDevice(choice);
    m_app = std::move(Application::create(paths).value());
    m_app->window().resize(1100, 750);
    m_app->showWindow();
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kTimeout));
    page().newChat();
    limit();
  }

  void limit() {
    engine::SamplerSettings sampling;
    sampling.temperature = 1;
    sampling.topP = 1;
    page().current()->setSampling(sampling);
    page().current()->setSeed(77);
    page().current()->setGenerateLimits(kAnswerTokens, false);
  }

  void ask() {
    QVERIFY(page().current()->send(QStringLiteral("Tell me a story")));
    waitForAnswer();
  }
  void waitForAnswer() { QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Idle, kTimeout); }

  ChatPage& page() { return m_app->chatPage(); }
  MessageRecord answer() { return page().current()->transcript().message(1); }
  QString status() { return label("chatStatus")->text(); }
  QLabel* label(const char* name) { return m_app->window().findChild<QLabel*>(QLatin1String(name)); }
  QPushButton* button(const char* name) { return m_app->window().findChild<QPushButton*>(QLatin1String(name)); }
  QToolButton* visible(const char* name) {
    for (auto* found : page().findChildren<QToolButton*>(QLatin1String(name))) {
      if (found->isVisible()) return found;
    }
    qFatal("no visible %s", name);
    return nullptr;
  }

  engine::DeviceInfo m_device;
  std::unique_ptr<QTemporaryDir> m_dir;
  std::unique_ptr<Application> m_app;
};

// The loader is chosen when a program starts: find the real one, then start anew with the fake one in front of it.
int main(int argc, char** argv) {
  if (std::getenv("ROOKERY_REAL_VULKAN") == nullptr) {
    void* library = dlopen("libvulkan.so.1", RTLD_NOW);
    Dl_info info{};
    if (library != nullptr && dladdr(dlsym(library, "vkGetInstanceProcAddr"), &info) != 0) {
      setenv("ROOKERY_REAL_VULKAN", std::filesystem::canonical(info.dli_fname).c_str(), 1);
      setenv("LD_LIBRARY_PATH", ROOKERY_FAKE_VULKAN_DIR, 1);
      execv("/proc/self/exe", argv);
    }
  }
  QApplication application(argc, argv);
  VulkanAppTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "vulkan_app_test.moc"
