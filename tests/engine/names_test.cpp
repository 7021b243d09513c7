// SPDX-License-Identifier: GPL-3.0-or-later
// Names keep their letters, whatever the script; what a terminal would act on is shown and not done.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "formats/names.h"
#include "formats/plain_text.h"
#include "rookery/model_file.h"

using namespace rookery::engine;

TEST_CASE("letters of every script stay in a sentence") {
  for (const char* name : {"rwkv7-0.1b.pth", "模型.pth", "модель-ё.gguf", "مودل.st", "モデル🐦‍⬛.pth", "Größe é ½", "na\u200dme", "\u200cنیم"})
    CHECK(printable(name) == name);
}

TEST_CASE("what acts without being seen is written out") {
  CHECK(printable("a\x1b[31mb\n\r\t\x7f") == "a\\x1b[31mb\\x0a\\x0d\\x09\\x7f");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(printable("a\u0080\u009b1m\u00a0") == "a\\u0080\\u009b1m\u00a0");
  CHECK(printable("x\u202egpj.\u2066\u2069\u200f\u2028\ufeff") == "x\\u202egpj.\\u2066\\u2069\\u200f\\u2028\\ufeff");
  CHECK(printable("\xff\xe6\xa8 \xc0\x80\xed\xa0\x80z\xe6\xa8") == "\\xff\\xe6\\xa8 \\xc0\\x80\\xed\\xa0\\x80z\\xe6\\xa8");
}

TEST_CASE("a long sentence is cut between characters") {
  std::string name;
  for (int i = 0; i < 401; ++i) name += "模";
  CHECK(printable(name) == name.substr(0, 3 * 400) + "...");
  name.resize(3 * 400);
  CHECK(printable(name) == name);
  CHECK(printable("aé模🐦b", 4) == "aé模🐦...");
  CHECK(printable("abc", 3) == "abc");
}

TEST_CASE("a tensor's name may have any letters, but neither C1 nor characters that turn the direction") {
  for (const char* good : {"blocks.0.att.key.weight", "模型.权重", "a\u200db"}) CHECK(isPlainName(good));
  for (const char* bad : {"", "a\nb", "a\x7f", "a\u0085", "a\u009b2J", "a\u202eb", "a\u2067b", "a\u2028b", "a\xff"}) {
    CAPTURE(bad);
    CHECK_FALSE(isPlainName(bad));
  }
  CHECK_FALSE(isPlainName(std::string(1025, 'a')));
}

TEST_CASE("what a model writes keeps its lines and its own direction") {
  CHECK(printableText("eins\n\tzwei\r\ndrei") == "eins\n\tzwei\r\ndrei");
  CHECK(printableText("a\rb\x1b]0;title\x07") == "a\\x0db\\x1b]0;title\\x07");
  CHECK(printableText("שלום\u200f! \u202ex\u0090") == "שלום\u200f! \\u202ex\\u0090");
  std::string answer;
  for (int i = 0; i < 5000; ++i) answer += "模";
  CHECK(printableText(answer) == answer);
}

TEST_CASE("a JSON document means the same and has nothing that acts") {
  const nlohmann::json document = {{"name", "模型\x1b\x7f\u009b\u202e\"\\\u2028"}};
  const std::string text = printableJson(document.dump(2));
  CHECK(nlohmann::json::parse(text) == document);
  CHECK(text.find("模型\\u001b\\u007f\\u009b\\u202e") != std::string::npos);
}

TEST_CASE("a nasty name is one cell of every table") {
  const std::string nasty = "=1+1|<b>[x](y)`c`\n\x1b[31m\u202e";
  CHECK(markdownText(nasty) == "=1+1\\|&lt;b>\\[x\\](y)\\`c\\` \uFFFD\\[31m\uFFFD");
  CHECK(csvText(nasty) == "\"'=1+1|<b>[x](y)`c` \uFFFD[31m\uFFFD\"");
}

TEST_CASE("sentences about files name them by their own letters") {
  const auto folder = std::filesystem::temp_directory_path();
  const auto file = folder / "rookery-空文件.pth";
  std::ofstream(file).close();
  const auto empty = ModelFile::open(file);
  REQUIRE_FALSE(empty);
  CHECK(empty.error().message == "rookery-空文件.pth is empty.");
  std::ofstream(file) << "version https://git-lfs.github.com/spec/v1\nsize 12\n";
  const auto pointer = ModelFile::open(file);
  REQUIRE_FALSE(pointer);
  CHECK_MESSAGE(pointer.error().message.starts_with("rookery-空文件.pth is only a Git LFS pointer"), pointer.error().message);
  std::filesystem::remove(file);
}
