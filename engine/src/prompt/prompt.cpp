// SPDX-License-Identifier: GPL-3.0-or-later
// The official chat form: RWKV-v7/RWKV7-G1x-templates.txt of RWKV-LM.
#include "rookery/prompt.h"

#include <algorithm>

namespace rookery::engine {
namespace {

constexpr std::string_view kWhitespace = " \t\n\v\f\r";

std::string_view stripped(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kWhitespace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhitespace) + 1 - begin);
}

/// The start of the answer that the model goes on from. It ends without a space, and in "<think" without ">":
/// the next token is one that joins them.
std::string answerStart(const RoleNames& roles, Thinking thinking) {
  std::string start = roles.assistant + ":";
  switch (thinking) {
    case Thinking::Auto: break;
    case Thinking::Off: start += " <think></think"; break;
    case Thinking::Fast: start += " <think>\n</think"; break;
    case Thinking::On: start += " <think"; break;
  }
  return start;
}

/// `role` and the text, separated by a blank line from what was there before.
void appendTurn(std::string& prompt, std::string_view role, std::string_view text) {
  if (!prompt.empty()) prompt += "\n\n";
  prompt += role;
  if (!text.empty()) prompt.append(" ").append(text);
}

}  // namespace

bool isRoleName(std::string_view name) {
  if (name.empty() || name.size() > kMaxRoleName || stripped(name).size() != name.size()) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != ':'; });
}

std::string cleanTurn(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (true) {  // by lines: a pasted book takes milliseconds, not tenths of a second
    const std::size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    if (newline != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    clean += line;
    if (newline == std::string_view::npos) break;
    if (!clean.ends_with('\n')) clean += '\n';
    text.remove_prefix(newline + 1);
  }
  return std::string(stripped(clean));
}

std::string userTurn(std::string_view systemText, std::string_view userText, bool firstTurn, Thinking thinking, const RoleNames& roles) {
  std::string prompt;
  if (firstTurn) {
    if (const std::string system = cleanTurn(systemText); !system.empty()) appendTurn(prompt, "System:", system);
  }
  appendTurn(prompt, roles.user + ":", cleanTurn(userText));
  appendTurn(prompt, answerStart(roles, thinking), {});
  return firstTurn ? prompt : "\n\n" + prompt;
}

std::string wholePrompt(std::span<const ChatMessage> messages, Thinking thinking, const RoleNames& roles) {
  std::string prompt;
  for (const ChatMessage& message : messages) {
    switch (message.role) {
      case Role::System: appendTurn(prompt, "System:", cleanTurn(message.text)); break;
      case Role::User: appendTurn(prompt, roles.user + ":", cleanTurn(message.text)); break;
      case Role::Assistant: appendTurn(prompt, roles.assistant + ":", stripped(message.text)); break;
    }
  }
  if (!messages.empty() && messages.back().role != Role::Assistant) appendTurn(prompt, answerStart(roles, thinking), {});
  return prompt;
}

const std::vector<std::string>& chatStopTexts() {
  static const std::vector<std::string> texts = chatStopTexts(RoleNames());
  return texts;
}

std::vector<std::string> chatStopTexts(const RoleNames& roles) {
  return {"\n\n" + roles.user + ":", "\n" + roles.user + ":", "\n\nSystem:"};
}

}  // namespace rookery::engine
