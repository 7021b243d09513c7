// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rookery/model_file.h"
#include "rookery/state_file.h"

namespace rookery::engine {

/// Where the parts of a state are in a file, under the names of whichever program wrote it.
class StateForm {
 public:
  enum class Writer { Rookery, Tuner, RwkvList, RwkvMetal, RwkvTl };

  /// nullopt: no state is in it. `file` must outlive the form.
  static std::optional<StateForm> of(const ModelFile& file);

  Writer writer() const noexcept { return m_writer; }
  const char* name() const noexcept;
  StateKind kind() const;
  bool keyFirst() const;
  /// All layers have the same parts.
  int layers() const;
  bool isV4() const;
  /// How many texts' states are in it: of rwkv-metal, whose tensors are [layer, text, ...]; else 1.
  std::int64_t texts() const;
  /// "att_kv" of layer 0 and so on: the tensor, or the slice of one. nullopt: there is none.
  std::optional<TensorSource> part(std::string_view name, int layer) const;
  /// What the file calls it, for sentences.
  std::string partName(std::string_view name, int layer) const;

 private:
  StateForm(const ModelFile& file, Writer writer, std::string prefix) : m_file(&file), m_writer(writer), m_prefix(std::move(prefix)) {}
  bool hasPart(int layer) const;

  const ModelFile* m_file;
  Writer m_writer;
  std::string m_prefix;    ///< of a list within a dictionary
  int m_partsPerLayer = 3; ///< of a list
};

}  // namespace rookery::engine
