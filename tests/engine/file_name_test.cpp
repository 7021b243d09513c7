// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/file_name.h"

#include <doctest/doctest.h>

#include <string>

using namespace rookery::engine;

namespace {
/// All parts in one line, "-" for what is not said.
std::string parsed(const char* name) {
  const auto p = parseFileName(name);
  if (!p) return "none";
  const auto or_ = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  std::string line = p->generation + " " + or_(p->series) + " " + or_(p->data) + " " + or_(p->size) + " ";
  line += p->year == 0 ? "-" : std::to_string(p->year * 10000 + p->month * 100 + p->day);
  line += " " + (p->context == 0 ? "-" : std::to_string(p->context)) + " " + or_(p->weights);
  for (const auto& rest : p->rest) line += " +" + rest;
  return line;
}
}  // namespace

TEST_CASE("official names of every generation are understood") {
  CHECK(parsed("rwkv7-g1d-0.1b-20260129-ctx8192.pth") == "7 - G1d 0.1B 20260129 8192 -");
  CHECK(parsed("rwkv7-g0a2-7.2b-20251005-ctx4096.pth") == "7 - G0a2 7.2B 20251005 4096 -");
  CHECK(parsed("rwkv7-g1-2.9b-20250519-ctx4096.st") == "7 - G1 2.9B 20250519 4096 -");
  CHECK(parsed("rwkv7a-g1d-0.1b-20260212-ctx8192.pth") == "7a - G1d 0.1B 20260212 8192 -");
  CHECK(parsed("rwkv7-g1k-13.3b-20260930-ctx25600.pth") == "7 - G1k 13.3B 20260930 25600 -");
  CHECK(parsed("RWKV-x070-World-2.9B-v3-20250211-ctx4096.pth") == "7 World v3 2.9B 20250211 4096 -");
  CHECK(parsed("RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth") == "6 World v2.1 1.6B 20240328 4096 -");
  CHECK(parsed("RWKV-x052-World-3B-v2-20231118-ctx16k.pth") == "5.2 World v2 3B 20231118 - - +ctx16k");
  CHECK(parsed("RWKV-5-World-0.4B-v2-20231113-ctx4096.pth") == "5 World v2 0.4B 20231113 4096 -");
  CHECK(parsed("RWKV-4-World-7B-20230626-ctx4096.pth") == "4 World - 7B 20230626 4096 -");
  CHECK(parsed("RWKV-4-World-CHNtuned-7B-v1-20230709-ctx4096.pth") == "4 World v1 7B 20230709 4096 - +CHNtuned");
  CHECK(parsed("RWKV-4-Pile-169M-20220807-8023.pth") == "4 Pile - 169M 20220807 - - +8023");
  CHECK(parsed("RWKV-4-Pile-14B-20230313-ctx8192-test1050.pth") == "4 Pile - 14B 20230313 8192 - +test1050");
  CHECK(parsed("RWKV-4-Raven-14B-v12-Eng98%-Other2%-20230523-ctx8192.pth") == "4 Raven v12 14B 20230523 8192 - +Eng98% +Other2%");
}

TEST_CASE("names of other formats and repositories are understood") {
  CHECK(parsed("rwkv7-g1-2.9b-20250519-ctx4096-Q6_K.gguf") == "7 - G1 2.9B 20250519 4096 Q6_K");
  CHECK(parsed("rwkv7-2.9B-g1-F16.gguf") == "7 - G1 2.9B - - F16");
  CHECK(parsed("rwkv-6-world-7b-Q4_K_M.gguf") == "6 World - 7B - - Q4_K_M");
  CHECK(parsed("rwkv-6-world-1b6.IQ4_NL.gguf") == "6 World - 1.6B - - IQ4_NL");
  CHECK(parsed("RWKV7-G1k-2.9B-20260930") == "7 - G1k 2.9B 20260930 - -");
  CHECK(parsed("rwkv7-g1d-0.4b-20260210-ctx8192-nf4.prefab") == "7 - G1d 0.4B 20260210 8192 nf4");
}

TEST_CASE("names that say nothing, or something impossible, are left alone") {
  CHECK(parsed("model.pth") == "none");
  CHECK(parsed("llama-3-8b.gguf") == "none");
  CHECK(parsed("rwkv7.pth") == "none");
  CHECK(parsed("rwkv.pth") == "none");
  CHECK(parsed("") == "none");
  CHECK(parsed("rwkv-") == "none");
  CHECK(parsed("rwkvx-0.1b.pth") == "none");
  CHECK(parsed("rwkv7-0.1b-20261399-ctx99999999999.pth") == "7 - - 0.1B - - - +20261399 +ctx99999999999");
  CHECK(parsed(("rwkv7-" + std::string(300, 'g')).c_str()) == "none");
}

