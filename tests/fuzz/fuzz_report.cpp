// SPDX-License-Identifier: GPL-3.0-or-later
// A benchmark report from a stranger. What is accepted must be written and read again as the same report.
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "rookery/bench.h"

namespace {

void use(std::string_view text) {
  using namespace rookery::engine;
  const auto report = reportFromJson(text);
  if (!report) {
    if (report.error().message.empty()) std::abort();
    return;
  }
  const std::string written = reportJson(*report);
  const auto again = reportFromJson(written);
  if (!again || reportJson(*again) != written || reportMarkdown(*report).empty() || reportCsv(*report).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  use(text);
  // No fuzzer finds the SHA-256, so the same document comes with the right one, too.
  if (std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{') > 64) return 0;
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return 0;
  document.erase("sha256");
  const std::string canonical = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(canonical.data()), canonical.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) {
    constexpr char kHex[] = "0123456789abcdef";
    hex += kHex[byte / 16];
    hex += kHex[byte % 16];
  }
  document["sha256"] = hex;
  use(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return 0;
}
