// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "rookery/model.h"

namespace rookery::engine {

Result<void> Model::canChat(const ModelFile& file, const ModelInfo& info, const std::filesystem::path& vocabulary) {
  const auto tokenizer = Tokenizer::forModel(file, info, vocabulary);
  if (!tokenizer) return tl::unexpected(tokenizer.error());
  const auto rows = static_cast<std::size_t>(info.shape.vocab);
  if ((*tokenizer)->size() > rows)
    return fail(ErrorCode::TensorMismatch, fmt::format("The vocabulary has {} tokens, the model only {}.", (*tokenizer)->size(), rows));
  return {};
}

}  // namespace rookery::engine
