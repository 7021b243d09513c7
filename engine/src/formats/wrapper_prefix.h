// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "formats/contents.h"

namespace rookery::engine {

/// Trainers save a model under the name that their wrapper has for it: "model.", "module.", "_forward_module.",
/// "base_model." and others, or several of them. Where all tensors with names of RWKV have the same one, it is taken off,
/// and kept in the metadata (file_notes.h). What wraps single blocks stands within the names, and is taken off there.
/// After index(), which it keeps up to date. Does nothing to GGUF.
void stripPrefix(ModelFile::Contents& contents);

}  // namespace rookery::engine
