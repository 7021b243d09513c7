// SPDX-License-Identifier: GPL-3.0-or-later
#include "terminal.h"

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace rookery::cli {
namespace {

bool isTerminal(std::FILE* stream) noexcept {
#if defined(_WIN32)
  return _isatty(_fileno(stream)) != 0;
#else
  return isatty(fileno(stream)) != 0;
#endif
}

}  // namespace

void printTable(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

void printAnswer(std::string_view piece) {
  static const bool terminal = isTerminal(stdout);
  printTable(stdout, terminal ? engine::printableText(piece) : piece);
  std::fflush(stdout);
}

void printLines(std::FILE* stream, std::string_view text, std::string_view indent) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    print(stream, "{}{}\n", indent, text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

bool stderrIsTerminal() noexcept { return isTerminal(stderr); }

}  // namespace rookery::cli
