// SPDX-License-Identifier: GPL-3.0-or-later
// Broken and malicious files through the real program: every `reject` exits 3 with one sentence in under a second,
// every `accept` opens.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/golden.h"
#include "support/process.h"

using namespace rookery::test;
using nlohmann::json;

TEST_CASE("hostile files are refused quickly and sound ones open") {
  constexpr double kSeconds = 1.0;
  for (const auto& folder : goldenFolders()) {
    const json manifest = readJson(folder / "hostile/manifest.json");
    int accepted = 0, rejected = 0;
    for (const json& entry : manifest) {
      const auto path = folder / "hostile" / entry["file"].get<std::string>();
      CAPTURE(entry.dump());
      CHECK(std::filesystem::exists(path));
      const auto container = runCli({"info", "--container", path.string()});
      CHECK(container.seconds < kSeconds);
      if (entry["expect"] == "accept") {
        ++accepted;
        CHECK_MESSAGE(container.exitCode == 0, container.err);
        CHECK(container.out.starts_with("format "));
        const auto asJson = runCli({"info", "--container", "--json", path.string()});
        CHECK(asJson.exitCode == 0);
        if (asJson.exitCode == 0) CHECK(json::parse(asJson.out)["tensors"].is_array());
      } else {
        ++rejected;
        // A sound container that holds another kind of model opens as a container; that is what --container is for.
        const bool soundContainer = entry["file"] == "gguf/architecture_unknown.gguf";
        CHECK(container.exitCode == (soundContainer ? 0 : 3));
        CHECK(container.out.empty() == !soundContainer);
        const auto whole = runCli({"info", path.string()});
        CHECK(whole.exitCode == 3);
        CHECK(whole.out.empty());
        CHECK(whole.seconds < kSeconds);
        CHECK(whole.err.starts_with("rookery-cli: "));
        const std::string sentence = whole.err.substr(0, whole.err.find('\n'));
        CHECK_MESSAGE(sentence.ends_with("."), sentence);
      }
    }
    CHECK(accepted >= 5);
    CHECK(rejected >= 80);
  }
  CHECK_FALSE(std::filesystem::exists("rookery-pwned"));
}
