// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "tokenizer/vocabulary.h"

namespace rookery::engine {
namespace {

/// Rows that stand for no token where a table was padded to a multiple of a power of two, of at most 128; a few are let
/// pass in any table.
std::size_t paddingOf(std::size_t rows) {
  constexpr std::size_t kFew = 16, kMost = 128;
  return std::clamp(std::size_t{1} << static_cast<unsigned>(std::countr_zero(rows)), kFew, kMost) - 1;
}

/// A World vocabulary that ends early lacks too little to be seen from its size alone.
bool isCutWorld(const Tokenizer& tokenizer) {
  const auto world = Tokenizer::world();
  if (!world || tokenizer.size() >= (*world)->size() || !tokenizer.isLongestMatch()) return false;
  for (TokenId id = 1; id < tokenizer.size(); ++id)
    if (tokenizer.bytesOf(id) != (*world)->bytesOf(id)) return false;
  return true;
}

}  // namespace

Result<void> checkFit(const Tokenizer& tokenizer, int rows, const std::string& what) {
  constexpr int kWorldRows = 65536;
  const auto all = static_cast<std::size_t>(rows);
  if (tokenizer.size() > all)
    return fail(ErrorCode::VocabularyMismatch, fmt::format("{} has {} tokens, the model only {}: it belongs to another model.", what, tokenizer.size(), rows));
  std::size_t known = 0;
  for (TokenId id = 0; id < tokenizer.size(); ++id) known += tokenizer.contains(id) ? 1 : 0;
  if (all - known > paddingOf(all))
    return fail(ErrorCode::VocabularyMismatch,
                fmt::format("{} has {} tokens, the model {}: it belongs to another model, or is not complete.", what, known, rows));
  if (rows == kWorldRows && isCutWorld(tokenizer))
    return fail(ErrorCode::VocabularyMismatch, fmt::format("{} is the World vocabulary without its last tokens: it ends after {}.", what, known - 1));
  return {};
}

}  // namespace rookery::engine
