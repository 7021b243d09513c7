// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <new>

#include "backend/common/weight_rows.h"
#include "convert/gguf_metadata.h"
#include "formats/gguf_writer.h"
#include "formats/safetensors_writer.h"
#include "program/weight_part.h"
#include "quant/convert.h"
#include "sampler/softmax.h"
#include "weights/official_names.h"

namespace rookery::engine {

namespace {

constexpr std::string_view kFive = "att.time_maa_w2";

// One tensor of the new file, row after row.
class Maker {
 public:
  Maker(WeightSource& source, const ConvertOptions& options, std::stop_token stop) : m_source(source), m_options(options), m_stop(std::move(stop)) {}

  void expect(std::uint64_t bytes) { m_total += bytes; }
  std::uint64_t total() const { return m_total; }

  // A weight by its official name; of a vector, one row.
  Result<void> weight(const Weight& weight, DType type, bool inOut, const PutBytes& put) {
    auto view = m_source.get(weight.name);
    if (!view) return tl::unexpected(view.error());
    m_name = weight.name;
    if (weight.role == WeightRole::Vector) return matrix({view->dtype, 1, view->rows, false, view->bytes}, type, false, put);
    // time_maa_w2: five matrices, each turned on its own.
    const std::int64_t parts = inOut && weight.name.ends_with(kFive) ? 5 : 1;
    const std::uint64_t bytes = view->bytes.size() / static_cast<std::uint64_t>(parts);
    view->rows /= parts;
    for (std::int64_t part = 0; part < parts; ++part) {
      WeightView one = *view;
      one.bytes = view->bytes.subspan(static_cast<std::uint64_t>(part) * bytes, bytes);
      if (auto good = matrix(one, type, inOut, put); !good) return good;
    }
    return {};
  }

 private:
  // `view` as rows of `type`; `inOut`: written [inputs][outputs], as official files have LoRA matrices.
  Result<void> matrix(const WeightView& view, DType type, bool inOut, const PutBytes& put) {
    if (view.dtype == type && view.transposed == inOut) {
      if (auto good = checkFinite(view.dtype, view.bytes); !good) return good;
      return pieces(view.bytes, put);
    }
    const WeightView source = inOut ? turned(view) : view;
    std::vector<float> row(static_cast<std::size_t>(source.cols));
    std::vector<std::byte> bytes(byteSize(type, row.size()));
    for (std::int64_t r = 0; r < source.rows; ++r) {
      const bool moved = source.dtype == type && !source.transposed;
      if (moved) {
        std::copy_n(source.bytes.begin() + static_cast<std::ptrdiff_t>(byteSize(type, static_cast<std::uint64_t>(r * source.cols))), bytes.size(), bytes.begin());
      } else {
        if (inOut) readTurned(view, r, row);
        else readWeights(source, r, 0, row);
        if (!allNumbers(row)) return notFinite();
        encodeFromF32(type, row, bytes);
      }
      if (auto good = checkFinite(type, bytes); !good) {
        if (moved || good.error().code == ErrorCode::Cancelled) return good;
        return fail(ErrorCode::NotFinite, fmt::format("Tensor {} has weights that are too large for {}; fp32 or bf16 can hold them.", m_name, traits(type).name));
      }
      if (auto good = pieces(bytes, put); !good) return good;
    }
    return {};
  }

  // The same weights with inputs and outputs exchanged.
  static WeightView turned(const WeightView& view) { return {view.dtype, view.cols, view.rows, !view.transposed, view.bytes}; }

  // Input `k` of all outputs. Block types lie along the inputs, so whole rows are decoded: LoRA matrices are small.
  static void readTurned(const WeightView& view, std::int64_t k, std::vector<float>& out) {
    const WeightView other = turned(view);
    if (traits(view.dtype).blockSize == 1) return readWeights(other, k, 0, out);
    std::vector<float> row(static_cast<std::size_t>(view.cols));
    for (std::int64_t r = 0; r < view.rows; ++r) {
      readWeights(view, r, 0, row);
      out[static_cast<std::size_t>(r)] = row[static_cast<std::size_t>(k)];
    }
  }

  tl::unexpected<Error> notFinite() const {
    return fail(ErrorCode::NotFinite, fmt::format("Tensor {} holds values that are no numbers (NaN or infinite): the file is damaged, or its training failed. "
                                                  "Nothing was written.", m_name));
  }

  Result<void> checkFinite(DType type, std::span<const std::byte> bytes) {
    constexpr std::size_t kRun = 4096;  // a multiple of every block
    m_run.resize(kRun);
    for (const std::uint64_t step = byteSize(type, kRun); !bytes.empty();) {
      const auto part = bytes.first(std::min<std::size_t>(step, bytes.size()));
      const auto run = std::span(m_run).first(part.size() / traits(type).blockBytes * traits(type).blockSize);
      decodeToF32(type, part, run);
      if (!allNumbers(run)) return notFinite();
      if (m_stop.stop_requested()) return fail(ErrorCode::Cancelled, "The conversion was stopped.");
      bytes = bytes.subspan(part.size());
    }
    return {};
  }

