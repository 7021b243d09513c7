// SPDX-License-Identifier: GPL-3.0-or-later
// What a new backend must write itself, and that it is enough: support/plain_backend runs every golden case of every
// generation through backend/common/.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "backend/split_backend.h"
#include "rookery/model_file.h"
#include "support/golden.h"
#include "support/plain_backend.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

/// A model on the plain backend: whole, or in two segments, which hand values on.
class PlainModel {
 public:
  PlainModel(const std::filesystem::path& path, bool split) {
    const auto source = bindWeights(ModelFile::open(path).value());
    REQUIRE_MESSAGE(source.has_value(), (source ? "" : source.error().message));
    m_shape = (*source)->info().shape;
    const auto plain = std::make_shared<PlainBackend>();
    const int half = m_shape.layers / 2;
    m_backend = !split ? std::shared_ptr<Backend>(plain)
                       : makeSplitBackend({{plain, {"plain", {}, {0, half, true, false}}},
                                           {plain, {"plain", {}, {half, m_shape.layers, false, true}}}});
    m_program = buildProgram(m_shape, {0, m_shape.layers, true, true});
    auto weights = m_backend->place(m_program, **source, {}, m_ledger);
    REQUIRE_MESSAGE(weights.has_value(), (weights ? "" : weights.error().message));
    m_executable = m_backend->compile(m_program, *weights, m_ledger).value();
    for (auto& state : m_states) state = m_backend->newState(m_program.stateLayout, m_ledger).value();
  }

  /// Logits of `positions`, [position][vocab]. The state after it: state().
  std::vector<float> read(const std::vector<TokenId>& tokens, const std::vector<std::size_t>& positions,
                          std::size_t chunk) {
    REQUIRE(m_states[0]->upload(State(m_shape).data()).has_value());
    std::vector<float> all;
    for (std::size_t first = 0; first < tokens.size(); first += chunk) {
      const std::size_t count = std::min({chunk, m_executable->maxTokens(), tokens.size() - first});
      std::vector<std::uint32_t> rows;
      for (const std::size_t position : positions)
        if (position >= first && position < first + count) rows.push_back(static_cast<std::uint32_t>(position - first));
      std::vector<float> logits(rows.size() * static_cast<std::size_t>(m_shape.vocab));
      const auto ran = m_executable->submit(
          {std::span(tokens).subspan(first, count), m_states[0].get(), m_states[1].get(), rows, logits, {}});
      REQUIRE_MESSAGE(ran.has_value(), (ran ? "" : ran.error().message));
      std::swap(m_states[0], m_states[1]);
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

  State state() const {
    State state(m_shape);
    REQUIRE(m_states[0]->download(state.data()).has_value());
    return state;
  }

 private:
  Ledger m_ledger;
  ModelShape m_shape;
  Program m_program;
  std::shared_ptr<Backend> m_backend;
  std::unique_ptr<Executable> m_executable;
  std::array<std::unique_ptr<DeviceState>, 2> m_states;
};

/// Logits and states of all sequences of a case. `logits`: the tensor's name, after the sequence's.
void checkSequences(const std::filesystem::path& path, const nlohmann::json& sequences, const Tensors& vectors,
                    const std::string& before, const std::string& after, double tolerance, double stateTolerance) {
  CAPTURE(path.string());
  for (const bool split : {false, true}) {
    CAPTURE(split);
    PlainModel model(path, split);
    for (const auto& [name, sequence] : sequences.items()) {
      CAPTURE(name);
      const auto expected = vectors.find(before + name + after);
      REQUIRE(expected != vectors.end());
      const auto tokens = sequence["tokens"].get<std::vector<TokenId>>();
      std::vector<float> first;
      for (const std::size_t chunk : split ? std::vector<std::size_t>{64} : std::vector<std::size_t>{1, 64}) {
        CAPTURE(chunk);
        const auto logits = model.read(tokens, sequence["positions"].get<std::vector<std::size_t>>(), chunk);
        CHECK(maxDifference(logits, expected->second.values) <= tolerance);
        if (first.empty()) first = logits;
        CHECK(logits == first);  // chunking changes no bit
      }
      const State state = model.state();
      for (const auto& [tensor, values] : vectors) {
        const std::string prefix = name + ".rnn.state.";
        if (!tensor.starts_with(prefix) || stateTolerance == 0) continue;
        const std::size_t dot = tensor.rfind('.');
        CHECK(maxDifference(
                  state.tensor(tensor.substr(prefix.size(), dot - prefix.size()), std::stoi(tensor.substr(dot + 1))),
                  values.values) <= stateTolerance);
      }
    }
  }
}

}  // namespace

TEST_CASE("a third backend runs every golden case through what all backends share") {
  int cases = 0;
  for (const auto& folder : modelCases()) {
    if (folder.filename() == "v7_vocab") continue;  // large, and no other shape
    if (std::filesystem::exists(folder / "manifest.json")) {
      const auto manifest = readJson(folder / "manifest.json");
      const auto& tolerance = manifest["tolerance"];
      checkSequences(folder / "model.pth", manifest["sequences"], readTensors(folder / "vectors.safetensors"), "",
                     ".rnn.logits", tolerance["logits_fp32"], tolerance["state_fp32"]);
      ++cases;
    }
    if (!std::filesystem::exists(folder / "gguf_manifest.json")) continue;
    const auto manifest = readJson(folder / "gguf_manifest.json");
    const auto vectors = readTensors(folder / "gguf_vectors.safetensors");
    for (const auto& [quantisation, entry] : manifest["ggufs"].items()) {
      const auto path = folder / entry["file"].get<std::string>();
      if (!std::filesystem::exists(path)) continue;
      checkSequences(path, manifest["sequences"], vectors, quantisation + ".", ".dequantised.rnn.logits",
                     entry["tolerance"]["dequantised_fp32"], 0);
      ++cases;
    }
  }
  CHECK(cases >= 15);
}
