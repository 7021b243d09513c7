// SPDX-License-Identifier: GPL-3.0-or-later
// `bench`: measures a model and writes the report.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "common.h"
#include "formats/file_writer.h"
#include "outputs.h"
#include "rookery/bench.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"

namespace rookery::cli {
namespace {

struct BenchOptions {
  engine::BenchRequest request;
  std::string model, precision, mode = "exact", report, markdown, csv;
  bool noBandwidth = false, force = false;
};

const char* stepName(engine::BenchStep step) {
  switch (step) {
    case engine::BenchStep::Load: return "load";
    case engine::BenchStep::Bandwidth: return "bandwidth";
    case engine::BenchStep::WarmUp: return "warm-up";
    case engine::BenchStep::Prefill: return "prefill";
    case engine::BenchStep::Decode: return "decode";
    case engine::BenchStep::State: return "state";
    case engine::BenchStep::Chat: return "chat";
    case engine::BenchStep::Done: return "done";
  }
  return "";
}

/// One line that rewrites itself on a terminal, one line per step elsewhere.
class ProgressLine {
 public:
  void show(const engine::BenchProgress& p) {
    if (!m_terminal) {
      if (p.test != m_test && p.step != engine::BenchStep::Done) print(stderr, "{}\n", p.test);
      m_test = p.test;
      return;
    }
    const std::string left = p.secondsLeft < 0 ? "" : fmt::format(", {:.0f} s left", p.secondsLeft);
    const std::string spread = p.run > 1 ? fmt::format(" ± {:.1f} %", 100 * p.spread) : "";
    const std::string value = p.lastValue > 0 ? fmt::format(", {:.1f}{}", p.lastValue, spread) : "";
    print(stderr, "\r\033[K{:3.0f} %  {} {} run {}/{}{}{}", 100 * p.fraction, stepName(p.step), p.test, p.run,
               p.plannedRuns, value, left);
    std::fflush(stderr);
  }
  void clear() const {
    if (m_terminal) print(stderr, "\r\033[K");
  }

 private:
  bool m_terminal = stderrIsTerminal();
  std::string m_test;
};

/// 0 where there is no such model, which measuring says.
int layersOf(const BenchOptions& o) {
  if (!o.request.syntheticShape.empty()) {
    const auto shape = engine::officialShape(o.request.syntheticShape);
    return shape ? shape->layers : 0;
  }
  const auto file = openModel(o.request.guide ? "guide" : o.model);
  const auto info = file ? engine::detect(**file) : Result<engine::ModelInfo>(tl::unexpected<Error>(file.error()));
  return info ? info->shape.layers : 0;
}

Result<void> run(BenchOptions& o, Context& context) {
  engine::BenchRequest& request = o.request;
  if (o.mode == "fast")
    return fail(ErrorCode::InvalidArgument, "The mode \"fast\" does not exist yet; this build measures \"exact\" only.");
  if (isGuide(o.model)) request.guide = true;
  else request.modelPath = o.model;
  if (!o.precision.empty()) {
    const auto precision = parsePrecision(o.precision);
    if (!precision) return tl::unexpected<Error>(precision.error());
    request.precision = *precision;
  }
  if (auto good = checkOutputs({{o.report, OutputKind::Report}, {o.markdown, OutputKind::Markdown}, {o.csv, OutputKind::Csv}}, {o.model}, o.force); !good) return good;
  request.maxReps = std::max(request.maxReps, request.minReps);
  request.measureBandwidth = !o.noBandwidth;

  if (const int layers = layersOf(o); layers > 0) noteStrategy(request.strategy, layers);

  ProgressLine line;
  const auto report = engine::runBench(request, [&](const engine::BenchProgress& p) { line.show(p); }, context.stop);
  line.clear();
  if (!report) return tl::unexpected<Error>(report.error());
  const std::string document = engine::reportJson(*report);
  const std::string table = engine::reportMarkdown(*report);
  printTable(stdout, context.json ? engine::printableJson(document) : table);
  if (report->partial) context.exit = kInterrupted;
  // Minutes of measuring are not thrown away for a full disk: what was printed stays the one document.
  const auto write = [&](const std::string& path, const std::string& text) {
    if (path.empty()) return;
    if (const auto written = engine::writeWholeFile(path, text); !written) {
      print(stderr, "rookery-cli: {}\n", written.error().message);
      context.exit = kFailed;
    }
  };
  write(o.report, document);
  write(o.markdown, table);
  write(o.csv, engine::reportCsv(*report));
  return {};
}

}  // namespace

Verb addBench(CLI::App& app, Context& context) {
  const auto o = std::make_shared<BenchOptions>();
  engine::BenchRequest& r = o->request;
  CLI::App* verb = app.add_subcommand("bench", "Measure tokens/s, memory and state times, and report them");
  auto* choice = verb->add_option_group("model");
  choice->add_option("--model", o->model, "Model file, or \"guide\"")->type_name("M");
  choice->add_option("--synthetic", r.syntheticShape, "Random weights of an official shape, for example rwkv7-0.1b");
  choice->add_flag("--guide", r.guide, "The built-in guide model");
  choice->require_option(1);
  verb->add_option("--precision", o->precision, "fp16, int8, nf4, q8_0, ... (a file: as it came)");
  verb->add_option("--strategy", r.strategy, "Where layers run")->capture_default_str();
  verb->add_option("--threads", r.threads, "CPU threads; 0: one per physical core")->check(wholeNumber(0, 4096))->capture_default_str();
  verb->add_option("--pp", r.promptTokens, "Tokens to read; 0: skip")->check(wholeNumber(0, 1'000'000))->capture_default_str();
  verb->add_option("--tg", r.generateTokens, "Tokens to generate; 0: skip")->check(wholeNumber(0, 1'000'000))->capture_default_str();
  verb->add_option("--reps", r.minReps, "Fewest measured runs")->check(wholeNumber(1, 1000))->capture_default_str();
  verb->add_option("--max-reps", r.maxReps, "Most measured runs while results still spread")->check(wholeNumber(1, 1000))->capture_default_str();
  verb->add_option("--mode", o->mode, "exact or fast")->check(CLI::IsMember({"exact", "fast"}))->capture_default_str();
  verb->add_flag("--no-bandwidth", o->noBandwidth, "Do not measure the memory read limit");
  verb->add_option("--report", o->report, "Write the JSON report")->check(notEmpty())->type_name("F");
  verb->add_option("--markdown", o->markdown, "Write the Markdown report")->check(notEmpty())->type_name("F");
  verb->add_option("--csv", o->csv, "Write every sample as CSV")->check(notEmpty())->type_name("F");
  verb->add_flag("--force", o->force, kForceHelp);
  addJsonFlag(*verb, context);
  return {verb, [o, &context] { return run(*o, context); }};
}

}  // namespace rookery::cli
