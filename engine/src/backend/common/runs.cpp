// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/runs.h"

#include <fmt/format.h>

#include "kernels/packed_format.h"

namespace rookery::engine {

std::size_t longestRun(const ModelShape& shape) noexcept {
  const std::int64_t work = std::int64_t{shape.nEmbd} * shape.dimFfn;
  return work <= std::int64_t{2048} * 8192 ? 256 : work <= std::int64_t{2560} * 10240 ? 128 : 64;
}

std::int64_t paddedWidth(std::int64_t width) noexcept {
  return (width + kernels::kTileRows - 1) / kernels::kTileRows * kernels::kTileRows;
}

Result<void> checkRun(const Program& program, std::size_t maxTokens, const RunArgs& args) {
  const auto vocab = static_cast<std::size_t>(program.shape.vocab);
  const std::size_t row = args.tokens.size() * static_cast<std::size_t>(program.shape.nEmbd);
  if (args.tokens.empty() || args.tokens.size() > maxTokens || args.stateIn == nullptr || args.stateOut == nullptr ||
      args.stateIn == args.stateOut || args.logits.size() != args.logitRows.size() * vocab ||
      (!program.range.head && !args.logitRows.empty()) || args.valuesIn.size() != program.valuesIn.size() * row ||
      args.valuesOut.size() != program.valuesOut.size() * row)
    return fail(ErrorCode::InvalidArgument, "A run was asked for with arguments outside its contract.");
  for (const TokenId token : args.tokens)
    if (token >= vocab)
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("Token {} is outside the model's vocabulary of {}.", token, vocab));
  return {};
}

}  // namespace rookery::engine
