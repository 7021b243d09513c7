// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rookery/model.h"
#include "rookery/model_file.h"
#include "rookery/state.h"

namespace rookery::engine {

enum class StateKind {
  Saved,    ///< written by State::save(): the memory of a text
  Tuned,    ///< what state tuning trains: a start, without any text read
  Foreign,  ///< the whole state of another program
};

/// What a state file says of itself (`__metadata__`); all empty in files of other programs and of before it was written.
struct StateLabel {
  std::string model;        ///< its name
  std::string fingerprint;  ///< Model::fingerprint(): whose the state is
  std::string program;      ///< "Rookery 0.1.0"
  std::string date;         ///< UTC, "2026-11-29T18:00:00Z"
  std::optional<std::uint64_t> tokens;  ///< read since the empty state
  bool chat = false;        ///< a conversation stands in it: what comes next is a later turn
};
/// For a state of `model` that is saved now.
StateLabel labelFor(const Model& model, std::uint64_t tokens, bool chat);

/// What a file holds, told without a model.
struct StateInfo {
  StateKind kind{};
  std::string form;              ///< "rookery", "tuned", "rwkv" (the official package's list), "rwkv-metal", "rwkv-tl"
  std::vector<int> generations;  ///< that it can be of: of 5, 6 and 7 tuned states and lists look alike
  int layers = 0, nEmbd = 0;
  int headSize = 0;              ///< 0: RWKV-4
  /// Matrices lie as [head, key, value]: a tuned state in a safetensors file that is not called .safetensors (web-rwkv
  /// and Ai00 call theirs .st and .state). No content tells, so whoever reads one says it.
  bool keyFirst = false;
  StateLabel label;

  bool fits(const ModelShape& shape) const;
  /// Whether a conversation stands in it. Saved files without a label cannot say; before there were any, chats wrote most.
  bool isChat() const { return kind == StateKind::Saved && (label.chat || label.program.empty()); }
  /// False: it says that it is another model's.
  bool belongsTo(const std::string& fingerprint) const { return label.fingerprint.empty() || label.fingerprint == fingerprint; }
};
/// "a tuned state for RWKV-7, 12 layers, width 768", "... for RWKV-5, 6 or 7, ..."
std::string describe(const StateInfo& info);

/// By names alone, whatever the shapes are: also of a model that a tuned state was merged into. nullopt: no state.
std::optional<StateKind> stateKindOf(const ModelFile& file);
/// NotRwkv: no state is in it. FileDamaged: one is, of shapes that no state has.
Result<StateInfo> describeState(const ModelFile& file);
/// Reads it all as the model that it was made for would: complete, and every value a number. `info`: by describeState().
/// Errors: those of loadState().
Result<void> checkState(const ModelFile& file, const StateInfo& info);

struct LoadedState {
  State state;
  StateInfo info;
};
/// Any state file, in the canonical form. What a tuned state lacks is as in the empty state. StateMismatch if its layers,
/// shapes or generation are not those of `shape`; FileDamaged if it holds values that are no numbers. Whose it is is not
/// asked (belongsTo()).
Result<LoadedState> loadState(const std::filesystem::path& path, const ModelShape& shape);
Result<LoadedState> loadState(const ModelFile& file, const ModelShape& shape);

}  // namespace rookery::engine
