// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/token_counter.h"

#include <QMetaObject>
#include <limits>
#include <utility>

#include "inference/engine_text.h"

namespace rookery::app {
namespace {

constexpr qsizetype kPart = 200'000;  // characters: some ten milliseconds, after which it can be stopped

/// nullopt: stopped.
std::optional<int> tokensOf(const QString& text, const engine::Tokenizer& tokenizer, const std::atomic<bool>& stop) {
  std::size_t count = 0;
  for (qsizetype begin = 0; begin < text.size();) {
    if (stop) return std::nullopt;
    qsizetype end = std::min(text.size(), begin + kPart);
    if (end < text.size()) {
      const qsizetype newline = text.lastIndexOf(u'\n', end - 1);
      if (newline > begin) end = newline + 1;
      else if (text[end - 1].isHighSurrogate()) --end;
    }
    count += tokenizer.encode(toUtf8(text.sliced(begin, end - begin))).size();
    begin = end;
  }
  return static_cast<int>(std::min<std::size_t>(count, std::numeric_limits<int>::max()));
}

}  // namespace

TokenCounter::TokenCounter(QObject* parent) : QObject(parent) { m_pool.setMaxThreadCount(1); }

TokenCounter::~TokenCounter() {
  *m_stop = true;
  m_pool.waitForDone();
}

void TokenCounter::setTokenizer(std::shared_ptr<const engine::Tokenizer> tokenizer) {
  *m_stop = true;
  m_stop = std::make_shared<std::atomic<bool>>(false);
  m_tokenizer = std::move(tokenizer);
}

void TokenCounter::count(const QString& text, std::function<void(int)> counted) {
  if (!m_tokenizer) return;
  m_pool.start([this, text, counted = std::move(counted), tokenizer = m_tokenizer, stop = m_stop] {
    const std::optional<int> count = tokensOf(text, *tokenizer, *stop);
    if (!count) return;
    QMetaObject::invokeMethod(this, [counted, stop, count = *count] {
      if (!*stop) counted(count);
    }, Qt::QueuedConnection);
  });
}

}  // namespace rookery::app
