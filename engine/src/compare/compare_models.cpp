// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/compare.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "rookery/session.h"
#include "session/usable_logits.h"

namespace rookery::engine {

namespace {

constexpr std::size_t kChunk = 64;  // logits of 64 positions are 17 MB with the World vocabulary

/// ln of the sum of e^x, without overflow.
double logSum(std::span<const float> x) {
  const float most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const float value : x) sum += std::exp(static_cast<double>(value) - static_cast<double>(most));
  return static_cast<double>(most) + std::log(sum);
}

std::size_t best(std::span<const float> x) { return static_cast<std::size_t>(std::max_element(x.begin(), x.end()) - x.begin()); }

double relativeRms(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], d = x - static_cast<double>(b[i]);
    difference += d * d;
    size += x * x;
  }
  return size > 0 ? std::sqrt(difference / size) : 0;
}

class Tally {
 public:
  void add(std::span<const float> a, std::span<const float> b, TokenId next) {
    const double sumA = logSum(a), sumB = logSum(b);
    m_lossA += sumA - static_cast<double>(a[next]);
    m_lossB += sumB - static_cast<double>(b[next]);
    double kl = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double logA = static_cast<double>(a[i]) - sumA;
      kl += std::exp(logA) * (logA - (static_cast<double>(b[i]) - sumB));
    }
    m_kl.push_back(std::max(kl, 0.0));  // rounding may leave a little below zero
    m_agreed += best(a) == best(b) ? 1 : 0;
  }

  void finish(Comparison& out) {
    const auto n = static_cast<double>(m_kl.size());
    out.tokens = m_kl.size();
    out.perplexityA = std::exp(m_lossA / n);
    out.perplexityB = std::exp(m_lossB / n);
    out.klMean = std::accumulate(m_kl.begin(), m_kl.end(), 0.0) / n;
    std::sort(m_kl.begin(), m_kl.end());
    out.kl999 = m_kl[static_cast<std::size_t>(std::ceil(0.999 * n)) - 1];
    out.top1 = static_cast<double>(m_agreed) / n;
  }

 private:
  double m_lossA = 0, m_lossB = 0;
  std::vector<double> m_kl;
  std::size_t m_agreed = 0;
};

}  // namespace

Result<Comparison> compareModels(const std::shared_ptr<const Model>& a, const std::shared_ptr<const Model>& b,
                                 std::span<const TokenId> tokens, std::stop_token stop,
                                 const std::function<void(std::size_t)>& progress) {
  if (a->info().shape.vocab != b->info().shape.vocab)
    return fail(ErrorCode::InvalidArgument, "The two models have vocabularies of different sizes, so their predictions cannot be compared.");
  if (tokens.size() < 2) return fail(ErrorCode::InvalidArgument, "The text is too short: at least two tokens are needed.");
  const auto vocab = static_cast<std::size_t>(a->info().shape.vocab);
  Session first(a), second(b);
  Comparison result;
  Tally tally;
  constexpr std::size_t kMarks[] = {512, 2048, 8192};

  // What is read is end-of-text and all tokens but the last; what is predicted are the tokens.
  std::vector<TokenId> read{kEndOfText};
  read.insert(read.end(), tokens.begin(), tokens.end() - 1);
  std::vector<std::size_t> positions(kChunk);
  std::iota(positions.begin(), positions.end(), 0);
  for (std::size_t at = 0; at < read.size(); at += kChunk) {
    const std::size_t count = std::min(kChunk, read.size() - at);
    const auto chunk = std::span(read).subspan(at, count);
    const auto rows = std::span(positions).first(count);
    const auto logitsA = first.evaluate(chunk, rows, 0, stop);
    if (!logitsA) return tl::unexpected(logitsA.error());
    const auto logitsB = second.evaluate(chunk, rows, 0, stop);
    if (!logitsB) return tl::unexpected(logitsB.error());
    for (std::size_t i = 0; i < count; ++i) {
      const auto rowA = std::span(*logitsA).subspan(i * vocab, vocab), rowB = std::span(*logitsB).subspan(i * vocab, vocab);
      if (auto usable = usableLogits(rowA, at + i); !usable) return tl::unexpected(usable.error());
      if (auto usable = usableLogits(rowB, at + i); !usable) return tl::unexpected(usable.error());
      tally.add(rowA, rowB, tokens[at + i]);
    }
    const std::size_t done = at + count;  // marks are whole chunks
    if (std::find(std::begin(kMarks), std::end(kMarks), done) != std::end(kMarks) || done == read.size()) {
      const auto stateA = first.snapshot();
      if (!stateA) return tl::unexpected(stateA.error());
      const auto stateB = second.snapshot();
      if (!stateB) return tl::unexpected(stateB.error());
      result.drift.push_back({done, relativeRms(stateA->state.data(), stateB->state.data())});
    }
    if (progress) progress(done);
  }
  tally.finish(result);
  return result;
}

}  // namespace rookery::engine
