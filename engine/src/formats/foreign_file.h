// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rookery/result.h"

namespace rookery::engine {

/// Files that people take for models, by their first bytes: what it is and what to do. nullopt: none of those known.
/// FileDamaged or FileIncomplete where a download went wrong, FormatUnknown where the file is fine but of another kind.
/// `bytes` is not empty and is no .pth, .safetensors or GGUF.
std::optional<Error> foreignFile(std::span<const std::byte> bytes, const std::string& name);

/// A zip that torch did not save, by the names of its entries. FormatUnknown.
Error foreignArchive(std::span<const std::string_view> entries, const std::string& name);

/// Whether a file's name is one that downloads have until they are complete: "model.pth.part".
bool isUnfinishedName(const std::string& name);

}  // namespace rookery::engine
