// SPDX-License-Identifier: GPL-3.0-or-later
// Gives a fuzz target the inputs of a seeds file one by one: what the fuzzer once found worth keeping, as a test of every
// build. A seeds file is a run of inputs, each behind its length in four bytes, little-endian (pack_seeds.py).
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s SEEDS\n", argv[0]), 2;
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(file)), {});
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); ++count) {
    if (bytes.size() - at < 4) return std::fprintf(stderr, "%s ends early\n", argv[1]), 1;
    const std::size_t size = bytes[at] | std::size_t{bytes[at + 1]} << 8U | std::size_t{bytes[at + 2]} << 16U | std::size_t{bytes[at + 3]} << 24U;
    at += 4;
    if (bytes.size() - at < size) return std::fprintf(stderr, "%s ends early\n", argv[1]), 1;
    const std::vector<std::uint8_t> input(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
    LLVMFuzzerTestOneInput(input.data(), input.size());  // a copy of its own, so that a sanitizer sees its ends
    at += size;
  }
  std::printf("%zu inputs\n", count);
  return count == 0;
}
