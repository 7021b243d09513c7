// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QCommandLineParser>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QMessageBox>
#include <QPushButton>
#include <QTimer>
#include <cstdio>
#include <string_view>

#include "application.h"
#include "rookery/device.h"
#include "rookery/model_file.h"
#include "rookery/version.h"
#include "settings/language.h"
#include "settings/settings.h"
#include "main_window.h"
#include "start_window.h"
#include "support/log.h"
#include "support/plain_text.h"
#include "support/quit_signals.h"
#include "support/single_instance.h"
#include "theme/icons.h"
#include "theme/theme.h"

using namespace rookery::app;

namespace {

Q_LOGGING_CATEGORY(lcDriver, "rookery.driver")

constexpr int kAskMs = 2'000;

/// Opens the chats; when that fails, says why and lets the user try again. nullptr: the user gave up, or another Rookery
/// that has them came forward; `exitCode` says how it ended.
std::unique_ptr<Application> openOrExplain(const Paths& paths, StartWindow& window, SingleInstance& instance, const QByteArray& token,
                                           int& exitCode) {
  while (true) {
    auto application = Application::create(paths, [&](Opening& opening) {
      instance.listen();  // from now on the chats are locked by this one
      window.attend(opening);
    });
    if (application) return std::move(*application);
    const StoreError::Kind kind = application.error().kind;
    const bool isOver = kind == StoreError::Kind::Stopped || (kind == StoreError::Kind::InUse && instance.askOther(token, kAskMs));
    exitCode = isOver ? 0 : 1;
    if (isOver) return nullptr;
    qCritical("%s cannot be opened: %s", qPrintable(paths.database()), qPrintable(storeErrorLogText(application.error())));
    QMessageBox box(QMessageBox::Critical, QCoreApplication::applicationName(), storeErrorText(application.error()));
    box.setInformativeText(paths.database());
    box.setDetailedText(application.error().details);
    const auto* retry = box.addButton(QCoreApplication::translate("main", "Try again"), QMessageBox::AcceptRole);
    box.addButton(QCoreApplication::translate("main", "Quit"), QMessageBox::RejectRole);
    makePlain(box);
    box.exec();
    if (box.clickedButton() != retry) return nullptr;
  }
}

/// A file where a folder should be: unlike a full disk, it does not go away by itself.
bool isBlockedByFile(const QString& folder) {
  QString path = folder;
  while (!QFileInfo::exists(path) && path != QFileInfo(path).path()) path = QFileInfo(path).path();
  return !QFileInfo(path).isDir();
}

/// Does not return for --help and --version, which a QApplication could not answer without a screen.
void answerWithoutDisplay(int argc, char** argv, QCommandLineParser& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool version = word == "--version" || word == "-v";
    if (!version && word != "--help" && word != "-h") continue;
    const QCoreApplication console(argc, argv);
    if (version) arguments.showVersion();
    arguments.showHelp();
  }
}

}  // namespace

int main(int argc, char** argv) {
  QCoreApplication::setApplicationName(QStringLiteral("Rookery"));
  QCoreApplication::setApplicationVersion(QString::fromLatin1(rookery::engine::versionString()));
  QCommandLineParser arguments;
  arguments.setApplicationDescription(QCoreApplication::translate("main", "Chat with RWKV language models, and measure them."));
  arguments.addHelpOption();
  arguments.addVersionOption();
  const QCommandLineOption dataDir(QStringLiteral("data-dir"),
                                   QCoreApplication::translate("main", "Keep settings, chats and logs in this folder."),
                                   QCoreApplication::translate("main", "folder"));
  arguments.addOption(dataDir);
  answerWithoutDisplay(argc, argv, arguments);

  QGuiApplication::setDesktopFileName(QStringLiteral("org.rookery.Rookery"));
  QGuiApplication::setHighDpiScaleFactorRoundingPolicy(Qt::HighDpiScaleFactorRoundingPolicy::PassThrough);
  const QByteArray activationToken = takeActivationToken();  // before Qt takes it
  QApplication qt(argc, argv);
  QApplication::setWindowIcon(appIcon());
  arguments.process(qt);

  if (arguments.isSet(dataDir) && arguments.value(dataDir).trimmed().isEmpty()) {
    std::fprintf(stderr, "--data-dir needs the name of a folder.\n");
    return 2;
  }
  const Paths paths = arguments.isSet(dataDir) ? Paths::inside(arguments.value(dataDir)) : Paths::standard();
  QString failed;
  const bool made = paths.create(&failed);
  startLog(paths.logFile());
  rookery::engine::setDriverLog([](std::string_view line) { qCWarning(lcDriver, "%.*s", static_cast<int>(line.size()), line.data()); });
  if (!made) {
    qCritical("The folder %s cannot be made.", qPrintable(failed));
    if (isBlockedByFile(failed)) return 1;  // otherwise the store says what it means for the chats
  }
  rookery::engine::surviveLostFiles();  // the Models page maps whatever lies in the folders, half a download too

  const QuitSignals quitSignals;
  Theme theme(qt);
  Language language;
  {
    const Settings settings(paths);
    theme.setChoice(settings.theme());
    language.apply(settings.language());
  }
  StartWindow startWindow;
  QObject::connect(&quitSignals, &QuitSignals::asked, &startWindow, &StartWindow::leave);
  SingleInstance instance(paths.data);
  QWidget* front = &startWindow;
  QObject::connect(&instance, &SingleInstance::asked, qApp, [&front](const QByteArray& token) {
    QWidget* question = QApplication::activeModalWidget();
    bringForward(question ? *question : *front, token);
  });
  int exitCode = 0;
  const std::unique_ptr<Application> application = openOrExplain(paths, startWindow, instance, activationToken, exitCode);
  if (!application) return exitCode;
  front = &application->window();
  QObject::connect(&application->settings(), &Settings::themeChanged, &theme, &Theme::setChoice);
  QObject::connect(&application->settings(), &Settings::languageChanged, &language, &Language::apply);
  application->showWindow();
  QTimer::singleShot(0, qApp, [&application] {
    application->loadFirstModel();
    application->tellOfDamage();
  });
  return QApplication::exec();
}
