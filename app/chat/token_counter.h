// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <functional>
#include <memory>

#include "rookery/tokenizer.h"

namespace rookery::app {

/// Counts the tokens of texts of any length on a thread of its own, one after the other. GUI thread.
class TokenCounter : public QObject {
  Q_OBJECT

 public:
  explicit TokenCounter(QObject* parent = nullptr);
  ~TokenCounter() override;

  /// Drops what is being counted.
  void setTokenizer(std::shared_ptr<const engine::Tokenizer> tokenizer);
  const std::shared_ptr<const engine::Tokenizer>& tokenizer() const noexcept { return m_tokenizer; }
  /// `counted` is called on this thread, unless the tokenizer changes before. A very long text is counted in parts that
  /// end with lines, so that it can be given up; a token over such a line break counts twice.
  void count(const QString& text, std::function<void(int)> counted);

 private:
  using Stop = std::shared_ptr<std::atomic<bool>>;
  QThreadPool m_pool;
  std::shared_ptr<const engine::Tokenizer> m_tokenizer;
  Stop m_stop = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace rookery::app
