// SPDX-License-Identifier: GPL-3.0-or-later
// What the app writes for itself is its user's alone, whatever folder it lies in; what somebody made stays as they made it.
#include <QDir>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QTemporaryDir>
#include <QTest>
#include <sys/stat.h>

#include "store_support.h"
#include "support/log.h"
#include "support/paths.h"

using namespace rookery::app;
using namespace rookery::app::test;

namespace {

unsigned modeOf(const QString& path) {
  struct stat status{};
  return ::stat(QFile::encodeName(path).constData(), &status) == 0 ? status.st_mode & 07777U : 0;
}

QStringList linesOf(const QString& path) {
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return {};
  return QString::fromUtf8(file.readAll()).split(u'\n', Qt::SkipEmptyParts);
}

}  // namespace

class PrivateFilesTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_before = ::umask(022);
    m_dir = std::make_unique<QTemporaryDir>();
  }
  void cleanup() { ::umask(m_before); }

  void foldersAreMadeForTheUserAlone() {
    const Paths paths = Paths::inside(m_dir->filePath(QStringLiteral("new/set up")));
    QVERIFY(paths.create());
    for (const QString& folder : {paths.config, paths.data, paths.state, paths.cache}) QCOMPARE(modeOf(folder), 0700U);
    QCOMPARE(modeOf(m_dir->filePath(QStringLiteral("new"))), 0755U);
    QVERIFY(paths.create());
  }

  void foldersThatAreThereKeepTheirRights() {
    const Paths paths = Paths::inside(m_dir->path());
    QVERIFY(QDir().mkpath(paths.data));
    QCOMPARE(::chmod(QFile::encodeName(paths.data).constData(), 02775), 0);
    const QString elsewhere = m_dir->filePath(QStringLiteral("elsewhere"));
    QVERIFY(QDir().mkpath(elsewhere));
    QCOMPARE(::chmod(QFile::encodeName(elsewhere).constData(), 0755), 0);
    QVERIFY(QFile::link(elsewhere, paths.cache));
    QVERIFY(paths.create());
    QCOMPARE(modeOf(paths.data), 02775U);
    QCOMPARE(modeOf(elsewhere), 0755U);
    QCOMPARE(modeOf(paths.config), 0700U);
  }

  void aFolderThatCannotBeMadeIsNamed() {
    const Paths paths = Paths::inside(m_dir->path());
    QFile file(paths.data);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QString failed;
    QVERIFY(!paths.create(&failed));
    QCOMPARE(failed, paths.data);
    QVERIFY(QFileInfo(paths.cache).isDir());
  }

  void chatsAndTheirIndexAreTheUsersAlone() {
    const QString path = m_dir->filePath(QStringLiteral("chats.sqlite"));
    auto store = openStore(path);
    QVERIFY(store);
    newChat(*store, QStringLiteral("Bridges"));
    QVERIFY(store->flush(5000));
    const QStringList files = QDir(m_dir->path()).entryList({QStringLiteral("chats.sqlite*")}, QDir::Files);
    QVERIFY2(files.contains(QStringLiteral("chats.sqlite-wal")), qPrintable(files.join(u' ')));
    for (const QString& file : files) {
      if (!file.endsWith(QStringLiteral(".lock"))) QVERIFY2(modeOf(m_dir->filePath(file)) == 0600U, qPrintable(file));
    }
  }

  void theLogIsOursAndTheUsersAlone() {
    const QString path = m_dir->filePath(QStringLiteral("rookery.log"));
    startLog(path);
    const QLoggingCategory fonts("qt.text.font.db"), own("rookery.test");
    for (int i = 0; i < 3000; ++i) qCWarning(fonts, "OpenType support missing for \"Font\", script %d", i % 90);
    for (int i = 0; i < 40; ++i) qCWarning(own, "A memory of chat %d cannot be used", i);
    for (int i = 0; i < 40; ++i) qCWarning(own, "The same once more");
    for (int i = 0; i < 20; ++i) qCritical("Something is broken");
    qCWarning(fonts, "Another warning");
    qInstallMessageHandler(nullptr);
    QCOMPARE(modeOf(path), 0600U);
    const QStringList lines = linesOf(path);
    const QStringList fontLines = lines.filter(QStringLiteral("OpenType"));
    QCOMPARE(fontLines.size(), 5 + 3);  // the 10th, 100th and 1,000th
    QVERIFY2(fontLines.last().contains(QStringLiteral("1000")), qPrintable(fontLines.last()));
    QCOMPARE(lines.filter(QStringLiteral("A memory of chat")).size(), 40);
    QCOMPARE(lines.filter(QStringLiteral("The same once more")).size(), 5 + 1);
    QCOMPARE(lines.filter(QStringLiteral("Something is broken")).size(), 20);
    QCOMPARE(lines.filter(QStringLiteral("Another warning")).size(), 1);
  }

 private:
  mode_t m_before = 0;
  std::unique_ptr<QTemporaryDir> m_dir;
};

QTEST_GUILESS_MAIN(PrivateFilesTest)
#include "private_files_test.moc"
