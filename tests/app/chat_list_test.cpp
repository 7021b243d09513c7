// SPDX-License-Identifier: GPL-3.0-or-later
// The list of chats at the left: deleting and taking it back, what letters do, what a screen reader says.
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "chat/conversation_list.h"
#include "no_room.h"
#include "store_support.h"

using namespace rookery::app;
using namespace rookery::app::test;

class ChatListTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    m_store = openStore(m_dir->filePath(QStringLiteral("chats.sqlite")));
    for (const char* title : {"One", "Two", "Raven story", "<b>Four</b>"}) {
      newChat(*m_store, QLatin1String(title));
      QTest::qWait(2);
    }
    m_list = std::make_unique<ConversationList>(*m_store);
    m_list->resize(248, 600);
    m_list->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_list.get()));
  }
  void cleanup() {
    m_list.reset();
    m_store.reset();
  }

  void eachDeletionKeepsItsUndo() {
    QSignalSpy restored(m_list.get(), &ConversationList::restored);
    for (const qint64 chat : {3, 1, 2}) m_list->remove(chat);
    QCOMPARE(titles(), QStringList{QStringLiteral("<b>Four</b>")});
    QCOMPARE(bar(), QStringLiteral("Deleted “Two”|and 2 more"));
    undo()->click();
    QCOMPARE(bar(), QStringLiteral("Deleted “One”|and 1 more"));
    undo()->click();
    QCOMPARE(bar(), QStringLiteral("Deleted “Raven story”"));  // all of it: there is room
    QVERIFY(undo()->isVisible());
    undo()->click();
    QVERIFY(!undo()->isVisible());
    QCOMPARE(titles().size(), 4);
    QCOMPARE(restored.size(), 3);
    QCOMPARE(restored[2][0].toLongLong(), 3);
    QVERIFY(m_store->bin().empty());
  }

  void keysDeleteAndTakeBack() {
    m_list->select(3);
    m_list->view()->setFocus();
    QTest::keyClick(m_list->view(), Qt::Key_Delete);
    QTest::keyClick(m_list->view(), Qt::Key_Delete);
    QCOMPARE(m_store->bin().size(), std::size_t(2));
    QTest::keyClick(m_list->view(), Qt::Key_Z, Qt::ControlModifier);
    QTest::keyClick(m_list->view(), Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(m_store->bin().empty());
    QTest::keyClick(m_list->view(), Qt::Key_Z, Qt::ControlModifier);
    QCOMPARE(titles().size(), 4);
    m_list->remove(1);
    QVERIFY(QMetaObject::invokeMethod(m_list->view(), "undo"));  // as the Edit menu does
    QVERIFY(m_store->bin().empty());
  }

  void whatIsGoneForGoodIsPassedOver() {
    m_list->remove(1);
    m_list->remove(2);
    m_store->deleteFromBin(2);
    undo()->click();
    QVERIFY(m_store->bin().empty());
    QVERIFY(titles().contains(QStringLiteral("One")));
    QVERIFY(!undo()->isVisible());
  }

  void aLongTitleGivesWayAndTheWordsStay() {
    const qint64 chat = newChat(*m_store, QStringLiteral("a very long title that does not fit into the list at all")).id;
    m_list->model().reload();
    m_list->remove(chat);
    QVERIFY2(bar().startsWith(QStringLiteral("Deleted “a ve")) && bar().endsWith(QStringLiteral("…”")), qPrintable(bar()));
    const auto* label = m_list->findChild<QLabel*>(QStringLiteral("undoText"));
    QVERIFY(label->fontMetrics().horizontalAdvance(bar()) <= label->width() + 1);
    m_list->resize(700, 600);
    QVERIFY2(bar().contains(QStringLiteral("at all”")), qPrintable(bar()));
  }

  void enterOpensTheFirstThatWasFound() {
    auto* search = m_list->findChild<QLineEdit*>(QStringLiteral("chatSearch"));
    QSignalSpy chosen(m_list.get(), &ConversationList::chosen), done(m_list.get(), &ConversationList::done);
    const QModelIndex wanted = m_list->model().index(2);
    const qint64 id = wanted.data(ConversationListModel::IdRole).toLongLong();
    search->setText(wanted.data(Qt::EditRole).toString());
    QTest::keyClick(search, Qt::Key_Return);  // before the words are searched for
    QTRY_COMPARE(done.size(), 1);
    QCOMPARE(chosen.last().at(0).toLongLong(), id);
    search->clear();
    QTRY_VERIFY(m_list->model().rowCount() > 1);
    search->setFocus();
    QTest::keyClick(search, Qt::Key_Down);
    QVERIFY(m_list->view()->hasFocus());
  }

  // The deletion waits for room on the disk, and so does the undo; both count.
  void aDeletionThatIsNotSavedYetCanBeTakenBack() {
    m_store->setPageLimit(1);
    addMessage(*m_store, 1, 0, MessageRole::User, QString(300'000, u'x'));
    QTRY_VERIFY_WITH_TIMEOUT(m_store->isFailing(), 5000);
    m_list->remove(2);
    undo()->click();
    QCOMPARE(titles().size(), 4);
    m_store->setPageLimit(0);
    QTRY_VERIFY_WITH_TIMEOUT(!m_store->isFailing() && m_store->flush(100), 10'000);
    QVERIFY(m_store->bin().empty());
    QCOMPARE(m_store->conversations({}, 100, 0).size(), std::size_t(4));
  }

  void whereNothingCanBeSavedNothingIsRenamedOrDeleted() {
    const QString path = m_store->path();
    cleanup();
    const test::NoRoom noRoom;
    m_store = openStore(path);
    QVERIFY(m_store && m_store->isReadOnly());
    m_list = std::make_unique<ConversationList>(*m_store);
    m_list->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_list.get()));
    m_list->select(3);
    m_list->view()->setFocus();
    QTest::keyClick(m_list->view(), Qt::Key_Delete);
    QCOMPARE(titles().size(), 4);
    QTest::keyClick(m_list->view(), Qt::Key_F2);
    QVERIFY(m_list->view()->findChildren<QLineEdit*>().isEmpty());
  }

  void lettersDoNotJumpToAnotherChat() {
    m_list->select(4);
    m_list->view()->setFocus();
    QSignalSpy chosen(m_list.get(), &ConversationList::chosen);
    QTest::keyClicks(m_list->view(), QStringLiteral("Ra"));
    QCOMPARE(m_list->view()->currentIndex().data(ConversationListModel::IdRole).toLongLong(), 4);
    QCOMPARE(chosen.size(), 0);
  }

  void aReaderHearsTheTime() {
    const QModelIndex first = m_list->model().index(0);
    const QString spoken = first.data(Qt::AccessibleTextRole).toString();
    const QString time = QLocale().toString(first.data(ConversationListModel::UpdatedRole).toDateTime(), QLocale::ShortFormat);
    QCOMPARE(spoken, QString(u"<b>Four</b>, " + time));
    QVERIFY(!Qt::mightBeRichText(first.data(Qt::ToolTipRole).toString()));
  }

 private:
  QPushButton* undo() { return m_list->findChild<QPushButton*>(QStringLiteral("undoDelete")); }
  QString bar() {
    const QString count = m_list->findChild<QLabel*>(QStringLiteral("undoCount"))->text(), text = m_list->findChild<QLabel*>(QStringLiteral("undoText"))->text();
    return count.isEmpty() ? text : text + u'|' + count;
  }
  QStringList titles() {
    QStringList found;
    for (int row = 0; row < m_list->model().rowCount(); ++row) found << m_list->model().index(row).data(Qt::EditRole).toString();
    return found;
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  std::unique_ptr<ChatStore> m_store;
  std::unique_ptr<ConversationList> m_list;
};

QTEST_MAIN(ChatListTest)
#include "chat_list_test.moc"
