// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/plain_text.h"

#include <cctype>

#include "formats/names.h"
#include "text/utf8.h"

namespace rookery::engine {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// Valid UTF-8 in one line.
std::string oneLine(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = utf8Step(text);
    const std::string_view character = text.substr(0, step.length);
    text.remove_prefix(step.length);
    const auto c = static_cast<unsigned char>(character[0]);
    if (step.kind != Utf8Kind::Character) out += kReplacement;
    else if (c == '\n' || c == '\r' || c == '\t') out += ' ';
    else if (actsUnseen(character)) out += kReplacement;
    else out += character;
  }
  return out;
}

bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80; }

}  // namespace

std::string markdownText(std::string_view text) {
  const std::string line = oneLine(text);
  const std::string_view view(line);
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool inWord = i > 0 && i + 1 < line.size() && isWord(line[i - 1]) && isWord(line[i + 1]);
    const bool emphasis = c == '*' || c == '~' || (c == '_' && !inWord);  // needs an end, which follows no blank
    const bool link = view.substr(i).starts_with("://") || (c == '.' && i >= 3 && view.substr(i - 3, 3) == "www");  // an address alone is one
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (std::string_view("\\|[]`$").find(c) != std::string_view::npos || (emphasis && i > 0 && line[i - 1] != ' ') || link) (out += '\\') += c;
    else out += c;
  }
  return out;
}

std::string csvText(std::string_view text) {
  std::string line = oneLine(text);
  const std::size_t first = line.find_first_not_of(' ');
  const std::string_view start = first == std::string::npos ? std::string_view() : std::string_view(line).substr(first);
  // Also in full width, which some spreadsheets take for the same.
  for (const std::string_view sign : {"=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"}) {
    if (start.starts_with(sign)) {
      line = '\'' + line;
      break;
    }
  }
  if (line.find_first_of(",\";'") == std::string::npos && (line.empty() || (line.front() != ' ' && line.back() != ' '))) return line;
  std::string out = "\"";
  for (const char c : line) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace rookery::engine
