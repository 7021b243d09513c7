// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractButton>
#include <QAccessible>
#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QHeaderView>
#include <QLabel>
#include <QListView>
#include <QMenu>
#include <QMessageBox>
#include <QPainter>
#include <QPixmap>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QTextBlock>
#include <QTextEdit>
#include <QTimer>

#ifdef Q_OS_LINUX
#include <sys/inotify.h>
#include <unistd.h>
#endif

#include "application.h"
#include "bench/bench_page.h"
#include "chat/chat_page.h"
#include "inference/device_list.h"
#include "main_window.h"
#include "models/models_page.h"
#include "settings/settings.h"
#include "settings/settings_page.h"
#include "shell_support.h"
#include "support/plain_text.h"
#include "theme/label.h"

using namespace rookery;
using namespace rookery::app;

namespace {

constexpr qsizetype kMostShown = 4001;  // of one text on the screen, the ellipsis included

/// Says whether anybody opened a file since it was made.
class Watched {
 public:
  explicit Watched(const QString& path) {
#ifdef Q_OS_LINUX
    m_fd = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(m_fd, qPrintable(path), IN_OPEN | IN_ACCESS);
#else
    Q_UNUSED(path)
#endif
  }
  ~Watched() {
#ifdef Q_OS_LINUX
    close(m_fd);
#endif
  }
  bool wasOpened() const {
#ifdef Q_OS_LINUX
    char events[4096];
    return read(m_fd, events, sizeof events) > 0;
#else
    return false;
#endif
  }

 private:
  int m_fd = -1;
};

bool acts(QChar c) {
  const char16_t u = c.unicode();
  return c.category() == QChar::Other_Control || u == 0x061C || u == 0x200E || u == 0x200F || (u >= 0x202A && u <= 0x202E) ||
         (u >= 0x2066 && u <= 0x2069);
}

bool actsInLine(const QString& text) { return std::any_of(text.begin(), text.end(), acts); }

bool actsInLines(const QString& text) {
  return std::any_of(text.begin(), text.end(), [](QChar c) { return c != u'\n' && acts(c); });
}

QString brief(const QString& text) {
  QString shown = text.left(60);
  for (QChar& c : shown) {
    if (acts(c)) c = u'?';
  }
  return shown;
}

}  // namespace