TEST_CASE("data versions of the World series are those of the FAQ; without a version it is v1") {
  const auto data = [](const char* name) { return worldData(*parseFileName(name)); };
  CHECK(data("RWKV-x070-World-2.9B-v3-20250211-ctx4096.pth")->tokens == 3);
  CHECK(data("RWKV-x070-World-2.9B-v3-20250211-ctx4096.pth")->total == 5.5);
  CHECK(data("RWKV-x060-World-3B-v2.1-20240417-ctx4096.pth")->tokens == 1.42);
  CHECK(data("RWKV-x060-World-3B-v2.1-20240417-ctx4096.pth")->total == 2.5);
  CHECK(data("RWKV-5-World-3B-v2-20231113-ctx4096.pth")->tokens == 1.1);
  CHECK(data("RWKV-4-World-7B-20230626-ctx4096.pth")->tokens == 0.59);
  CHECK_FALSE(data("RWKV-4-Raven-14B-v12-20230523-ctx8192.pth"));
  CHECK_FALSE(data("rwkv7-g1d-0.1b-20260129-ctx8192.pth"));
}

TEST_CASE("an explanation has a sentence for every part") {
  std::string all;
  for (const auto& line : explainFileName(*parseFileName("RWKV-x060-World-1B6-v2.1-20240328-ctx4096-Q8_0.gguf"))) all += line + "\n";
  for (const char* part : {"RWKV-6, series World", "v2.1: about 1.42 trillion", "2.5 with those of earlier", "size 1.6B", "2024-03-28", "context 4096", "stored as Q8_0"})
    CHECK_MESSAGE(all.find(part) != std::string::npos, all);
}

TEST_CASE("a model is called as its file, or as its folder where the file is called as any model's") {
  const auto at = [](const char* path) { return modelName(path); };
  CHECK(at("/m/rwkv7-g1.pth") == "rwkv7-g1.pth");
  CHECK(at("/m/rwkv7-0.4B-g1/model.safetensors") == "rwkv7-0.4B-g1");
  CHECK(at("/m/rwkv7-0.4B-g1/MODEL.safetensors") == "rwkv7-0.4B-g1");
  CHECK(at("/m/rwkv7-0.4B-g1/model.safetensors.index.json") == "rwkv7-0.4B-g1");
  CHECK(at("/m/rwkv7-0.4B-g1/model-00001-of-00003.safetensors") == "rwkv7-0.4B-g1");
  CHECK(at("/m/rwkv7-0.4B-g1/pytorch_model.bin") == "rwkv7-0.4B-g1");
  CHECK(at("/m/rwkv7-0.4B-g1/pytorch_model-00002-of-00002.bin") == "rwkv7-0.4B-g1");
  CHECK(at("/m/a/../b/model.safetensors") == "b");
  CHECK(at("/h/models--RWKV--rwkv7-0.4B-g1/snapshots/0a1b2c/model.safetensors") == "rwkv7-0.4B-g1");
  CHECK(at("/h/snapshots/0a1b2c/model.safetensors") == "0a1b2c");
  CHECK(at("/h/models--/snapshots/0a1b2c/model.safetensors") == "model.safetensors");  // no name is worse
  CHECK(at("model.safetensors") == std::filesystem::current_path().filename().string());
  // What says something, and a file that is in no folder.
  CHECK(at("/m/a/my-model.safetensors") == "my-model.safetensors");
  CHECK(at("/m/a/model-1.safetensors") == "model-1.safetensors");
  CHECK(at("/m/a/model-of-2.safetensors") == "model-of-2.safetensors");
  CHECK(at("/m/a/model.pth") == "model.pth");
  CHECK(at("/m/a/model.gguf") == "model.gguf");
  CHECK(at("/m/a/.safetensors") == ".safetensors");
  CHECK(at("/model.safetensors") == "model.safetensors");
}

TEST_CASE("only the suffix of a container is left out") {
  CHECK(withoutSuffix("rwkv7-0.4B-g1.safetensors") == "rwkv7-0.4B-g1");
  CHECK(withoutSuffix("rwkv7-0.4B-g1") == "rwkv7-0.4B-g1");
  CHECK(withoutSuffix("a.ST") == "a");
  CHECK(withoutSuffix("a.safetensors.index.json") == "a");
}
