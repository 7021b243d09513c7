// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

/// What a model's file name says by the conventions of its makers: "rwkv7-g1d-0.1b-20260129-ctx8192.pth",
/// "RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth", "RWKV-4-Pile-169M-20220807-8023.pth", "rwkv7-2.9B-g1-Q8_0.gguf".
/// A name is a claim: what the tensors say (model_info.h) is what counts.
struct FileNameParts {
  std::string generation;         ///< "7", "7a" (with DeepEmbed), "7b", "6", "5.2", "4"; never empty
  std::string series;             ///< "World", "Pile", "Raven", "Novel", ...; empty for the G releases
  std::string data;               ///< the training data: "G1d", "v2.1"; empty: not said
  std::string size;               ///< parameters, "2.9B", "169M"; empty: not said
  int year = 0, month = 0, day = 0;  ///< 0: not said
  int context = 0;                ///< tokens in the longest texts of training; 0: not said
  std::string weights;            ///< "Q4_K_M", "F16", "nf4"; empty: not said
  std::vector<std::string> rest;  ///< parts that follow no convention, as they are
};

/// nullopt: the name does not start as RWKV models' names do, or says nothing but that.
std::optional<FileNameParts> parseFileName(std::string_view fileName);

/// What a model in that file is called by people: the file's name, or that of its folder where all models of Hugging Face
/// have files of that name (model.safetensors, pytorch_model.bin, their parts and lists); in its cache that of the repository.
std::string modelName(const std::filesystem::path& file);
/// Without the suffix of a container, if it ends with one.
std::string withoutSuffix(std::string_view fileName);

/// What a data version of the World series stands for, in trillions (10^12) of tokens (wiki.rwkv.com, FAQ).
struct DataVersion {
  double tokens = 0;  ///< of this data set
  double total = 0;   ///< that models of this version have read, earlier versions included; 0: not stated
};
/// For "v1", "v2", "v2.1", "v3" of the series World; a World model whose name has no version is v1. nullopt: not known.
std::optional<DataVersion> worldData(const FileNameParts& parts);

/// One English sentence per part, for the command line.
std::vector<std::string> explainFileName(const FileNameParts& parts);

}  // namespace rookery::engine