/// Names and sentences from outside, as bad as they can be, in every place of the window that shows one.
class PlainTextTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void longWordsBreak() {
    const QChar b = kBreak;
    const QString word(40, u'a'), face = QString::fromUtf8("\xF0\x9F\x90\xA6"), accents = QStringLiteral("e") + QString(40, QChar(0x0301));
    QCOMPARE(breakable(QString(32, u'a')), QString(32, u'a'));
    QCOMPARE(breakable(word), QString(16, u'a') + b + QString(24, u'a'));
    QCOMPARE(breakable(u"so " + word + u" it is"), u"so " + QString(16, u'a') + b + QString(24, u'a') + u" it is");
    QCOMPARE(breakable(QStringLiteral("words of usual length, however many there are, stay as they are.")),
             QStringLiteral("words of usual length, however many there are, stay as they are."));
    QCOMPARE(breakable(accents), accents);
    QCOMPARE(breakable(u'x' + face.repeated(30)).remove(b), u'x' + face.repeated(30));
    for (QString line : breakable(u'x' + face.repeated(30)).split(b)) QVERIFY(!line.front().isLowSurrogate());
    // Chinese breaks between its words, and not before a mark.
    const QString chinese = QString::fromUtf8("\xE6\xA8\xA1\xE5\x9E\x8B\xEF\xBC\x8C").repeated(30);
    QCOMPARE(breakable(chinese), chinese);
  }

  void whatIsCopiedHasNoBreaks() {
    const QString word(300, u'a');
    Label label;
    label.setWordWrap(true);
    label.setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    label.setText(word);
    QVERIFY(label.minimumSizeHint().width() < 600);
    label.setSelection(0, static_cast<int>(label.text().size()));
    QTest::keySequence(&label, QKeySequence::Copy);
    QCOMPARE(QGuiApplication::clipboard()->text(), word);
  }

  void initTestCase() {
    m_picture = m_folder.filePath(QStringLiteral("noticed.png"));
    QPixmap picture(300, 300);
    picture.fill(Qt::red);
    QVERIFY(picture.save(m_picture));
    // The name of a file has neither slashes nor NUL, and at most 255 bytes.
    m_fileName = QStringLiteral("<h1>big<img src='noticed.png'>&amp;&lt;b>|\n\x1b[31m\u202egpj.\u2066x");
    m_nasty = QStringLiteral("<h1>big</h1><img src=\"file://%1\"><a href=\"file://%1\">here</a>&amp;&lt;b>|\n\x1b[31m\u202etxt.\u2067[*]").arg(m_picture) +
              QChar(u'\0') + QString(10'000, u'n');
    QVERIFY(Qt::mightBeRichText(m_fileName) && Qt::mightBeRichText(m_nasty));
    QDir::setCurrent(m_folder.path());
  }

  void aNameIsOneLineThatDoesNothing() {
    QCOMPARE(displayName(QStringLiteral("rwkv7-0.1b.gguf")), QStringLiteral("rwkv7-0.1b.gguf"));
    QCOMPARE(displayName(QStringLiteral("a\nb\tc\r\nd")), QStringLiteral("a b c d"));
    QCOMPARE(displayName(QStringLiteral("x\u202efugg.pth\x1b[1m") + QChar(u'\0')), QStringLiteral("x\uFFFDfugg.pth\uFFFD[1m\uFFFD"));
    QCOMPARE(displayName(QStringLiteral("模型 مودل 👩‍💻")), QStringLiteral("模型 مودل 👩‍💻"));  // joiners belong to words
    const QString shortened = displayName(QString(200, u'a') + QString(200, u'b'), 101);
    QCOMPARE(shortened, QString(50, u'a') + QChar(0x2026) + QString(50, u'b'));
    const QString pairs = displayName(QStringLiteral("😀").repeated(100), 20);
    QVERIFY(pairs.isValidUtf16());
    QVERIFY(pairs.size() <= 20);
    QCOMPARE(displayText(QStringLiteral("a\r\nb\u2028c")), QStringLiteral("a\nb\uFFFDc"));
    QCOMPARE(displayText(QString(50, u'x'), 10), QString(10, u'x') + QChar(0x2026));
  }

  void aToolTipIsNeverRich() {
    QCOMPARE(plainToolTip(QStringLiteral("Send (Enter)")), QStringLiteral("Send (Enter)"));
    QCOMPARE(plainToolTip(QStringLiteral("1 < 2 & 3")), QStringLiteral("1 < 2 & 3"));
    for (const QString& text : {m_nasty, m_fileName, QStringLiteral("<b>x</b>"), QStringLiteral("a &lt;b"), QStringLiteral("  <!DOCTYPE html>"),
                                QStringLiteral("<?xml version='1.0'?><p>"), QStringLiteral("<\n<b>x")}) {
      const QString tip = plainToolTip(text);
      QVERIFY2(!Qt::mightBeRichText(tip), qPrintable(brief(tip)));
      QCOMPARE(plainToolTip(tip), tip);  // once is enough
      for (const QString& line : tip.split(u'\n')) QVERIFY(line.size() <= 120);
    }
  }

  void aLabelKeepsAllOfItsTextForCopying() {
    Label label;
    label.setText(m_nasty);
    QCOMPARE(label.textFormat(), Qt::PlainText);
    QCOMPARE(label.fullText(), m_nasty);
    QVERIFY(label.text().size() <= 300);
    QVERIFY(!label.text().contains(u'\n'));
    label.setWordWrap(true);
    QVERIFY(label.text().contains(u'\n'));  // more than a line only where more than a line has room
    QVERIFY(label.text().size() <= kMostShown);
  }

  void aBoxTakesNothingForHtml() {
    const Watched picture(m_picture);
    QStringList problems;
    int boxes = 0;
    const auto lookAt = [&](QMessageBox* box) {
      ++boxes;
      for (const auto* label : box->findChildren<QLabel*>()) checkLabel(label, problems);
      box->done(QMessageBox::Cancel);
    };
    QTimer timer;
    connect(&timer, &QTimer::timeout, this, [&] {
      if (auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget())) lookAt(box);
    });
    timer.start(10);
    Dialogs real;
    real.tell(nullptr, QStringLiteral("Title"), m_nasty);
    real.confirm(nullptr, QStringLiteral("Title"), m_nasty, QStringLiteral("Do it"));
    real.choose(nullptr, QStringLiteral("Title"), m_nasty, {QStringLiteral("One")});
    QMessageBox box(QMessageBox::Critical, QStringLiteral("Title"), m_nasty);  // as main() builds it
    box.setInformativeText(m_nasty);
    box.setDetailedText(m_nasty);
    makePlain(box);
    box.exec();
    QCOMPARE(boxes, 4);
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join(u'\n')));
    QVERIFY(!picture.wasOpened());
  }

  void noFieldOfTheWindowTakesTextForMore() {
    const Watched picture(m_picture);
    const Paths paths = Paths::inside(m_folder.filePath(QStringLiteral("data")));
    QVERIFY(paths.create());
    test::PreparedDialogs dialogs;
    putReportIntoTheHistory(paths);
    const QString modelFile = putModelIntoTheFolder(paths);
    const QString vocabulary = test::byteVocabulary(m_folder.path());

    auto app = std::move(Application::create(paths).value());
    MainWindow& window = app->window();
    app->settings().setVocabularyFor(modelFile, vocabulary);
    app->settings().setLastModel(modelFile);
    app->settings().setModelFolders({m_folder.path() + u'/' + m_fileName});
    const qint64 chat = putChatIntoTheStore(app->store(), m_nasty);
    app->store().moveToBin(putChatIntoTheStore(app->store(), m_nasty));
    QVERIFY(app->store().flush(5000));
    app->chatPage().reloadList();
    app->chatPage().openChat(chat);
    window.resize(1180, 780);
    app->showWindow();
    app->loadFirstModel();  // the real way of a file's name to the labels
    QTRY_VERIFY_WITH_TIMEOUT(app->inference().model().has_value(), 30'000);
    QCOMPARE(app->inference().model()->path, modelFile);

    const engine::DeviceInfo device = nastyDevice();
    DeviceList devices([device] { return std::vector{device}; });
    auto* settingsPage = window.findChild<SettingsPage*>();
    auto* models = window.findChild<ModelsPage*>();
    auto* bench = window.findChild<BenchPage*>();
    settingsPage->attach(&devices);
    models->attach(&devices);
    bench->attach(&devices);
    devices.refresh();
    QTRY_VERIFY(devices.isKnown());

    QStringList problems;
    const auto lookAround = [&](const char* when) {
      for (int page = 0; page < 4; ++page) {
        window.showPage(static_cast<MainWindow::Page>(page));
        QTest::qWait(20);
        if (page == MainWindow::Models) QTRY_VERIFY(window.findChild<QAbstractButton*>(QStringLiteral("modelsScan"))->isEnabled());
        QStringList found;
        for (const auto* widget : window.findChildren<QWidget*>()) checkWidget(widget, found);
        checkWidget(&window, found);
        for (const auto* action : window.findChildren<QAction*>()) {
          if (actsInLine(action->text()) || Qt::mightBeRichText(action->toolTip())) found << QStringLiteral("action ") + brief(action->text());
        }
        checkAccessible(QAccessible::queryAccessibleInterface(&window), found, 0);
        for (const QString& problem : std::as_const(found)) problems << QStringLiteral("%1, page %2: %3").arg(QLatin1String(when)).arg(page).arg(problem);
        const QPixmap drawn = window.grab();  // what is only read when it is painted
      }
    };
    lookAround("as it starts");
    models->select(modelFile);
    bench->showReport(nastyReport());
    LoadedModel model = *app->inference().model();
    model.name = m_nasty;
    model.device = device;
    model.deviceSummary = m_nasty;
    window.setModel(model);
    window.showLoadStarted(99, m_nasty, EngineWork::Answer);
    window.setAlert([this] { return m_nasty; });
    app->chatPage().setLoadProblem(m_nasty, true);
    Q_EMIT app->chatPage().current()->failed(m_nasty, m_nasty);
    lookAround("with sentences");
    const engine::Error error{engine::ErrorCode::TensorMismatch, m_nasty.toStdString(), m_nasty.toStdString()};
    Q_EMIT app->store().failing(m_nasty);
    Q_EMIT app->store().problem(m_nasty, m_nasty);
    Q_EMIT app->inference().loadStarted(0, m_nasty);
    Q_EMIT app->inference().loadFailed(0, error);
    Q_EMIT app->inference().answerFailed(0, error);
    bench->showError(error);
    window.findChild<QAbstractButton*>(QStringLiteral("modelErrorMore"))->setChecked(true);
    lookAround("with errors");
    QVERIFY2(problems.isEmpty(), qPrintable(problems.mid(0, 40).join(u'\n')));
    QVERIFY(!picture.wasOpened());

    // Nothing is lost on the way: the question is shown as it was typed.
    QStringList shown;
    for (const auto* body : window.findChildren<QTextEdit*>()) shown << body->toPlainText();
    QVERIFY2(shown.join(u'\n').contains(QStringLiteral("<h1>big</h1><img src=")), qPrintable(brief(shown.join(u'|'))));
    Q_EMIT app->store().recovered();
  }

 private:
  static void checkLabel(const QLabel* label, QStringList& found) {
    const QString text = label->text();
    if (label->textFormat() != Qt::PlainText) found << QStringLiteral("not plain text: ") + describe(label);
    if (label->wordWrap() ? actsInLines(text) : actsInLine(text)) found << QStringLiteral("acting characters: ") + describe(label);
    if (text.size() > kMostShown) found << QStringLiteral("%1 characters: ").arg(text.size()) + describe(label);
  }

  static QString describe(const QWidget* widget) {
    const auto* label = qobject_cast<const QLabel*>(widget);
    return QStringLiteral("%1 %2 in %3 \"%4\"")
        .arg(QLatin1String(widget->metaObject()->className()), widget->objectName(),
             widget->parentWidget() != nullptr ? widget->parentWidget()->objectName() : QString(), label != nullptr ? brief(label->text()) : QString());
  }

  static void checkItems(const QAbstractItemModel* model, const QString& of, QStringList& found) {
    for (int row = 0; row < model->rowCount(); ++row) {
      for (int column = 0; column < model->columnCount(); ++column) {
        const QModelIndex index = model->index(row, column);
        for (const int role : {int(Qt::DisplayRole), int(Qt::AccessibleTextRole), int(Qt::StatusTipRole)}) {
          const QString text = index.data(role).toString();
          if (actsInLine(text)) found << QStringLiteral("acting characters in role %1 of %2: %3").arg(role).arg(of, brief(text));
          if (text.size() > kMostShown) found << QStringLiteral("%1 characters in role %2 of %3").arg(text.size()).arg(role).arg(of);
        }
        for (const int role : {int(Qt::ToolTipRole), int(Qt::AccessibleDescriptionRole)}) {
          const QString text = index.data(role).toString();
          if (actsInLines(text) || text.size() > kMostShown) found << QStringLiteral("acting characters or too long, role %1 of %2").arg(role).arg(of);
          if (role == Qt::ToolTipRole && Qt::mightBeRichText(text)) found << QStringLiteral("rich tooltip in ") + of;
        }
      }
    }
    for (int column = 0; column < model->columnCount(); ++column) {
      if (actsInLines(model->headerData(column, Qt::Horizontal).toString())) found << QStringLiteral("header of ") + of;
    }
  }

  static void checkWidget(const QWidget* widget, QStringList& found) {
    if (Qt::mightBeRichText(widget->toolTip())) found << QStringLiteral("rich tooltip: ") + describe(widget);
    if (actsInLines(widget->toolTip()) || widget->toolTip().size() > kMostShown) found << QStringLiteral("tooltip: ") + describe(widget);
    if (!widget->whatsThis().isEmpty()) found << QStringLiteral("what's this: ") + describe(widget);
    if (actsInLine(widget->accessibleName()) || actsInLines(widget->accessibleDescription())) found << QStringLiteral("accessible: ") + describe(widget);
    if (widget->windowTitle().contains(QStringLiteral("[*]")) || actsInLine(widget->windowTitle())) found << QStringLiteral("title: ") + describe(widget);
    if (const auto* label = qobject_cast<const QLabel*>(widget)) checkLabel(label, found);
    if (const auto* button = qobject_cast<const QAbstractButton*>(widget); button != nullptr && actsInLine(button->text())) found << describe(widget);
    if (const auto* menu = qobject_cast<const QMenu*>(widget); menu != nullptr && actsInLine(menu->title())) found << describe(widget);
    if (const auto* bar = qobject_cast<const QProgressBar*>(widget); bar != nullptr && bar->format() != u"%p%") found << describe(widget);
    if (const auto* combo = qobject_cast<const QComboBox*>(widget)) checkItems(combo->model(), combo->objectName(), found);
    if (const auto* view = qobject_cast<const QAbstractItemView*>(widget); view != nullptr && view->model() != nullptr && qobject_cast<const QHeaderView*>(view) == nullptr) {
      checkItems(view->model(), view->objectName(), found);
    }
    const auto* rich = qobject_cast<const QTextEdit*>(widget);
    const auto* plain = qobject_cast<const QPlainTextEdit*>(widget);
    if (const QTextDocument* document = rich != nullptr ? rich->document() : plain != nullptr ? plain->document() : nullptr) {
      for (QTextBlock block = document->begin(); block.isValid(); block = block.next()) {
        for (auto it = block.begin(); !it.atEnd(); ++it) {
          if (it.fragment().charFormat().isImageFormat()) found << QStringLiteral("picture in ") + describe(widget);
        }
      }
      const QString shown = document->toPlainText();
      if (rich != nullptr && rich->isReadOnly() && std::any_of(shown.begin(), shown.end(), [](QChar c) { return turnsDirection(c.unicode()); })) {
        found << QStringLiteral("turned text in ") + describe(widget);
      }
      if (rich != nullptr && const_cast<QTextEdit*>(rich)->loadResource(QTextDocument::ImageResource, QUrl(QStringLiteral("noticed.png"))).isValid()) {
        found << QStringLiteral("loads resources: ") + describe(widget);
      }
    }
  }

  void checkAccessible(QAccessibleInterface* face, QStringList& found, int depth) {
    if (face == nullptr || depth > 30) return;
    if (actsInLines(face->text(QAccessible::Name))) found << QStringLiteral("accessible name ") + brief(face->text(QAccessible::Name));
    if (face->text(QAccessible::Name).size() > kMostShown) found << QStringLiteral("long accessible name ") + brief(face->text(QAccessible::Name));
    for (int i = 0; i < std::min(face->childCount(), 200); ++i) checkAccessible(face->child(i), found, depth + 1);
  }

  engine::BenchReport nastyReport() const {
    engine::BenchReport report = test::handMadeReport();
    const std::string nasty = m_nasty.toStdString();
    report.model = report.precision = report.weights = report.strategy = report.mode = nasty;
    auto& env = report.environment;
    env.cpu = env.isa = env.os = env.kernel = env.device = env.driver = env.api = env.powerSource = env.governor = env.build = env.compiler = nasty;
    report.planned.front().component = nasty;
    report.measured.front().component = nasty;
    return report;
  }

  engine::DeviceInfo nastyDevice() const {
    engine::DeviceInfo device;
    device.id = "vulkan:0";
    device.kind = engine::DeviceKind::Vulkan;
    device.name = device.driver = device.apiLevel = device.reason = m_nasty.toStdString();
    device.features = {m_nasty.toStdString()};
    device.memoryBytes = 1'000'000'000;
    device.usable = false;
    return device;
  }

  void putReportIntoTheHistory(const Paths& paths) const {
    const QString folder = Settings(paths).reportsFolder();
    QVERIFY(QDir().mkpath(folder));
    QFile file(folder + QStringLiteral("/report.json"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QByteArray::fromStdString(engine::reportJson(nastyReport())));
  }

  QString putModelIntoTheFolder(const Paths& paths) const {
    const QString folder = Settings(paths).modelsFolder();
    const QString path = folder + u'/' + m_fileName + QStringLiteral(".pth");
    if (!QDir().mkpath(folder) || !QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/golden/models/v7_small/model.pth"), path)) qFatal("no model");
    QFile broken(folder + u'/' + m_fileName + QStringLiteral(".gguf"));
    if (!broken.open(QIODevice::WriteOnly)) qFatal("no broken model");
    broken.write("no model");
    return path;
  }

  static qint64 putChatIntoTheStore(ChatStore& store, const QString& text) {
    ConversationRecord chat;
    chat.id = store.newConversationId();
    chat.uuid = QString::number(chat.id);
    chat.title = chat.systemPrompt = chat.modelName = text;
    chat.fingerprint = QStringLiteral("another");
    chat.created = chat.updated = QDateTime::currentDateTime();
    store.putConversation(chat);
    qint64 parent = 0;
    for (const MessageRole role : {MessageRole::User, MessageRole::Assistant}) {
      MessageRecord message;
      message.id = store.newMessageId();
      message.conversation = chat.id;
      message.parent = parent;
      message.role = role;
      message.created = QDateTime::currentDateTime();
      message.text = text;
      store.addMessage(message);
      parent = message.id;
    }
    return chat.id;
  }

  QTemporaryDir m_folder;
  QString m_picture, m_nasty, m_fileName;
};

QTEST_MAIN(PlainTextTest)
#include "plain_text_test.moc"
