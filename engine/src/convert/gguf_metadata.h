// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "formats/gguf_writer.h"
#include "rookery/model_info.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

/// Keys of a GGUF file made from `file`: those of a GGUF are kept, but for what conversion decides; else those that
/// llama.cpp's converter writes for rwkv6 and rwkv7. `vocabulary` may be nullptr: the file then holds none.
GgufKeys ggufKeys(const ModelFile& file, const ModelInfo& info, DType precision, const Tokenizer* vocabulary);

/// Bytes as Python's repr() shows them, without b and quotes: how these files hold tokens.
std::string pythonEscaped(std::string_view bytes);

}  // namespace rookery::engine
