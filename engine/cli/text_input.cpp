// SPDX-License-Identifier: GPL-3.0-or-later
#include "text_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common.h"
#include "interrupt.h"

namespace rookery::cli {
namespace {

constexpr int kPollMilliseconds = 100;

Result<std::string> readAll(int fd, const std::string& name, const std::stop_token& stop) {
  const auto failed = [&](int error) {
    return fail(ErrorCode::FileUnreadable, fmt::format("{} cannot be read: {}.", name, std::strerror(error)));
  };
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, fmt::format("Stopped while {} was being read.", name));
    pollfd ready{fd, POLLIN, 0};
    const int count = ::poll(&ready, 1, kPollMilliseconds);
    if (count == 0 || (count < 0 && errno == EINTR)) continue;
    if (count < 0) return failed(errno);
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return failed(errno);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.size() > kMostTextBytes)
      return fail(ErrorCode::InvalidArgument, fmt::format("{} holds more than {} MB, so it is not a text to read.", name, kMostTextBytes / 1'000'000));
  }
}

Result<std::string> asText(std::string text, const std::string& name) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is UTF-16 text. Save it as UTF-8.", name));
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  std::size_t out = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    text[out++] = text[i];
  }
  text.resize(out);
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return fail(ErrorCode::InvalidArgument, fmt::format("{} is empty.", name));
  return text;
}

constexpr std::string_view kMark = "\"\"\"", kPasteBegin = "\x1b[200~", kPasteEnd = "\x1b[201~";
constexpr std::size_t kMostTerminalLine = 4095;  // a terminal driver drops what comes after that

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool goesOn(std::string_view line) {
  const std::size_t last = line.find_last_not_of('\\');
  const std::size_t count = last == std::string_view::npos ? line.size() : line.size() - 1 - last;
  return count % 2 == 1;
}

// The terminal as it was, for the interrupt thread, which ends the program.
termios g_before;

void leavePasteMode() {
  constexpr std::string_view kOff = "\x1b[?2004l";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kOff.data(), kOff.size());
  ::tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
}

}  // namespace

Result<std::string> readPrompt(const std::string& path, std::stop_token stop) {
  if (path == "-") {
    auto text = readAll(STDIN_FILENO, "The standard input", stop);
    return text ? asText(std::move(*text), "The standard input") : text;
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT) return fail(ErrorCode::FileNotFound, fmt::format("There is no file {}.", path));
    return fail(ErrorCode::FileUnreadable, fmt::format("{} cannot be read: {}.", path, std::strerror(error)));
  }
  auto text = readAll(fd, path, stop);
  ::close(fd);
  return text ? asText(std::move(*text), path) : text;
}

bool MessageReader::line(std::string& line, const char* prompt) {
  print(stderr, "{}", prompt);
  std::fflush(stderr);
  if (!std::getline(m_in, line)) return false;
  if (m_terminal && line.size() >= kMostTerminalLine) m_isCut = true;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

// A terminal passes on whole lines, so what was not read yet is not in the stream's buffer either.
bool MessageReader::moreComes() {
  constexpr int kPauseMilliseconds = 300;  // within a paste there is none, after it a person has to type
  pollfd ready{STDIN_FILENO, POLLIN, 0};
  return m_in.good() && ::poll(&ready, 1, kPauseMilliseconds) > 0;
}

bool MessageReader::readPaste(std::string& text, bool& pasted) {
  for (std::size_t begin = text.find(kPasteBegin); begin != std::string::npos; begin = text.find(kPasteBegin)) {
    text.erase(begin, kPasteBegin.size());
    pasted = true;
    std::size_t end = text.find(kPasteEnd, begin);
    while (end == std::string::npos) {
      if (m_isCut && !moreComes()) return true;  // the closing mark went with the end of the line
      std::string more;
      if (!line(more, "")) return m_isCut;
      const std::size_t from = text.size() + 1;
      text += '\n' + more;
      end = text.find(kPasteEnd, from);
    }
    text.erase(end, kPasteEnd.size());
  }
  return true;
}

std::optional<MessageReader::Message> MessageReader::next() {
  Message message;
  m_isCut = false;
  bool pasted = false;
  std::string& text = message.text;
  if (!line(text, "> ") || !readPaste(text, pasted)) return std::nullopt;
  const bool isOneLine = text.find('\n') == std::string::npos;
  if (!isOneLine || (pasted && m_isCut)) {
    // What was pasted is taken as it is.
  } else if (const std::string_view first = trimmed(text); first.starts_with(kMark)) {
    std::string inside(first.substr(kMark.size()));
    const bool alone = inside.empty();  // then only such a line ends it: code may have these marks within its lines
    bool closed = inside.size() >= kMark.size() && inside.ends_with(kMark);
    while (!closed) {
      std::string more;
      if (!line(more, ". ") || !readPaste(more, pasted)) {
        message.problem = "The input ended before the closing \"\"\"; what came after the opening one was not sent.";
        return message;
      }
      inside += '\n' + more;
      closed = alone ? more.starts_with(kMark) && trimmed(more) == kMark : trimmed(more).ends_with(kMark);
    }
    inside.resize(inside.rfind(kMark));
    text = std::move(inside);
  } else if (goesOn(text)) {
    for (bool more = true; more;) {
      text.pop_back();
      std::string rest;
      if (!line(rest, ". ") || !readPaste(rest, pasted)) break;
      more = goesOn(rest);
      text += '\n' + rest;
    }
  } else {
    message.isCommand = text.starts_with('/');
  }
  if (m_isCut)
    message.problem = fmt::format("A line was as long as a terminal passes on ({} bytes), so its end is missing, and it was not sent. Put the text into a "
                                  "file and start with --prompt-file, or break its lines.", kMostTerminalLine);
  return message;
}

PasteMode::PasteMode() : m_terminal(::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &g_before) == 0) {
  if (!m_terminal) return;
  // The terminal sends the marks as if they were typed; without ECHOCTL they come back to it as marks and not as "^[[200~".
  termios now = g_before;
  now.c_lflag &= ~static_cast<tcflag_t>(ECHOCTL);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
  setBeforeEnd(leavePasteMode);
  if (stderrIsTerminal()) print(stderr, "\x1b[?2004h");
}

PasteMode::~PasteMode() {
  if (!m_terminal) return;
  setBeforeEnd(nullptr);
  leavePasteMode();
}

}  // namespace rookery::cli
