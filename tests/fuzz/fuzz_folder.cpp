// SPDX-License-Identifier: GPL-3.0-or-later
// What lies beside a model: the list of its parts and its config.json, both from a stranger, beside two sound parts.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "support/format_builders.h"

namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

const fs::path& folder() {
  static const struct Folder {
    fs::path path = fs::temp_directory_path() / ("rookery-fuzz-" + std::to_string(::getpid()));
    Folder() {
      fs::create_directories(path);
      for (const char* name : {"a", "b"}) {
        auto part = rookery::test::safetensors({{name, {2, 2}}});
        const std::string_view bytes(reinterpret_cast<const char*>(part.raw().data()), part.size());
        write(path / (std::string(name) + ".safetensors"), bytes);
      }
    }
    ~Folder() { fs::remove_all(path); }
  } made;
  return made.path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rookery::engine;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  write(folder() / "model.safetensors.index.json", text);
  write(folder() / "config.json", text);
  const auto parts = ModelFile::open(folder()), part = ModelFile::open(folder() / "a.safetensors");
  if (!part || (!parts && parts.error().message.empty())) std::abort();
  if (const FolderConfig* config = (*part)->config())
    for (const auto& value : {config->layers, config->width, config->headSize})
      if (value && *value < 0) std::abort();
  if (const auto info = detect(**part); info || info.error().message.empty()) std::abort();
  return 0;
}
