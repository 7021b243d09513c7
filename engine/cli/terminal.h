// SPDX-License-Identifier: GPL-3.0-or-later
// The only way of this program to stdout and stderr: a terminal acts on what names in files, drivers and models may hold.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "formats/names.h"

namespace rookery::cli {

inline constexpr std::size_t kMostPrinted = 4096;  ///< characters of one text: as long as a path can be

/// Numbers as they are; texts in one line that a terminal does not act on.
template <class T>
auto shown(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return engine::printable(std::string_view(value), kMostPrinted);
  } else {
    static_assert(std::is_arithmetic_v<T>, "join the parts into one text");
    return value;
  }
}

/// fmt::print() whose texts pass through shown(); the format itself does not.
template <class... Args>
void print(std::FILE* stream, fmt::format_string<decltype(shown(std::declval<const Args&>()))...> format,
           const Args&... args) {
  fmt::print(stream, format, shown(args)...);
}

/// Lines of our own making whose cells are escaped already: a table in Markdown, JSON.
void printTable(std::FILE* stream, std::string_view text);

/// What a model writes, as it comes. On a terminal its control characters are escaped; a pipe or a file gets the text as
/// it is.
void printAnswer(std::string_view piece);

/// Foreign text of several lines, each indented by `indent`.
void printLines(std::FILE* stream, std::string_view text, std::string_view indent);

bool stderrIsTerminal() noexcept;

}  // namespace rookery::cli
