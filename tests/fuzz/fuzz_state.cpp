// SPDX-License-Identifier: GPL-3.0-or-later
// A packed state out of a database, and a state file, both for a tiny model's shape.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "rookery/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rookery::engine;
  ModelShape shape;
  shape.layers = 1;
  shape.nEmbd = 16;
  shape.headSize = 16;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto check = [](const Result<State>& state) {
    if (!state) {
      if (state.error().message.empty()) std::abort();
      return;
    }
    const auto again = State::unpack(state->pack(), ModelShape{RwkvVersion::V7, 1, 16, 16});
    if (!again || std::memcmp(again->data().data(), state->data().data(), state->data().size_bytes()) != 0) std::abort();
  };
  check(State::unpack(bytes, shape));
  // The same with a sound header, so that what is behind it is reached.
  std::vector<std::byte> packed = State(shape).pack();
  packed.resize(24);
  packed.insert(packed.end(), bytes.begin(), bytes.end());
  check(State::unpack(packed, shape));
  // A state file, of whichever program.
  if (const auto file = ModelFile::fromMemory(bytes, "fuzz.st")) {
    if (const auto info = describeState(**file); info && (info->nEmbd <= 0 || describe(*info).empty())) std::abort();
    const auto loaded = loadState(**file, shape);
    check(loaded ? Result<State>(loaded->state) : Result<State>(tl::unexpected(loaded.error())));
  }
  return 0;
}
