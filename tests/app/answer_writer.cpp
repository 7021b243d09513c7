// SPDX-License-Identifier: GPL-3.0-or-later
// The victim of the kill test: DATABASE LOG TOKENS [SNAPSHOT_MS]. Starts an answer of that many tokens with a fixed seed
// and no stop rules, or goes on with the one that the database holds. LOG gets a line
// "<monotonic ns> <tokens so far> <characters so far>" per batch, written on the engine thread at the moment they exist.
// SNAPSHOT_MS: between two snapshots inside the answer; without it the app's own interval.
#include <QCoreApplication>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "chat/conversation.h"

using namespace rookery;
using namespace rookery::app;

namespace {

long long monotonicNs() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

void logCount(int file, std::size_t tokens, qsizetype characters) {
  char line[96];
  const int size = std::snprintf(line, sizeof line, "%lld %zu %lld\n", monotonicNs(), tokens, static_cast<long long>(characters));
  if (write(file, line, static_cast<std::size_t>(size)) != size) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  QCoreApplication application(argc, argv);
  if (argc != 4 && argc != 5) return 2;
  auto store = ChatStore::open(QString::fromLocal8Bit(argv[1]));
  if (!store) return 3;
  const int log = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
  InferenceService service;
  if (argc == 5) service.setSnapshotInterval(std::chrono::milliseconds(std::atoi(argv[4])));
  const auto chats = (*store)->conversations({}, 1, 0);
  Conversation chat(**store, service, chats.empty() ? StoredChat{} : (*store)->chat(chats.front().id).value());
  engine::SamplerSettings sampling;
  sampling.temperature = 1;
  sampling.topP = 1;
  chat.setSampling(sampling);
  chat.setSeed(20260101);
  chat.setGenerateLimits(std::atoi(argv[3]), false);

  std::size_t tokens = 0;
  qsizetype characters = 0;
  QObject::connect(&service, &InferenceService::answerBatch, &service, [&](quint64, const AnswerBatch& batch) {
    tokens += batch.tokens.size();
    characters += batch.text.size();
    logCount(log, tokens, characters);
  }, Qt::DirectConnection);
  QObject::connect(&service, &InferenceService::modelLoaded, &chat, [&] {
    logCount(log, 0, 0);
    const int rows = chat.transcript().rowCount();
    const bool started = rows == 0 ? chat.send(QStringLiteral("Tell me everything about RWKV.")) : chat.continueAnswer(chat.transcript().leaf());
    if (!started) QCoreApplication::exit(4);
  });
  QObject::connect(&service, &InferenceService::loadFailed, &chat, [] { QCoreApplication::exit(5); });
  QObject::connect(&chat, &Conversation::failed, &chat, [] { QCoreApplication::exit(6); });
  QObject::connect(&chat, &Conversation::stateChanged, &chat, [&] {
    if (!chat.isBusy()) QCoreApplication::exit(0);
  });
  ModelRequest request;
  request.options.threads = 1;
  service.load(request);
  return QCoreApplication::exec();
}
