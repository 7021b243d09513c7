// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>

#include "inference/inference_service.h"

namespace rookery::app {

/// Gathers the pieces of an answer so that the GUI thread gets at most one event per 16 ms, however fast the model is:
/// one event per token drowned the window at some thousand tokens a second. A piece that comes later than that after
/// the last batch goes out at once.
class AnswerBatcher {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{16};

  explicit AnswerBatcher(std::function<void(const AnswerBatch&)> send) : m_send(std::move(send)) {}

  void push(engine::TokenId token, std::string_view text) {
    m_batch.tokens.push_back(token);
    m_text += text;
    if (m_count++ == 0) m_first = Clock::now();  // what came before it, a journal say, is no part of the speed
    if (Clock::now() - m_lastSent >= kInterval) flush();
  }

  void flush() {
    if (m_batch.tokens.empty() && m_text.empty()) return;
    m_batch.text = QString::fromUtf8(m_text.data(), static_cast<qsizetype>(m_text.size()));
    const double seconds = std::chrono::duration<double>(Clock::now() - m_first).count();
    m_batch.tokensPerSecond = m_count > 1 && seconds > 0 ? static_cast<double>(m_count - 1) / seconds : 0;
    m_send(m_batch);
    m_batch = {};
    m_text.clear();
    m_lastSent = Clock::now();
  }

 private:
  std::function<void(const AnswerBatch&)> m_send;
  AnswerBatch m_batch;
  std::string m_text;
  std::size_t m_count = 0;
  Clock::time_point m_first{}, m_lastSent{};
};

}  // namespace rookery::app
