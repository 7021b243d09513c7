// SPDX-License-Identifier: GPL-3.0-or-later
// SIGKILL at uniformly random moments of a long answer: the database opens, at most 250 ms of tokens and text are
// missing, and the continued answer is the unbroken one, token for token and letter for letter. Every other victim takes
// snapshots inside the answer; the others keep the app's own interval, so all their tokens are decoded again.
#include <QFile>
#include <QProcess>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <ctime>
#include <mutex>

#include "storage/chat_store.h"

using namespace rookery;
using namespace rookery::app;

namespace {

constexpr int kTokens = 6000, kKills = 20, kLanes = 2;  // a second or more of writing on a fast machine
constexpr int kSnapshotMs = 150;  // several in an answer
constexpr qint64 kPromiseNs = 250'000'000;
constexpr int kChildTimeout = 120'000;

qint64 monotonicNs() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

struct LogLine {
  qint64 ns = 0;
  std::size_t tokens = 0;
  qsizetype characters = 0;
};

std::vector<LogLine> readLog(const QString& path) {
  std::vector<LogLine> lines;
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return lines;
  const auto rows = file.readAll().split('\n');
  for (const QByteArray& row : rows) {
    const auto parts = row.split(' ');
    if (parts.size() == 3) lines.push_back({parts[0].toLongLong(), static_cast<std::size_t>(parts[1].toLongLong()), parts[2].toLongLong()});
  }
  return lines;
}

std::unique_ptr<QProcess> startWriter(const QString& database, const QString& log, bool ownSnapshots) {
  auto process = std::make_unique<QProcess>();
  process->setProcessChannelMode(QProcess::ForwardedChannels);
  QStringList arguments{database, log, QString::number(kTokens)};
  if (ownSnapshots) arguments << QString::number(kSnapshotMs);
  process->start(QStringLiteral(ROOKERY_BIN_DIR "/rookery_answer_writer"), arguments);
  return process;
}

bool runToEnd(const QString& database, const QString& log, bool ownSnapshots) {
  const auto process = startWriter(database, log, ownSnapshots);
  return process->waitForFinished(kChildTimeout) && process->exitStatus() == QProcess::NormalExit && process->exitCode() == 0;
}

std::optional<MessageRecord> answerIn(const QString& database) {
  auto store = ChatStore::open(database);
  if (!store || !(*store)->damagedCopy().isEmpty()) return std::nullopt;
  const auto chats = (*store)->conversations({}, 2, 0);
  if (chats.empty()) return MessageRecord{};  // role User: no answer yet
  return (*store)->message((*store)->chat(chats[0].id)->record.activeLeaf);
}

struct Outcome {
  QString problem;
  double killedAfter = 0, lostMs = 0;
  std::size_t saved = 0;
};

/// One kill and what became of it. An empty optional: at that moment the answer was over, or not begun.
std::optional<Outcome> killOnce(const QString& folder, qint64 momentNs, bool ownSnapshots, const MessageRecord& whole) {
  const QString database = folder + u"/chats.sqlite", log = folder + u"/log";
  Outcome outcome;
  const auto process = startWriter(database, log, ownSnapshots);
  std::vector<LogLine> lines;
  const qint64 deadline = monotonicNs() + kChildTimeout * 1'000'000LL;
  while ((lines = readLog(log)).empty() && monotonicNs() < deadline) QThread::msleep(2);
  if (lines.empty()) return Outcome{QStringLiteral("the child did not start")};
  const qint64 start = lines.front().ns;
  while (monotonicNs() - start < momentNs) QThread::usleep(500);
  const qint64 killed = monotonicNs();
  process->kill();
  process->waitForFinished();
  if (process->exitStatus() == QProcess::NormalExit) return std::nullopt;
  outcome.killedAfter = static_cast<double>(killed - start) * 1e-9;

  LogLine due;  // what existed 250 ms before the kill
  lines = readLog(log);
  for (const LogLine& line : lines) {
    if (line.ns <= killed - kPromiseNs) due = line;
  }
  const auto cut = answerIn(database);
  if (!cut) return Outcome{QStringLiteral("the database does not open")};
  if (cut->role != MessageRole::Assistant) {  // killed in the first milliseconds, before there was an answer to lose
    return due.tokens == 0 ? std::nullopt : std::optional(Outcome{QStringLiteral("the answer's row is missing")});
  }
  outcome.saved = cut->tokens.size();
  for (const LogLine& line : lines) {
    if (line.tokens > outcome.saved) {
      outcome.lostMs = static_cast<double>(killed - line.ns) * 1e-6;
      break;
    }
  }
  if (outcome.saved < due.tokens) outcome.problem = QStringLiteral("%1 tokens saved, %2 were due").arg(outcome.saved).arg(due.tokens);
  if (cut->text.size() < due.characters) outcome.problem = QStringLiteral("%1 characters saved, %2 were due").arg(cut->text.size()).arg(due.characters);
  if (outcome.saved > whole.tokens.size() || !std::equal(cut->tokens.begin(), cut->tokens.end(), whole.tokens.begin()))
    outcome.problem = QStringLiteral("saved tokens differ");
  if (!whole.text.startsWith(cut->text)) outcome.problem = QStringLiteral("saved text differs");
  if (!outcome.problem.isEmpty()) return outcome;
  if (!runToEnd(database, log, ownSnapshots)) return Outcome{QStringLiteral("the answer could not be continued")};
  const auto continued = answerIn(database);
  if (!continued || continued->id != cut->id || continued->tokens != whole.tokens) outcome.problem = QStringLiteral("the continued answer differs");
  else if (continued->text != whole.text) outcome.problem = QStringLiteral("the continued answer's text differs");
  return outcome;
}

}  // namespace

class KillTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void nothingIsLostByAKill() {
    QTemporaryDir dir;
    const QString whole = dir.filePath(QStringLiteral("whole.sqlite")), log = dir.filePath(QStringLiteral("whole.log"));
    QVERIFY(runToEnd(whole, log, true));
    const auto reference = answerIn(whole);
    QVERIFY(reference);
    QCOMPARE(reference->tokens.size(), std::size_t(kTokens));
    const auto lines = readLog(log);
    const qint64 duration = lines.back().ns - lines.front().ns;

    std::mutex mutex;
    std::vector<Outcome> outcomes;
    int attempts = 0, folders = 0;
    const auto lane = [&] {
      while (true) {
        QString folder;
        bool ownSnapshots = false;
        {
          const std::lock_guard lock(mutex);
          if (attempts >= kKills) return;
          folder = dir.filePath(QStringLiteral("kill%1").arg(folders++));
          ownSnapshots = attempts++ % 2 == 0;
        }
        QDir().mkpath(folder);
        const auto moment = static_cast<qint64>(QRandomGenerator::global()->generateDouble() * static_cast<double>(duration));
        const auto outcome = killOnce(folder, moment, ownSnapshots, *reference);
        const std::lock_guard lock(mutex);
        if (outcome) outcomes.push_back(*outcome);
        else --attempts;  // another moment is drawn
      }
    };
    std::vector<std::unique_ptr<QThread>> lanes;
    for (int i = 0; i < kLanes; ++i) lanes.emplace_back(QThread::create(lane))->start();
    for (auto& thread : lanes) thread->wait();

    QCOMPARE(outcomes.size(), std::size_t(kKills));
    for (const Outcome& outcome : outcomes) {
      qInfo("killed after %.2f s: %zu of %d tokens saved, %.0f ms lost", outcome.killedAfter, outcome.saved, kTokens, outcome.lostMs);
    }
    for (const Outcome& outcome : outcomes) QVERIFY2(outcome.problem.isEmpty(), qPrintable(outcome.problem));
  }
};

QTEST_GUILESS_MAIN(KillTest)
#include "kill_test.moc"