  Result<void> pieces(std::span<const std::byte> bytes, const PutBytes& put) {
    constexpr std::size_t kPiece = std::size_t{8} << 20U;
    while (!bytes.empty()) {
      if (m_stop.stop_requested()) return fail(ErrorCode::Cancelled, "The conversion was stopped.");
      const auto piece = bytes.first(std::min(kPiece, bytes.size()));
      if (auto good = put(piece); !good) return good;
      m_done += piece.size();
      if (m_options.progress) m_options.progress(m_done, m_total);
      bytes = bytes.subspan(piece.size());
    }
    return {};
  }

  WeightSource& m_source;
  const ConvertOptions& m_options;
  std::stop_token m_stop;
  std::uint64_t m_done = 0, m_total = 0;
  std::string m_name;        ///< of the weight that is being written
  std::vector<float> m_run;
};

DType typeFor(const Weight& weight, DType precision) {
  return weight.role == WeightRole::Vector ? DType::F32 : storedAs(precision, partOf(weight), weight.cols);
}

// As official files have it.
std::vector<std::int64_t> officialShapeOf(const Weight& weight, const ModelShape& shape) {
  const auto ends = [&](std::string_view end) { return weight.name.ends_with(end); };
  if (weight.role == WeightRole::Vector) {
    const bool perHead = ends(".r_k") || ends(".time_faaaa") || (ends(".time_decay") && shape.version == RwkvVersion::V5_2);
    if (perHead && weight.rows == shape.nEmbd) return {shape.heads(), shape.headSize};
    return {weight.rows};
  }
  if (weight.role != WeightRole::LowRank) return {weight.rows, weight.cols};
  if (ends(kFive)) return {5, weight.cols, weight.rows / 5};
  return {weight.cols, weight.rows};
}

std::vector<OutputEntry> safetensorsEntries(const Program& program, DType precision, Maker& maker) {
  std::vector<OutputEntry> entries;
  for (const Weight& weight : program.weights) {
    const DType type = typeFor(weight, precision);
    entries.push_back({weight.name, officialShapeOf(weight, program.shape), type, [&maker, &weight, type](const PutBytes& put) {
      return maker.weight(weight, type, weight.role == WeightRole::LowRank, put);
    }});
  }
  return entries;
}

std::vector<OutputEntry> ggufEntries(const Program& program, DType precision, Maker& maker) {
  const bool version6 = program.shape.version == RwkvVersion::V6;
  std::map<std::string, const Weight*> byName;
  for (const Weight& weight : program.weights) byName[weight.name] = &weight;

  std::vector<OutputEntry> entries;
  const auto add = [&](std::string theirs, const Weight& weight) {
    OutputEntry entry{std::move(theirs), {weight.rows, weight.cols}, typeFor(weight, precision), {}};
    if (weight.role == WeightRole::Vector) entry.shape = {weight.rows};
    if (weight.name.ends_with(".time_faaaa")) entry.shape = {program.shape.heads(), program.shape.headSize};
    if (weight.name.ends_with(kFive)) entry.shape = {5, weight.rows / 5, weight.cols};
    // llama.cpp's own files have these in fp32.
    if (weight.role == WeightRole::LowRank && (version6 || weight.name.ends_with(".w1") || weight.name.ends_with(".w2"))) entry.type = DType::F32;
    entry.make = [&maker, &weight, type = entry.type](const PutBytes& put) { return maker.weight(weight, type, false, put); };
    entries.push_back(std::move(entry));
  };
  for (const Weight& weight : program.weights)
    if (std::string theirs = ggufName(weight.name, version6); !theirs.empty()) add(std::move(theirs), weight);
  // Layer 0 of version 7 has no value residual: llama.cpp wants tensors in its place and does not look at them.
  if (!version6)
    for (const char* part : {"0", "1", "2"}) add(fmt::format("blk.0.time_mix_v{}.weight", part), *byName.at(fmt::format("blocks.0.att.a{}", part)));
  const auto mixes = fusedMixes(version6);
  for (int layer = 0; layer < program.shape.layers; ++layer) {
    OutputEntry fused{fmt::format("blk.{}.time_mix_lerp_fused.weight", layer), {static_cast<std::int64_t>(mixes.size()), 1, 1, program.shape.nEmbd}, DType::F32, {}};
    std::vector<const Weight*> parts;
    for (const std::string_view mix : mixes) parts.push_back(byName.at(fmt::format("blocks.{}.{}", layer, mix)));
    fused.make = [&maker, parts](const PutBytes& put) -> Result<void> {
      for (const Weight* part : parts)
        if (auto good = maker.weight(*part, DType::F32, false, put); !good) return good;
      return {};
    };
    entries.push_back(std::move(fused));
  }
  return entries;
}

/// In lower case.
std::string extensionOf(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

Result<void> checkTarget(const std::filesystem::path& in, const std::filesystem::path& out, DType precision) {
  const std::string extension = extensionOf(out);
  if (extension != ".safetensors" && extension != ".gguf")
    return fail(ErrorCode::InvalidArgument, fmt::format("The name {} ends in neither .safetensors nor .gguf, so it does not say what to write.", out.string()));
  std::error_code ignored;
  const auto parts = listOfParts(out), read = listOfParts(in);
  const bool isPart = parts && read && std::filesystem::equivalent(*parts, *read, ignored);
  if (isPart || std::filesystem::equivalent(in, out, ignored))
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is the file that is read; choose another name for the new one.", out.string()));
  const auto name = traits(precision).name;
  if (isLoadOnly(precision))
    return fail(ErrorCode::InvalidArgument, fmt::format("{} exists at load only: run the model with --strategy \"cpu {}\". Files can hold int8 and int4.", name, name));
  if (extension == ".gguf" && !ggufType(precision))
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is Rookery's own format, which GGUF does not have; write a .safetensors file, or choose q8_0 or q4_k.", name));
  return {};
}

Result<void> checkVocabulary(const ModelFile& file, const std::filesystem::path& out, const ConvertOptions& options) {
  if (options.vocabulary.empty()) return {};
  if (extensionOf(out) != ".gguf")
    return fail(ErrorCode::InvalidArgument, "A .safetensors file has no place for a vocabulary; leave --vocab out, or write a .gguf.");
  if (file.container() == Container::Gguf)
    return fail(ErrorCode::InvalidArgument, "A GGUF that is made from a GGUF keeps its own vocabulary; leave --vocab out.");
  return {};
}

// A GGUF keeps its own; the 20B tokenizer of RWKV-4 has no form there.
Result<std::shared_ptr<const Tokenizer>> vocabularyFor(const ModelFile& file, const ModelInfo& info, const ConvertOptions& options) {
  if (file.container() == Container::Gguf) return std::shared_ptr<const Tokenizer>{};
  auto tokenizer = Tokenizer::forModel(file, info, options.vocabulary);
  if (!tokenizer && tokenizer.error().code == ErrorCode::VocabularyMissing && options.vocabulary.empty()) return std::shared_ptr<const Tokenizer>{};
  if (tokenizer && !(*tokenizer)->isLongestMatch())
    return fail(ErrorCode::FormatUnknown, "This tokenizer is not of the World kind, the only one that GGUF files of RWKV hold.");
  return tokenizer;
}

}  // namespace

Result<ConvertReport> convertModel(std::shared_ptr<const ModelFile> file, const std::filesystem::path& out,
                                   const ConvertOptions& options, std::stop_token stop) try {
  if (auto good = checkTarget(file->path(), out, options.precision); !good) return tl::unexpected(good.error());
  if (auto good = checkVocabulary(*file, out, options); !good) return tl::unexpected(good.error());
  const auto source = bindWeights(file);
  if (!source) return tl::unexpected(source.error());
  const ModelInfo& info = (*source)->info();
  const Program program = buildProgram(info.shape, {0, info.shape.layers, true, true});

  Maker maker(**source, options, std::move(stop));
  ConvertReport report;
  std::vector<OutputEntry> entries;
  Result<void> written;
  const auto count = [&] {
    for (const OutputEntry& entry : entries) maker.expect(entry.bytes());
    report.tensors = entries.size();
    report.bytes = maker.total();
  };
  if (extensionOf(out) == ".gguf") {
    if (info.shape.version != RwkvVersion::V7 && info.shape.version != RwkvVersion::V6)
      return fail(ErrorCode::VersionUnsupported, fmt::format("llama.cpp's GGUF has RWKV-6 and 7 only; this model is RWKV-{}. A .safetensors file can be written.", versionName(info.shape.version)));
    const auto vocabulary = vocabularyFor(*file, info, options);
    if (!vocabulary) return tl::unexpected(vocabulary.error());
    entries = ggufEntries(program, options.precision, maker);
    count();
    report.vocabulary = *vocabulary != nullptr || info.tokenizer == TokenizerKind::Embedded;
    written = writeGguf(out, ggufKeys(*file, info, options.precision, vocabulary->get()), entries);
  } else {
    if (info.shape.normEps != ModelShape{}.normEps)
      return fail(
          ErrorCode::InvalidArgument,
          fmt::format(
              "The norms of this model have an epsilon of {:g}, which a .safetensors cannot say; write a .gguf.",
              info.shape.normEps));
    entries = safetensorsEntries(program, options.precision, maker);
    count();
    auto metadata = ownMetadata("model");
    metadata.insert(metadata.end(), {{"format", "pt"}, {"rookery.precision", std::string(traits(options.precision).name)}});
    written = writeSafetensors(out, entries, std::move(metadata));
  }
  if (!written) return tl::unexpected(written.error());
  return report;
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while the model was being converted.");
}

}  // namespace rookery::engine
