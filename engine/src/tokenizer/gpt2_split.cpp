// SPDX-License-Identifier: GPL-3.0-or-later
#include "tokenizer/gpt2_split.h"

#include "tokenizer/unicode_text.h"

namespace rookery::engine {
namespace {

/// Where the run of characters of one class that starts at `at` ends.
constexpr std::size_t kPollEvery = 4096;  // characters

std::size_t runEnd(std::string_view text, std::size_t at, CharClass kind, const std::stop_token& stop) noexcept {
  for (std::size_t count = 1; at < text.size(); ++count) {
    if (count % kPollEvery == 0 && stop.stop_requested()) break;
    const CharStep step = charStep(text.substr(at));
    if (step.kind != kind) break;
    at += step.length;
  }
  return at;
}

}  // namespace

std::size_t gpt2PieceLength(std::string_view text, const std::stop_token& stop) noexcept {
  for (const std::string_view contraction : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(contraction)) return contraction.size();

  const CharStep first = charStep(text);
  if (first.kind != CharClass::Space) return runEnd(text, first.length, first.kind, stop);
  if (text.front() == ' ' && text.size() > 1) {
    const CharStep next = charStep(text.substr(1));
    if (next.kind != CharClass::Space) return runEnd(text, 1 + next.length, next.kind, stop);
  }
  // White space: all of it at the end of the text, else all but the last character, but at least one.
  std::size_t end = 0, last = 0;
  for (std::size_t count = 1; end < text.size(); ++count) {
    if (count % kPollEvery == 0 && stop.stop_requested()) break;
    const CharStep step = charStep(text.substr(end));
    if (step.kind != CharClass::Space) return last > 0 ? last : end;
    last = end;
    end += step.length;
  }
  return end;
}

}  // namespace rookery::engine
