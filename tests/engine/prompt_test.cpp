// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/prompt.h"

#include <doctest/doctest.h>

using namespace rookery::engine;

namespace {

/// What a reader of the stream sees when it comes in chunks of `chunk` bytes.
std::string scanned(std::vector<std::string> stops, std::string_view text, std::size_t chunk, bool* stopped = nullptr) {
  StopScanner scanner(std::move(stops));
  std::string seen;
  for (std::size_t at = 0; at < text.size(); at += chunk) seen += scanner.push(text.substr(at, chunk));
  if (stopped) *stopped = scanner.stopped();
  return seen + scanner.flush();
}

}  // namespace

TEST_CASE("a turn's text is cleaned: no blank line may end it early") {
  CHECK(cleanTurn("a\r\nb") == "a\nb");
  CHECK(cleanTurn("a\n\nb\n\n\n\nc") == "a\nb\nc");
  CHECK(cleanTurn("a\r\n\r\nb") == "a\nb");
  CHECK(cleanTurn(" \n\t a \n ") == "a");
  CHECK(cleanTurn("a\n \nb") == "a\n \nb");
  CHECK(cleanTurn("a\rb") == "a\rb");
  CHECK(cleanTurn("\r\n\r\n").empty());
  CHECK(cleanTurn("").empty());
}

TEST_CASE("the first question and later ones, with and without a system text") {
  CHECK(userTurn("", "Hi", true) == "User: Hi\n\nAssistant:");
  CHECK(userTurn("Be\n\nbrief. ", " Hi ", true) == "System: Be\nbrief.\n\nUser: Hi\n\nAssistant:");
  CHECK(userTurn("Be brief.", "More\n\n?", false) == "\n\nUser: More\n?\n\nAssistant:");
  CHECK(userTurn("", "", true) == "User:\n\nAssistant:");
}

TEST_CASE("how the answer starts decides about thinking") {
  CHECK(userTurn("", "q", true, Thinking::Auto).ends_with("\n\nAssistant:"));
  CHECK(userTurn("", "q", true, Thinking::On).ends_with("\n\nAssistant: <think"));
  CHECK(userTurn("", "q", true, Thinking::Fast).ends_with("\n\nAssistant: <think>\n</think"));
  CHECK(userTurn("", "q", true, Thinking::Off).ends_with("\n\nAssistant: <think></think"));
}

TEST_CASE("a whole history reads the same as its turns one after the other") {
  const std::vector<ChatMessage> history = {{Role::System, "Be brief."}, {Role::User, "One\n\ntwo?"},
                                            {Role::Assistant, "First.\n\nSecond. "}, {Role::User, "Why?"}};
  const std::string whole = wholePrompt(history);
  CHECK(whole == "System: Be brief.\n\nUser: One\ntwo?\n\nAssistant: First.\n\nSecond.\n\nUser: Why?\n\nAssistant:");
  CHECK(userTurn("Be brief.", "One\n\ntwo?", true) + " First.\n\nSecond." + userTurn("Be brief.", "Why?", false) == whole);
  CHECK(wholePrompt(std::span(history).first(3)) + userTurn("", "Why?", false) == whole);
  CHECK(wholePrompt(history, Thinking::On).ends_with("Why?\n\nAssistant: <think"));
  CHECK(wholePrompt({}).empty());
}

TEST_CASE("an answer ends before the next role's name, whatever the chunks") {
  const std::string answer = "One.\n\nTwo: User, \nUsers and \n\nSys.";
  for (const std::string& stop : chatStopTexts()) {
    for (std::size_t chunk = 1; chunk < 50; ++chunk) {
      bool stopped = false;
      CHECK(scanned(chatStopTexts(), answer + stop + " more", chunk, &stopped) == answer);
      CHECK(stopped);
      CHECK(scanned(chatStopTexts(), answer + stop.substr(0, stop.size() - 1), chunk, &stopped) ==
            answer + stop.substr(0, stop.size() - 1));
      CHECK_FALSE(stopped);
    }
  }
}

TEST_CASE("text is held back only while it may become a stop text") {
  StopScanner scanner(chatStopTexts());
  CHECK(scanner.push("Hi\n") == "Hi");
  CHECK(scanner.push("\n") == "");
  CHECK(scanner.push("Us") == "");
  CHECK(scanner.push("ual") == "\n\nUsual");
  CHECK(scanner.push("\n\n\n") == "\n");
  CHECK(scanner.push("User:") == "");
  CHECK(scanner.stopped());
  CHECK(scanner.push("more") == "");
  CHECK(scanner.flush() == "");
}

TEST_CASE("of overlapping stop texts the one that is complete first wins") {
  for (std::size_t chunk = 1; chunk < 6; ++chunk) {
    CHECK(scanned({"abcd", "bc"}, "xabcd", chunk) == "xa");
    CHECK(scanned({"aab", "ab"}, "xaaab", chunk) == "xa");
    CHECK(scanned({"", "b"}, "ab", chunk) == "a");
    CHECK(scanned({}, "ab", chunk) == "ab");
    CHECK(scanned({"\n\n"}, "a\nb\n\nc", chunk) == "a\nb");
  }
}

TEST_CASE("roles may be called otherwise") {
  const RoleNames raven{"Bob", "Alice"};
  CHECK(userTurn("", "Hi", true, Thinking::Auto, raven) == "Bob: Hi\n\nAlice:");
  CHECK(userTurn("Be brief.", "Hi", true, Thinking::Fast, raven) == "System: Be brief.\n\nBob: Hi\n\nAlice: <think>\n</think");
  const std::vector<ChatMessage> history{{Role::User, "One?"}, {Role::Assistant, "First."}, {Role::User, "Why?"}};
  CHECK(wholePrompt(history, Thinking::Auto, raven) == "Bob: One?\n\nAlice: First.\n\nBob: Why?\n\nAlice:");
  CHECK(chatStopTexts(raven) == std::vector<std::string>{"\n\nBob:", "\nBob:", "\n\nSystem:"});
  CHECK(chatStopTexts(RoleNames()) == chatStopTexts());
  for (const char* good : {"User", "Q", "The user", "\xe7\x94\xa8\xe6\x88\xb7"}) CHECK(isRoleName(good));
  for (const std::string& bad : {std::string(), std::string(" User"), std::string("User "), std::string("a\nb"), std::string("a:b"), std::string("a\0b", 3),
                                 std::string(kMaxRoleName + 1, 'a')})
    CHECK_FALSE(isRoleName(bad));
}
