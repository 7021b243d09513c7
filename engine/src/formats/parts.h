// SPDX-License-Identifier: GPL-3.0-or-later
// Models in several files, as Hugging Face has them: NAME-00001-of-0000N.safetensors and NAME.safetensors.index.json, which
// says which tensor is in which file.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "formats/contents.h"

namespace rookery::engine {

/// Opens one file, and nothing else, for readParts().
using OpenPart = std::function<Result<std::unique_ptr<ModelFile::Contents>>(const std::filesystem::path&)>;

/// Fills `contents` from the parts that the list `index` names. Those are plain names beside it, whatever it says. `asked`
/// is what the user named: the list, or a part, which must be one of them.
/// FormatUnknown: no list of parts. FileDamaged: list and parts disagree. FileNotFound: a part is missing.
Result<void> readParts(ModelFile::Contents& contents, const std::filesystem::path& index, const std::filesystem::path& asked, const OpenPart& open);

}  // namespace rookery::engine
