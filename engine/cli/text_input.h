// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <istream>
#include <optional>
#include <stop_token>
#include <string>

#include "rookery/result.h"

namespace rookery::cli {

/// The text of a file, or of the standard input for "-"; a pipe will do as well. CR LF becomes LF; one line break at the
/// very end, which editors put there, and a UTF-8 byte order mark are no part of it. At most kMostTextBytes. Ends with
/// Cancelled within 100 ms.
engine::Result<std::string> readPrompt(const std::string& path, std::stop_token stop);
inline constexpr const char* kPromptFileHelp = "file, \"-\": standard input; CR LF is read as LF, and one line break at its end is left out";

/// What a person types or pastes in a chat: one message may have several lines.
/// - between two lines of """, empty lines included; or from """ at the beginning of a line to """ at the end of one;
/// - a line that ends in a backslash goes on in the next one (an even number of them are backslashes);
/// - what is pasted into a terminal is one piece (bracketed paste).
class MessageReader {
 public:
  struct Message {
    std::string text;
    bool isCommand = false;  ///< one plain line that begins with a slash
    std::string problem;     ///< not empty: what came is no message, and why
  };

  /// `in`: std::cin but for tests. Prompts go to stderr. `terminal`: lines are as a terminal driver passes them on.
  MessageReader(std::istream& in, bool terminal) : m_in(in), m_terminal(terminal) {}
  /// nullopt: the input ended.
  std::optional<Message> next();

 private:
  bool line(std::string& line, const char* prompt);
  bool moreComes();
  /// Adds lines until the paste that begins in `text` has ended, and takes its marks out. False: the input ended. Once a
  /// line was cut, the closing mark may be lost; then a pause in the input ends the paste.
  bool readPaste(std::string& text, bool& pasted);

  std::istream& m_in;
  bool m_terminal;
  bool m_isCut = false;
};

/// While it lives and stdin is a terminal, pasting is bracketed, and the marks are not shown. Undone when the program ends
/// by Ctrl+C as well.
class PasteMode {
 public:
  PasteMode();
  ~PasteMode();
  PasteMode(const PasteMode&) = delete;
  PasteMode& operator=(const PasteMode&) = delete;
  bool isTerminal() const noexcept { return m_terminal; }

 private:
  bool m_terminal;
};

}  // namespace rookery::cli
