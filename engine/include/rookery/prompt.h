// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

enum class Role { System, User, Assistant };

struct ChatMessage {
  Role role{};
  std::string text;
};

/// How the two sides are called in the prompt. Pile and Raven models know other names than World ones: Bob and Alice,
/// Question and Answer, Instruction and Response.
struct RoleNames {
  std::string user = "User", assistant = "Assistant";
  bool operator==(const RoleNames&) const = default;
};
inline constexpr std::size_t kMaxRoleName = 48;  ///< bytes
/// Neither empty nor longer than that, one line, no colon, no blanks at the ends.
bool isRoleName(std::string_view name);

/// How the answer starts (RWKV-LM: RWKV7-G1x-templates.txt).
enum class Thinking { Auto, Off, Fast, On };

/// CRLF to LF, runs of two or more newlines to one, both ends stripped: a blank line would end the turn.
std::string cleanTurn(std::string_view text);

/// The text to read for one more question, official form. `firstTurn`: nothing was read before; otherwise the
/// text starts with the blank line that separates turns. Ends in `Assistant:` (or its thinking form).
std::string userTurn(std::string_view systemText, std::string_view userText, bool firstTurn,
                     Thinking thinking = Thinking::Auto, const RoleNames& roles = {});

/// A whole history, for reading it again from the start.
std::string wholePrompt(std::span<const ChatMessage> messages, Thinking thinking = Thinking::Auto, const RoleNames& roles = {});

/// Texts that end an answer, beside token 0: "\n\nUser:", "\nUser:", "\n\nSystem:".
const std::vector<std::string>& chatStopTexts();
std::vector<std::string> chatStopTexts(const RoleNames& roles);  ///< the same with another name than User

/// Finds the stop texts in a stream. Text that might still become a stop text is held back.
class StopScanner {
 public:
  explicit StopScanner(std::vector<std::string> stopTexts);
  /// Text that is certainly part of the answer. After stopped() it returns nothing more.
  std::string push(std::string_view text);
  std::string flush();  ///< what was held back, when the answer ends otherwise
  bool stopped() const noexcept { return m_stopped; }

 private:
  std::vector<std::string> m_stopTexts;
  std::string m_pending;
  bool m_stopped = false;
};

}  // namespace rookery::engine
