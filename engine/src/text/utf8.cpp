// SPDX-License-Identifier: GPL-3.0-or-later
#include "text/utf8.h"

namespace rookery::engine {
namespace {

/// Range of the second byte and number of bytes after a lead byte (Unicode 15, table 3-7); count 0: not a lead.
struct Lead {
  std::size_t followers;
  unsigned low, high;
};

Lead leadOf(unsigned byte) noexcept {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Step utf8Step(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
  if (at(0) < 0x80) return {Utf8Kind::Character, 1};
  const Lead lead = leadOf(at(0));
  if (lead.followers == 0) return {Utf8Kind::Invalid, 1};
  for (std::size_t i = 1; i <= lead.followers; ++i) {
    if (i == bytes.size()) return {Utf8Kind::Unfinished, i};
    const unsigned low = i == 1 ? lead.low : 0x80;
    const unsigned high = i == 1 ? lead.high : 0xBF;
    if (at(i) < low || at(i) > high) return {Utf8Kind::Invalid, i};
  }
  return {Utf8Kind::Character, lead.followers + 1};
}

bool isUtf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const Utf8Step step = utf8Step(bytes);
    if (step.kind != Utf8Kind::Character) return false;
    bytes.remove_prefix(step.length);
  }
  return true;
}

bool appendUtf8(std::string& out, std::uint32_t codePoint) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto follower = [&](unsigned shift) { put(0x80U | ((codePoint >> shift) & 0x3FU)); };
  if (codePoint < 0x80) {
    put(codePoint);
  } else if (codePoint < 0x800) {
    put(0xC0U | (codePoint >> 6U));
    follower(0);
  } else if (codePoint < 0x10000) {
    if (codePoint >= 0xD800 && codePoint <= 0xDFFF) return false;
    put(0xE0U | (codePoint >> 12U));
    follower(6);
    follower(0);
  } else if (codePoint <= 0x10FFFF) {
    put(0xF0U | (codePoint >> 18U));
    follower(12);
    follower(6);
    follower(0);
  } else {
    return false;
  }
  return true;
}

}  // namespace rookery::engine
