// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QFile>
#include <QString>
#include <QStringList>
#include <QTranslator>
#include <QWidget>

#include "rookery/bench.h"
#include "storage/chat_store.h"
#include "support/dialogs.h"

namespace rookery::app::test {

/// Answers every dialog beforehand and remembers what was asked.
class PreparedDialogs : public Dialogs {
 public:
  PreparedDialogs() { replace(this); }
  ~PreparedDialogs() override { replace(nullptr); }
  QString openFile(QWidget*, const QString&, const QString&, const QString& kinds) override {
    filter = kinds;
    return answer;
  }
  QString saveFile(QWidget*, const QString&, const QString& path, const QString&) override {
    suggested = path;
    return answer;
  }
  QString chooseFolder(QWidget*, const QString&, const QString&) override { return answer; }
  bool confirm(QWidget*, const QString&, const QString& text, const QString&) override {
    confirmed << text;
    return agrees;
  }
  int choose(QWidget*, const QString&, const QString& text, const QStringList&) override {
    asked << text;
    return choices.isEmpty() ? -1 : choices.takeFirst();
  }
  void tell(QWidget*, const QString&, const QString& text) override { told << text; }
  void openUrl(const QString& path) override { opened << path; }

  QString answer, suggested, filter;
  QStringList opened, asked, told, confirmed;
  bool agrees = true;  ///< to confirm()
  QList<int> choices;  ///< for choose(), one after the other
};

/// A report made by hand: the numbers are invented, round and easy to recognise, and were measured nowhere.
inline engine::BenchReport handMadeReport() {
  engine::BenchReport r;
  r.model = "hand-made";
  r.weights = "synthetic";
  r.precision = "fp16";
  r.strategy = "cpu";
  r.mode = "exact";
  r.parameters = 1'000'000;
  r.bytesPerToken = 2'000'000;
  const auto add = [&r](const char* test, std::vector<double> samples, double median, double mad) {
    engine::BenchSeries s;
    s.test = test;
    s.unit = "tokens/s";
    s.samples = std::move(samples);
    s.median = median;
    s.mad = mad;
    s.min = *std::min_element(s.samples.begin(), s.samples.end());
    s.max = *std::max_element(s.samples.begin(), s.samples.end());
    r.series.push_back(s);
  };
  add("pp512", {990, 1000, 1010}, 1000, 10);
  add("tg128", {49, 50, 51, 50}, 50, 0.5);
  add("tg128-chat", {39, 40, 41}, 40, 1);
  r.bandwidthGBs = 10;
  r.percentOfBandwidth = 80;
  double cumulative = 0;
  const auto part = [&](const char* component, std::uint64_t bytes) {
    cumulative += static_cast<double>(bytes) / 1e6;
    r.planned.push_back({component, bytes, cumulative, static_cast<double>(bytes) / 1e6});
    r.measured.push_back({"cpu", component, "weights", bytes});
  };
  part("embedding", 3'000'000);
  part("ln0", 1'000);
  part("block0", 5'000'000);
  part("block1", 5'000'000);
  part("ln_out", 1'000);
  part("head", 3'000'000);
  r.measured.push_back({"cpu", "state", "state", 200'000});
  r.residentBytes = 40'000'000;
  r.greedyTokens = {1, 2, 3};
  r.environment.cpu = "Invented CPU";
  r.environment.isa = "scalar";
  r.environment.os = "Invented OS";
  r.environment.date = "2026-11-20T10:00:00Z";
  r.environment.threads = 2;
  r.environment.physicalCores = 4;
  return r;
}

/// A chat with a title, committed. Returns its id.
inline qint64 addChat(ChatStore& store, const QString& title) {
  ConversationRecord chat;
  chat.id = store.newConversationId();
  chat.uuid = title;
  chat.title = title;
  chat.created = chat.updated = QDateTime::currentDateTime();
  store.putConversation(chat);
  store.flush(5000);
  return chat.id;
}

/// A vocabulary of the 256 single bytes, ids 1 to 256.
inline QString byteVocabulary(const QString& folder) {
  const QString path = folder + QStringLiteral("/vocabulary.txt");
  QFile file(path);
  if (!file.open(QIODevice::WriteOnly)) qFatal("no vocabulary");
  for (int byte = 0; byte < 256; ++byte) file.write(QStringLiteral("%1 b'\\x%2' 1\n").arg(byte + 1).arg(byte, 2, 16, QLatin1Char('0')).toLatin1());
  return path;
}

/// Longer text with marks, to find what clips and what was never given to tr().
class PseudoLocale : public QTranslator {
 public:
  bool isEmpty() const override { return false; }
  QString translate(const char* /*context*/, const char* source, const char* /*comment*/, int n) const override {
    QString text = QString::fromUtf8(source);
    if (n >= 0) text.replace(QStringLiteral("%n"), QString::number(n));
    return QStringLiteral("[") + text + QString(text.size() * 3 / 10, u'~') + QStringLiteral("]");
  }
};

}  // namespace rookery::app::test
