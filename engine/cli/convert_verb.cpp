// SPDX-License-Identifier: GPL-3.0-or-later
// `convert`: the same model in another format or container.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common.h"
#include "outputs.h"
#include "rookery/convert.h"

namespace rookery::cli {
namespace {

struct ConvertOptions {
  std::string in, out, precision, vocabulary;
  bool force = false;
};

/// Without those that exist at load only.
std::vector<std::string_view> filePrecisions() {
  std::vector<std::string_view> names;
  for (const engine::DType type : engine::precisions())
    if (!engine::isLoadOnly(type)) names.push_back(engine::traits(type).name);
  return names;
}

Result<void> run(const ConvertOptions& o, const Context& context) {
  if (auto good = checkOutputs({{o.out, OutputKind::Model}}, {isGuide(o.in) ? std::string() : o.in, o.vocabulary}, o.force); !good) return good;
  const auto precision = engine::precisionNamed(o.precision);
  if (!precision) return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is not a precision that a file can have; there are {}.", o.precision, fmt::join(filePrecisions(), ", ")));
  engine::ConvertOptions options;
  options.precision = *precision;
  options.vocabulary = o.vocabulary;
  const bool terminal = stderrIsTerminal();
  if (terminal)
    options.progress = [](std::uint64_t done, std::uint64_t total) {
      print(stderr, "\rwriting {:.0f} of {:.0f} MB", static_cast<double>(done) / 1e6, static_cast<double>(total) / 1e6);
    };
  const auto file = openModel(o.in);
  if (!file) return tl::unexpected<Error>(file.error());
  if (const auto info = engine::detect(**file)) noteUnused(*info);
  noteOthersIn(**file);
  const auto report = engine::convertModel(*file, o.out, options, context.stop);
  if (terminal) print(stderr, "\r                                        \r");
  if (!report) return tl::unexpected<Error>(report.error());
  if (context.json)
    printJson({{"out", o.out}, {"precision", o.precision}, {"tensors", report->tensors}, {"bytes", report->bytes}, {"vocabulary", report->vocabulary}});
  else
    print(stderr, "{}: {} tensors, {:.1f} MB, {}\n", o.out, report->tensors, static_cast<double>(report->bytes) / 1e6,
               report->vocabulary ? "with a vocabulary" : "without a vocabulary");
  return {};
}

}  // namespace

Verb addConvert(CLI::App& app, Context& context) {
  const auto o = std::make_shared<ConvertOptions>();
  CLI::App* verb = app.add_subcommand("convert", "Write a model in another format");
  verb->add_option("in", o->in, "Model file, or \"guide\"")->required()->check(notEmpty())->type_name("IN");
  verb->add_option("out", o->out, "New file; .safetensors or .gguf")->required()->check(notEmpty())->type_name("OUT");
  verb->add_option("--precision", o->precision, fmt::format("One of {}", fmt::join(filePrecisions(), ", ")))->required()->check(notEmpty());
  verb->add_option("--vocab", o->vocabulary, "Vocabulary file to put into a .gguf (default: the model's own, if it is at hand)")->check(notEmpty())->type_name("FILE");
  verb->add_flag("--force", o->force, kForceHelp);
  addJsonFlag(*verb, context);
  return {verb, [o, &context] { return run(*o, context); }};
}

}  // namespace rookery::cli
