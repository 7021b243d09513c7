// SPDX-License-Identifier: GPL-3.0-or-later
// What lies around a model file: the folder that tools of Hugging Face write, with its config.json.
#pragma once

#include <filesystem>
#include <optional>

#include "rookery/model_file.h"

namespace rookery::engine {

/// The config.json in `folder`; nullopt where there is none that can be read.
std::optional<FolderConfig> readFolderConfig(const std::filesystem::path& folder);

/// Why a folder does not open: a sentence that names the models in it. FormatUnknown.
Error noModelInFolder(const std::filesystem::path& folder);

}  // namespace rookery::engine
