// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/names.h"

#include <fmt/format.h>

#include <cstdint>

#include "text/utf8.h"

namespace rookery::engine {
namespace {

/// Of one character, valid UTF-8; those above U+FFFF act nowhere and are told apart no further.
std::uint32_t codeOf(std::string_view character) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(character[i])); };
  switch (character.size()) {
    case 1: return at(0);
    case 2: return (at(0) & 0x1FU) << 6U | (at(1) & 0x3FU);
    case 3: return (at(0) & 0x0FU) << 12U | (at(1) & 0x3FU) << 6U | (at(2) & 0x3FU);
    default: return 0x10000;
  }
}

std::string escape(std::string_view character) {
  const std::uint32_t code = codeOf(character);
  return code < 0x80 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
}

std::string escapedBytes(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return out;
}

}  // namespace

bool isControl(std::string_view character) noexcept {
  const std::uint32_t code = codeOf(character);
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool actsUnseen(std::string_view character) noexcept {
  const std::uint32_t code = codeOf(character);
  return isControl(character) || code == 0x061C || code == 0x200B || code == 0x200E || code == 0x200F || code == 0xFEFF;
}

bool isPlainName(std::string_view name) noexcept {
  if (name.empty() || name.size() > kLongestName) return false;
  while (!name.empty()) {
    const Utf8Step step = utf8Step(name);
    if (step.kind != Utf8Kind::Character || isControl(name.substr(0, step.length))) return false;
    name.remove_prefix(step.length);
  }
  return true;
}

std::string printable(std::string_view sentence, std::size_t most) {
  std::string out;
  for (std::size_t count = 0; !sentence.empty(); ++count) {
    if (count == most) return out + "...";
    const Utf8Step step = utf8Step(sentence);
    const std::string_view character = sentence.substr(0, step.length);
    sentence.remove_prefix(step.length);
    if (step.kind != Utf8Kind::Character) out += escapedBytes(character);
    else if (actsUnseen(character)) out += escape(character);
    else out += character;
  }
  return out;
}

std::string printableText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = utf8Step(text);
    const std::string_view character = text.substr(0, step.length);
    text.remove_prefix(step.length);
    const bool stays = character == "\n" || character == "\t" || (character == "\r" && text.starts_with('\n'));
    if (step.kind != Utf8Kind::Character) out += escapedBytes(character);
    else if (!stays && isControl(character)) out += escape(character);
    else out += character;
  }
  return out;
}

std::string printableJson(std::string_view document) {
  std::string out;
  out.reserve(document.size());
  while (!document.empty()) {
    const Utf8Step step = utf8Step(document);
    const std::string_view character = document.substr(0, step.length);
    document.remove_prefix(step.length);
    const bool acts = step.kind == Utf8Kind::Character && codeOf(character) >= 0x7F && actsUnseen(character);
    if (acts) out += fmt::format("\\u{:04x}", codeOf(character));
    else out += character;
  }
  return out;
}

}  // namespace rookery::engine
