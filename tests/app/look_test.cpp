// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAccessible>
#include <QApplication>
#include <QAbstractButton>
#include <QComboBox>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QListView>
#include <QMap>
#include <QRegularExpression>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalSpy>
#include <QStyleOptionComboBox>
#include <QTemporaryDir>
#include <QTest>
#include <QTextEdit>
#include <QToolButton>

#include "application.h"
#include "chat/chat_page.h"
#include "contrast.h"
#include "main_window.h"
#include "models/model_list.h"
#include "models/models_page.h"
#include "rail_button.h"
#include "settings/settings.h"
#include "shell_support.h"
#include "theme/label.h"
#include "theme/theme.h"

using namespace rookery;
using namespace rookery::app;
using rookery::app::test::contrast;

namespace {

/// The colour that most of a piece of the screen has, and the one that stands out most from it.
struct Seen {
  QRgb ground = 0, ink = 0;
};

Seen lookAt(const QImage& image) {
  QHash<QRgb, int> counts;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) ++counts[image.pixel(x, y)];
  }
  Seen seen;
  int most = 0;
  for (auto it = counts.cbegin(); it != counts.cend(); ++it) {
    if (it.value() > most || (it.value() == most && it.key() < seen.ground)) {
      most = it.value();
      seen.ground = it.key();
    }
  }
  double best = 0;
  for (auto it = counts.cbegin(); it != counts.cend(); ++it) {
    const double here = contrast(QColor(it.key()), QColor(seen.ground));
    if (here > best) {
      best = here;
      seen.ink = it.key();
    }
  }
  return seen;
}

}  // namespace

