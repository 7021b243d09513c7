// SPDX-License-Identifier: GPL-3.0-or-later
#include "states.h"

#include <fmt/format.h>

#include "common.h"

namespace rookery::cli {

Result<StateStart> readState(const std::string& path, const engine::Model& model, bool force, const std::string& forceHelp) {
  auto loaded = engine::loadState(path, model.info().shape);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  const engine::StateInfo& info = loaded->info;
  if (!force && !info.belongsTo(model.fingerprint()))
    return fail(ErrorCode::StateMismatch, fmt::format("{} was saved by another model{}, and means nothing to this one. A file of the same model with "
                                                      "other number types or another layout counts as another; {} takes the state all the same.",
                                                      path, info.label.model.empty() ? "" : fmt::format(" ({})", info.label.model), forceHelp));
  if (info.keyFirst)
    print(stderr, "Note: {} was read as web-rwkv and Ai00 write tuned states (.st, .state), with the key before the value. If it is laid out as torch "
                       "has it, call it .safetensors.\n", path);
  return StateStart{{std::move(loaded->state), {}, info.label.tokens.value_or(0)}, info};
}

}  // namespace rookery::cli
