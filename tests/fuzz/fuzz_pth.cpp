// SPDX-License-Identifier: GPL-3.0-or-later
// Two doors: bytes that begin like a file are one; anything else is a pickle and gets a sound archive around it,
// since no fuzzer guesses checksums.
#include <libdeflate.h>

#include <cstdint>

#include "formats/contents.h"
#include "fuzz/use_file.h"
#include "support/format_builders.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (rookery::engine::looksLikePth(std::as_bytes(std::span(data, size)))) {
    rookery::fuzz::useFile(std::as_bytes(std::span(data, size)));
    return 0;
  }
  const auto part = [](const char* name, const std::string& bytes) {
    return rookery::test::ZipPart{name, bytes, libdeflate_crc32(0, bytes.data(), bytes.size())};
  };
  const std::string pickle(reinterpret_cast<const char*>(data), size);
  rookery::fuzz::useFile(rookery::test::storedZip({part("m/data.pkl", pickle), part("m/data/0", std::string(64, '\1')), part("m/data/1", "abcdef")}));
  return 0;
}
