// SPDX-License-Identifier: GPL-3.0-or-later
// What the table of contents of a file may cost: less than a second, and no more than three bytes of memory for each of
// its own, whatever it claims. Most of these files are sparse.
#include <doctest/doctest.h>
#include <malloc.h>

#include <string>

#include "support/format_builders.h"
#include "support/process.h"

using namespace rookery::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kMostSeconds = 5.0;  // their memory is no measure, and their time is several times the program's
#else
constexpr double kMostSeconds = 1.0;
#endif

constexpr std::uint32_t kByte = 0, kText = 8, kArray = 9;

void write(const std::string& path, Bytes& bytes, std::uint64_t sparse = 0) {
  writeFile(path, {reinterpret_cast<const char*>(bytes.raw().data()), bytes.size()});
  if (sparse > 0) std::filesystem::resize_file(path, bytes.size() + sparse);
}

Bytes gguf(std::uint64_t tensors, std::uint64_t keys) {
  Bytes out;
  out.text("GGUF").number<std::uint32_t>(3).number(tensors).number(keys);
  return out;
}

Bytes ggufArray(std::uint32_t type, std::uint64_t count) {
  Bytes out = gguf(0, 1);
  out.counted("a").number(kArray).number(type).number(count);
  return out;
}

Bytes safetensors(const std::string& header) {
  Bytes out;
  out.number<std::uint64_t>(header.size()).text(header);
  return out;
}

std::string emptyTensors(int count, std::size_t nameLength) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    std::string name = std::to_string(i);
    if (name.size() < nameLength) name.resize(nameLength, 'n');
    header += (i == 0 ? "\"" : ",\"") + name + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  return header + "}";
}

std::string metadataKeys(int count) {
  std::string header = R"({"__metadata__":{)";
  for (int i = 0; i < count; ++i) header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":"")";
  return header + "}}";
}

/// `tableBytes`: the part of the file that has to be read.
ProcessResult cost(const std::string& path, std::uint64_t tableBytes) {
  malloc_trim(0);  // what this process holds counts for the one that it starts, too
  static const std::uint64_t nothing = runCli({"info", "--container", "/nonexistent"}).peakBytes;
  auto result = runCli({"info", "--container", path});
  CHECK_MESSAGE(result.cpuSeconds < kMostSeconds, result.cpuSeconds);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their memory is no measure
  constexpr std::uint64_t kSlack = 4'000'000;
  CHECK_MESSAGE(result.peakBytes <= nothing + 3 * tableBytes + kSlack,
                result.peakBytes << " bytes, " << nothing << " without a file");
#endif
  return result;
}

void checkRefused(const ProcessResult& result, const std::string& says) {
  CHECK(result.exitCode == 3);
  CHECK(result.out.empty());
  CHECK_MESSAGE(result.err.find(says) != std::string::npos, result.err);
}

}  // namespace

TEST_CASE("a table of contents costs little, however much a small file claims") {
  const TemporaryFolder folder;
  const std::string path = folder.file("big");
  constexpr std::uint64_t kBig = 300'000'000;

  SUBCASE("GGUF: an array of bytes is not touched") {
    Bytes file = ggufArray(kByte, kBig);
    write(path, file, kBig);
    CHECK(cost(path, 1000).exitCode == 0);
  }
  SUBCASE("GGUF: more texts than a vocabulary has") {
    Bytes file = ggufArray(kText, kBig / 8);
    write(path, file, kBig);
    checkRefused(cost(path, 1000), "more than 4194304 texts in a");
  }
  SUBCASE("GGUF: as many texts as are allowed") {
    constexpr std::uint64_t kTexts = 4'194'304;
    Bytes file = ggufArray(kText, kTexts);
    write(path, file, kTexts * 8);
    CHECK(cost(path, kTexts * 8).exitCode == 0);
  }
  SUBCASE("GGUF: one long text") {
    Bytes file = gguf(0, 1);
    file.counted("a").number(kText).number(kBig);
    write(path, file, kBig);
    checkRefused(cost(path, 1000), "a text of 300000000 bytes as a");
  }
  SUBCASE("GGUF: a long text where the architecture is named") {
    Bytes file = gguf(0, 1);
    file.counted("general.architecture").number(kText).counted(std::string(15'000'000, 'a'));
    write(path, file);
    checkRefused(cost(path, file.size()), "a text of 15000000 bytes as general.architecture");
  }
  SUBCASE("GGUF: texts as long as is allowed") {
    Bytes file = gguf(0, 15);
    for (int i = 0; i < 15; ++i) file.counted(std::to_string(i)).number(kText).counted(std::string(1'000'000, 'a'));
    write(path, file);
    CHECK(cost(path, file.size()).exitCode == 0);
  }
  SUBCASE("GGUF: keys and tensors without end") {
    Bytes keys = gguf(0, kBig / 13);
    write(path, keys, kBig);
    checkRefused(cost(path, 1000), "more than 4096 keys");
    Bytes tensors = gguf(kBig / 32, 0);
    write(path, tensors, kBig);
    checkRefused(cost(path, 1000), "more than 65536 tensors");
  }
  SUBCASE("safetensors: a million short keys") {
    Bytes file = safetensors(metadataKeys(1'000'000));
    write(path, file);
    checkRefused(cost(path, file.size()), "more than 4096 metadata keys");
  }
  SUBCASE("safetensors: more tensors than a model has") {
    Bytes file = safetensors(emptyTensors(250'000, 0));
    write(path, file);
    checkRefused(cost(path, file.size()), "more than 65536 tensors");
  }
  SUBCASE("safetensors: a header of 90 MB, which the format allows") {
    Bytes file = safetensors("{");
    const std::uint64_t length = 90'000'000;
    std::memcpy(file.raw().data(), &length, sizeof length);
    write(path, file, length);
    checkRefused(cost(path, 1000), "a table of contents of 90 MB");
  }
  SUBCASE("safetensors: as many tensors as are allowed, with long names") {
    Bytes file = safetensors(emptyTensors(65'536, 190));
    REQUIRE(file.size() < 16'000'000);
    write(path, file);
    CHECK(cost(path, file.size()).exitCode == 0);
  }
  SUBCASE("safetensors: one long name, plain and as escapes") {
    for (const std::string part : {"a", R"(\u0001)"}) {
      std::string header = "{\"";
      while (header.size() < 15'000'000) header += part;
      Bytes file = safetensors(header + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})");
      write(path, file);
      checkRefused(cost(path, file.size()), "bytes in its table of contents; no model needs one of that size");
    }
  }
  SUBCASE("safetensors: texts as long as is allowed") {
    std::string header = R"({"__metadata__":{)";
    for (int i = 0; i < 15; ++i) header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"" + std::string(1'000'000, 'a') + "\"";
    Bytes file = safetensors(header + "}}");
    write(path, file);
    CHECK(cost(path, file.size()).exitCode == 0);
  }
  SUBCASE("a list of parts with too many names") {
    const std::string list = folder.file("model.safetensors.index.json");
    std::string text = R"({"weight_map":{)";
    for (int i = 0; text.size() < 15'900'000; ++i)
      text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":"x.safetensors")";
    writeFile(list, text + "}}");
    checkRefused(cost(list, text.size()), "more than 65536 tensors");
  }
}
