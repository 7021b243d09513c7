// SPDX-License-Identifier: GPL-3.0-or-later
// `compare`: what a quantisation, or another file of the same model, changes on a text.
#include <fmt/format.h>

#include "common.h"
#include "rookery/compare.h"

namespace rookery::cli {
namespace {

struct CompareOptions {
  ModelOptions model;  ///< the reference
  std::string against, text, precisionA, precisionB;
};

Result<void> run(const CompareOptions& o, const Context& context) {
  const auto text = readTextFile(o.text);
  if (!text) return tl::unexpected<Error>(text.error());
  ModelOptions a = o.model, b = o.model;
  a.precision = o.precisionA;
  b.precision = o.precisionB;
  if (!o.against.empty()) b.model = o.against;
  const auto first = loadModel(a, context);
  if (!first) return tl::unexpected<Error>(first.error());
  const auto second = loadModel(b, context);
  if (!second) return tl::unexpected<Error>(second.error());
  const auto tokenizer = ((*first)->tokenizer() ? *first : *second)->requireTokenizer();
  if (!tokenizer) return tl::unexpected<Error>(tokenizer.error());
  const auto tokens = (*tokenizer)->encode(*text, context.stop);
  if (!tokens) return tl::unexpected<Error>(tokens.error());
  for (const engine::TokenId id : *tokens)
    if (id >= static_cast<engine::TokenId>((*first)->info().shape.vocab))
      return fail(ErrorCode::VocabularyMismatch, "The vocabulary has more tokens than this model; give its own with --vocab.");

  const bool terminal = stderrIsTerminal();
  const auto result = engine::compareModels(*first, *second, *tokens, context.stop, [&](std::size_t done) {
    if (terminal) print(stderr, "\r{} of {} tokens", done, tokens->size());
  });
  if (terminal) print(stderr, "\r                                \r");
  if (!result) return tl::unexpected<Error>(result.error());

  const double change = 100 * (result->perplexityB / result->perplexityA - 1);
  if (context.json) {
    nlohmann::json drift = nlohmann::json::array();
    for (const auto& d : result->drift) drift.push_back({{"position", d.position}, {"relative_rms", d.relativeRms}});
    printJson({{"model", (*first)->info().name}, {"against", (*second)->info().name}, {"precision_a", (*first)->precision()},
               {"precision_b", (*second)->precision()}, {"bytes_per_token_a", (*first)->bytesPerToken()},
               {"bytes_per_token_b", (*second)->bytesPerToken()}, {"tokens", result->tokens},
               {"perplexity_a", result->perplexityA}, {"perplexity_b", result->perplexityB},
               {"perplexity_change_percent", change}, {"kl_mean", result->klMean}, {"kl_999", result->kl999},
               {"top1", result->top1}, {"drift", std::move(drift)}});
    return {};
  }
  print(stdout, "model             {} ({})\nagainst           {} ({})\ntokens            {}\n", (*first)->info().name, (*first)->precision(),
             (*second)->info().name, (*second)->precision(), result->tokens);
  print(stdout, "perplexity        {:.4f} and {:.4f} ({:+.2f} %)\nKL mean           {:.3g} nats\nKL 99.9 %         {:.3g} nats\n"
             "top-1 agreement   {:.2f} %\n", result->perplexityA, result->perplexityB, change, result->klMean, result->kl999, 100 * result->top1);
  for (const auto& d : result->drift) print(stdout, "state drift       {:.3g} after {} tokens\n", d.relativeRms, d.position);
  return {};
}

}  // namespace

Verb addCompare(CLI::App& app, Context& context) {
  const auto o = std::make_shared<CompareOptions>();
  CLI::App* verb = app.add_subcommand("compare", "Compare the predictions of two models, or of two precisions of one");
  verb->add_option("--model", o->model.model, "The reference: model file, or \"guide\"")->required()->type_name("A");
  auto* against = verb->add_option("--against", o->against, "The other one (default: the same file)")->check(notEmpty())->type_name("B");
  verb->add_option("--text", o->text, "What both read")->required()->check(notEmpty())->type_name("FILE");
  verb->add_option("--precision-a", o->precisionA, "Weights of the reference (default: as they came)")->check(notEmpty());
  auto* precision = verb->add_option("--precision-b", o->precisionB, "Weights of the other one (default: as they came)")->check(notEmpty());
  addModelOptions(*verb, o->model, false);
  addJsonFlag(*verb, context);
  verb->parse_complete_callback([against, precision] {
    if (against->count() + precision->count() == 0) throw CLI::RequiredError("--against or --precision-b");
  });
  return {verb, [o, &context] { return run(*o, context); }};
}

}  // namespace rookery::cli