/// What the whole window looks like: after a switch of the theme, in a narrow window, and to a screen reader.
class LookTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() { QApplication::setCursorFlashTime(0); }
  void init() {
    m_folder = std::make_unique<QTemporaryDir>();
    m_paths = Paths::inside(m_folder->path());
    QVERIFY(m_paths.create());
  }
  void cleanup() { m_app.reset(); }

  void aThemeThatIsSwitchedLooksAsAfterARestart_data() {
    QTest::addColumn<bool>("toDark");
    QTest::newRow("to dark") << true;
    QTest::newRow("to light") << false;
  }
  void aThemeThatIsSwitchedLooksAsAfterARestart() {
    QFETCH(bool, toDark);
    Theme theme(*qApp);
    theme.setChoice(toDark ? ThemeChoice::Light : ThemeChoice::Dark);
    start(1180, 900);
    fill();
    QMap<QString, Seen> before, after, fresh;
    look(before);
    theme.setChoice(toDark ? ThemeChoice::Dark : ThemeChoice::Light);
    look(after);
    start(1180, 900);
    fill();
    look(fresh);
    QStringList problems;
    int compared = 0;
    for (auto it = after.cbegin(); it != after.cend(); ++it) {
      const Seen now = it.value(), right = fresh.value(it.key(), now);  // how busy the computer is may be said in one of them only
      compared += fresh.contains(it.key()) ? 1 : 0;
      const double seen = contrast(QColor(now.ink), QColor(now.ground));
      if (now.ink != right.ink || now.ground != right.ground || seen < 4.5) {
        problems << QStringLiteral("%1: %2 on %3 (%4:1), after a restart %5 on %6")
                        .arg(it.key(), QColor(now.ink).name(), QColor(now.ground).name()).arg(seen, 0, 'f', 1)
                        .arg(QColor(right.ink).name(), QColor(right.ground).name());
      }
    }
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join(u'\n')));
    QVERIFY2(compared > 60, qPrintable(QString::number(compared)));
  }

  void nothingIsCutInANarrowWindow() {
    start(640, 700);
    fill();
    QCOMPARE(m_window->width(), 640);
    QStringList problems;
    for (const auto page : {MainWindow::Chat, MainWindow::Models, MainWindow::SettingsPage}) {
      m_window->showPage(page);
      QTest::qWait(50);
      checkCut(QStringLiteral("page %1").arg(page), problems);
    }
    // The panel and the list, one at a time.
    m_window->showPage(MainWindow::Chat);
    m_window->findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setChecked(true);
    QTest::qWait(50);
    checkCut(QStringLiteral("panel"), problems);
    m_app->chatPage().listAction()->trigger();
    QTest::qWait(50);
    QVERIFY(list()->isVisible());
    checkCut(QStringLiteral("list"), problems);
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join(u'\n')));
    QCOMPARE(m_window->width(), 640);
  }

  void theListOfChatsHidesByItselfAndOnRequest() {
    start(1180, 780);
    QVERIFY(list()->isVisible());
    m_window->resize(640, 700);
    QTRY_VERIFY(!list()->isVisible());
    QTest::keyClick(m_window, Qt::Key_K, Qt::ControlModifier);  // what one looks for is in it
    QTRY_VERIFY(list()->isVisible());
    m_window->resize(1180, 780);
    QTRY_VERIFY(list()->isVisible());
    QTest::keyClick(m_window, Qt::Key_F9);
    QVERIFY(!list()->isVisible());
    QVERIFY(!m_app->settings().chatListShown());
    start(1180, 780);  // remembered
    QVERIFY(!list()->isVisible());
    m_window->findChild<QToolButton*>(QStringLiteral("listToggle"))->click();
    QVERIFY(list()->isVisible());
    m_window->resize(640, 700);
    QTRY_VERIFY(!list()->isVisible());
    QVERIFY(m_app->settings().chatListShown());  // narrow is not a choice
  }

  void theWindowGetsNarrowAtOnceWithThePanelOpen() {
    start(1180, 780);
    m_window->findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setChecked(true);
    QTest::qWait(50);
    QVERIFY(list()->isVisible());
    m_window->resize(640, 700);
    QCOMPARE(m_window->width(), 640);
    QTRY_VERIFY(!list()->isVisible());
  }

  void anElidedLabelShowsBothEndsAndAllOfItAsATip() {
    Label label;
    label.setText(QString(50, u'a') + QString(50, u'b'));
    const int words = label.sizeHint().width();
    QVERIFY(label.minimumSizeHint().width() >= words);
    label.setElided(true);
    QVERIFY(label.minimumSizeHint().width() < words / 2);
    QCOMPARE(label.sizeHint().width(), words);
  }

  void aClosedListShowsBothEndsOfALongEntry() {
    start(1100, 700);
    const QString name = QStringLiteral("a rather long name of a state tuned on stories.safetensors");
    QComboBox boxes[2];
    for (QComboBox& box : boxes) {
      box.setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
      box.addItem(name);
      box.resize(200, box.sizeHint().height());
    }
    QStyleOptionComboBox option;
    option.initFrom(&boxes[0]);
    const int room = boxes[0].style()->subControlRect(QStyle::CC_ComboBox, &option, QStyle::SC_ComboBoxEditField, &boxes[0]).width() - 2;
    boxes[1].setItemText(0, boxes[1].fontMetrics().elidedText(name, Qt::ElideMiddle, room));
    QVERIFY(boxes[1].itemText(0).contains(QChar(0x2026)));
    QVERIFY(boxes[0].grab().toImage() == boxes[1].grab().toImage());
  }

  void screenReadersKnowTheRailAndWhatFails() {
    start(1180, 780);
    auto* rail = QAccessible::queryAccessibleInterface(m_window->findChild<QWidget*>(QStringLiteral("rail")));
    QCOMPARE(rail->role(), QAccessible::PageTabList);
    int selected = 0;
    for (auto* button : m_window->findChildren<RailButton*>()) {
      auto* tab = QAccessible::queryAccessibleInterface(button);
      QCOMPARE(tab->role(), QAccessible::PageTab);
      QVERIFY(!tab->text(QAccessible::Name).isEmpty());
      selected += tab->state().selected ? 1 : 0;
      QCOMPARE(bool(tab->state().selected), button->isChecked());
    }
    QCOMPARE(selected, 1);
    auto* bench = QAccessible::queryAccessibleInterface(m_window->findChild<QWidget*>(QStringLiteral("railBench")));
    bench->actionInterface()->doAction(QAccessibleActionInterface::pressAction());
    QCOMPARE(m_window->page(), MainWindow::Benchmark);

    // What an announcement says: Qt tells of it only where a screen reader runs.
    m_window->showPage(MainWindow::Chat);
    m_app->chatPage().setLoadProblem(QStringLiteral("That model is gone."));
    Q_EMIT m_app->store().failing(QStringLiteral("The disk is full."));
    m_window->setAlert([] { return QStringLiteral("Read only."); });
    const auto says = [](QWidget* widget, QAccessible::Role role, const char* words) {
      auto* face = QAccessible::queryAccessibleInterface(widget);
      QCOMPARE(face->role(), role);
      QCOMPARE(face->text(QAccessible::Name), QLatin1String(words));
    };
    says(m_window->findChild<QWidget*>(QStringLiteral("chatNotice"))->parentWidget(), QAccessible::AlertMessage, "That model is gone.");
    says(m_window->findChild<QWidget*>(QStringLiteral("chatStatus")), QAccessible::Notification, "Not saved: The disk is full.");
    says(m_window->findChild<QWidget*>(QStringLiteral("alertBar")), QAccessible::AlertMessage, "Read only.");
  }

 private:
  void start(int width, int height) {
    m_app.reset();
    m_app = std::move(Application::create(m_paths).value());
    m_window = &m_app->window();
    m_window->resize(width, height);
    m_app->showWindow();
    m_window->resize(width, height);
    m_window->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(m_window));
  }

  QWidget* list() { return m_window->findChild<QWidget*>(QStringLiteral("conversationList")); }

  /// A chat with an answer, a notice, an error, a model that cannot be used.
  void fill() {
    ChatStore& store = m_app->store();
    if (store.conversations({}, 10, 0).empty()) {
      const qint64 chat = test::addChat(store, QStringLiteral("A chat with a rather long title that goes on and on"));
      qint64 parent = 0;
      for (const auto& [role, text] : {std::pair{MessageRole::User, QStringLiteral("A question?")},
                                       {MessageRole::Assistant, QStringLiteral("<think>Let me see.</think>\nAn *answer* with `code`, a [link](https://example.org/)\n\n"
                                                                               "| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nint x;\n```\n")}}) {
        MessageRecord message;
        message.id = store.newMessageId();
        message.conversation = chat;
        message.parent = parent;
        message.role = role;
        message.created = QDateTime(QDate(2026, 11, 29), QTime(12, 0));
        message.text = text;
        message.decodeTokens = role == MessageRole::Assistant ? 20 : 0;
        message.decodeSeconds = 2;
        message.tokens = Tokens(20, 1);
        store.addMessage(message);
        parent = message.id;
      }
      store.moveToBin(test::addChat(store, QStringLiteral("Deleted")));
      QVERIFY(store.flush(5000));
      QVERIFY(QDir().mkpath(m_app->settings().modelsFolder()));
      QFile broken(m_app->settings().modelsFolder() + QStringLiteral("/a-model-with-a-long-name-20260129-ctx8192-and-more-of-it.gguf"));
      QVERIFY(broken.open(QIODevice::WriteOnly));
      broken.write("no model");
    }
    m_app->chatPage().reloadList();
    m_app->chatPage().openChat(store.conversations({}, 10, 0).front().id);
    m_app->chatPage().setLoadProblem(QStringLiteral("That model could not be loaded, and here is a long sentence that says why."), true);
    Q_EMIT store.failing(QStringLiteral("The disk is full. Free some space; saving is tried again until then, and nothing is lost meanwhile."));
    LoadedModel model;
    model.name = QStringLiteral("a-model-with-a-long-name-20260129-ctx8192-and-more-of-it.gguf");
    model.deviceSummary = QStringLiteral("CPU avx512, 2 threads, exact");
    m_window->setModel(model);
    m_window->setSpeed(61.2);
    auto* models = m_window->findChild<ModelsPage*>();
    m_window->showPage(MainWindow::Models);
    QTRY_VERIFY(m_window->findChild<QAbstractButton*>(QStringLiteral("modelsScan"))->isEnabled());
    QTRY_COMPARE(models->list()->rowCount(), 2);
    models->select(models->list()->entry(models->list()->index(1))->path);
    m_window->showPage(MainWindow::Chat);
    QTest::qWait(50);
  }

  /// All words in sight on all pages, and their colours as they are drawn.
  void look(QMap<QString, Seen>& found) {
    for (int page = 0; page < 4; ++page) {
      m_window->showPage(static_cast<MainWindow::Page>(page));
      QTest::qWait(60);
      const QImage window = m_window->grab().toImage();
      for (const auto* widget : m_window->findChildren<QWidget*>()) {
        const auto* label = qobject_cast<const QLabel*>(widget);
        const auto* button = qobject_cast<const QAbstractButton*>(widget);
        const auto* text = qobject_cast<const QTextEdit*>(widget);
        QString words = label != nullptr ? label->text() : button != nullptr ? button->text() : text != nullptr ? text->toPlainText() : QString();
        if (!widget->isVisible() || !widget->isEnabled() || words.isEmpty() || (button != nullptr && button->icon().isNull() && words.isEmpty())) continue;
        if (const auto* tool = qobject_cast<const QToolButton*>(button); tool != nullptr && tool->toolButtonStyle() == Qt::ToolButtonIconOnly && qobject_cast<const RailButton*>(tool) == nullptr) words = u'#' + tool->objectName();
        const QRect place = QRect(widget->mapTo(m_window, QPoint(0, 0)), widget->size()).intersected(m_window->rect());
        if (widget->visibleRegion().boundingRect().size() != widget->size() || place.isEmpty()) continue;  // partly scrolled away
        static const QRegularExpression figures(QStringLiteral("[0-9][0-9.,]*( [kMG]B)?"));
        found.insert(QStringLiteral("page %1 %2 %3: %4").arg(page).arg(QLatin1String(widget->metaObject()->className()), widget->objectName(),
                                                                     words.left(40).replace(figures, QStringLiteral("0")).replace(u'\n', u' ')),
                     lookAt(window.copy(place)));
      }
    }
  }

  void checkCut(const QString& when, QStringList& problems) {
    for (const auto* widget : m_window->findChildren<QWidget*>()) {
      if (!widget->isVisible()) continue;
      const auto* label = qobject_cast<const Label*>(widget);
      const auto* button = qobject_cast<const QAbstractButton*>(widget);
      const QString words = label != nullptr ? label->text() : button != nullptr ? button->text() : QString();
      if (!words.isEmpty()) {
        const QSize need = label != nullptr && label->wordWrap() ? QSize(0, label->heightForWidth(label->width())) : widget->minimumSizeHint();
        if (widget->width() < need.width() || widget->height() < need.height()) {
          problems << QStringLiteral("%1: %2x%3 for %4x%5: %6 \"%7\"").arg(when).arg(widget->width()).arg(widget->height()).arg(need.width()).arg(need.height())
                          .arg(widget->objectName(), words.left(60));
        }
        const int right = widget->mapTo(m_window, QPoint(widget->width(), 0)).x();
        if (right > m_window->width()) problems << QStringLiteral("%1: ends at %2: %3 \"%4\"").arg(when).arg(right).arg(widget->objectName(), words.left(60));
      }
      if (const auto* area = qobject_cast<const QScrollArea*>(widget); area != nullptr && area->widget()->width() > area->viewport()->width()) {
        problems << QStringLiteral("%1: a page of %2 in %3").arg(when).arg(area->widget()->width()).arg(area->viewport()->width());
      }
    }
  }

  std::unique_ptr<QTemporaryDir> m_folder;
  Paths m_paths;
  std::unique_ptr<Application> m_app;
  MainWindow* m_window = nullptr;
};

QTEST_MAIN(LookTest)
#include "look_test.moc"
