// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "rookery/result.h"

namespace rookery::cli {

enum class OutputKind { Model, State, Logits, Probs, Report, Markdown, Csv };

/// A result that a run is to write. An empty name: not asked for.
struct Output {
  std::string path;
  OutputKind kind;
};

/// Before long work: FileWriteFailed where a result cannot be written (its folder is not there, ...), InvalidArgument if it
/// is a file that the run reads, if two have one name, or if a file is there that is not of the same kind and written by
/// this program, unless `force`. An empty file may be replaced: nothing is lost. Devices and pipes take anything.
engine::Result<void> checkOutputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs, bool force);

/// What --force is for, in every verb that writes files.
inline constexpr const char* kForceHelp = "Replace any file that is in the way of a result";

}  // namespace rookery::cli
