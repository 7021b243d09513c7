// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "formats/gguf_writer.h"
#include "rookery/model_info.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

/// The chat form of prompt.h as a Jinja template, in what both Jinja2 and llama.cpp's own engine know: the prompt is
/// wholePrompt() of the messages. `thinking`, "off", "fast" or "on", is an argument of the template; without it the
/// model decides. llama.cpp takes the name of a built-in template ("rwkv-world") for a text that every prompt consists of.
extern const std::string_view kChatTemplate;

/// Keys of a GGUF file made from `file`: those of a GGUF are kept, but for what conversion decides; else those that
/// llama.cpp's converter writes for rwkv6 and rwkv7. `vocabulary` may be nullptr: the file then holds none.
GgufKeys ggufKeys(const ModelFile& file, const ModelInfo& info, DType precision, const Tokenizer* vocabulary);

/// Bytes as Python's repr() shows them, without b and quotes: how these files hold tokens.
std::string pythonEscaped(std::string_view bytes);

}  // namespace rookery::engine
