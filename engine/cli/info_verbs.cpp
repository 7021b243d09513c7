// SPDX-License-Identifier: GPL-3.0-or-later
// `devices` and `info`: what there is to run on, and what a file is.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <variant>

#include "common.h"
#include "rookery/device.h"
#include "rookery/file_name.h"
#include "rookery/lora_order.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "rookery/state_file.h"

namespace rookery::cli {
namespace {

using nlohmann::json;

template <class List>
std::string joined(const List& list, const char* between) {
  return fmt::format("{}", fmt::join(list, between));
}

Result<void> listAllDevices(const Context& context) {
  const auto devices = engine::listDevices();
  if (context.json) {
    json list = json::array();
    for (const auto& d : devices)
      list.push_back({{"id", d.id}, {"kind", engine::kindName(d.kind)}, {"name", d.name}, {"memory_bytes", d.memoryBytes},
                      {"driver", d.driver}, {"api_level", d.apiLevel}, {"features", d.features}, {"software", d.software}, {"usable", d.usable},
                      {"reason", d.reason}});
    printJson({{"devices", std::move(list)}, {"physical_cores", engine::physicalCores()}});
    return {};
  }
  for (const auto& d : devices) {
    if (!d.usable) {
      print(stdout, "{}: not usable, {}\n", d.id, d.reason);
      continue;
    }
    print(stdout, "{}: {}, {:.1f} GB, {}, {}\n", d.id, d.name, static_cast<double>(d.memoryBytes) / 1e9, d.driver, d.apiLevel);
    if (!d.features.empty()) print(stdout, "  {}\n", joined(d.features, d.isCpu() ? " " : ", "));
    if (d.software) print(stdout, "  computed by the CPU: used only when it is named, \"{}\"\n", d.id);
    if (d.isCpu()) print(stdout, "  {} physical core{}\n", engine::physicalCores(), engine::physicalCores() == 1 ? "" : "s");
  }
  return {};
}

/// Long lists (a vocabulary) are told by their length.
json metaJson(const engine::MetaValue& value) {
  return std::visit(
      [](const auto& v) -> json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, engine::MetaArray>) {
          constexpr std::size_t kShown = 16;
          if (v.size() > kShown) return {{"entries", v.size()}};
          return v.holdsTexts() ? json(v.texts()) : v.holdsIntegers() ? json(v.integers()) : json(v.numbers());
        } else {
          return v;
        }
      },
      value);
}

Result<void> showContainer(const engine::ModelFile& file, const Context& context) {
  if (context.json) {
    json tensors = json::array();
    for (const auto& t : file.tensors())
      tensors.push_back({{"name", t.name}, {"dtype", engine::traits(t.dtype).name}, {"shape", t.shape}});
    json metadata = json::object();
    for (const auto& [key, value] : file.metadata()) metadata[key] = metaJson(value);
    printJson({{"format", engine::containerName(file.container())}, {"file", file.name()},
               {"file_bytes", file.sizeBytes()}, {"tensors", std::move(tensors)}, {"metadata", std::move(metadata)}});
    return {};
  }
  print(stdout, "format {}\n", engine::containerName(file.container()));
  for (const auto& t : file.tensors())
    print(stdout, "{} {} [{}]\n", t.name, engine::traits(t.dtype).name, joined(t.shape, ", "));
  constexpr std::string_view kNotes = "rookery.";  // what the reader left out of the names, and which tensors
  for (const auto& [key, value] : file.metadata())
    if (const auto* note = std::get_if<std::string>(&value);
        note != nullptr &&
        (key == "rookery.prefix" || key == "rookery.other_models" || key.starts_with("rookery.not_read.")))
      print(stdout, "{}: {}\n", key.substr(kNotes.size()), *note);
  return {};
}

const char* tokenizerName(engine::TokenizerKind kind) {
  switch (kind) {
    case engine::TokenizerKind::World: return "world";
    case engine::TokenizerKind::Embedded: return "embedded";
    case engine::TokenizerKind::Pile20B: return "20b";
    case engine::TokenizerKind::Unknown: break;
  }
  return "unknown";
}

json loraJson(const engine::ModelShape& s) {
  if (s.version == engine::RwkvVersion::V7) return {{"w", s.rankW}, {"a", s.rankA}, {"v", s.rankV}, {"g", s.rankG}};
  if (s.version == engine::RwkvVersion::V7a) return {{"w", s.rankW}, {"a", s.rankA}, {"v", s.rankV}, {"g", s.rankG}, {"s", s.rankS}};
  if (s.version == engine::RwkvVersion::V6) return {{"maa", s.rankMaa}, {"decay", s.rankW}};
  return json::object();
}

/// What the file's name says, null where it follows no convention. Parts that it does not say are null.
json nameJson(const std::optional<engine::FileNameParts>& parts) {
  if (!parts) return nullptr;
  const auto text = [](const std::string& value) { return value.empty() ? json() : json(value); };
  const auto data = engine::worldData(*parts);
  return {{"generation", parts->generation},
          {"series", text(parts->series)},
          {"data", text(parts->data)},
          {"data_trillion_tokens", data ? json(data->tokens) : json()},
          {"size", text(parts->size)},
          {"date", parts->year == 0 ? json() : json(fmt::format("{:04}-{:02}-{:02}", parts->year, parts->month, parts->day))},
          {"context", parts->context == 0 ? json() : json(parts->context)},
          {"weights", text(parts->weights)},
          {"rest", parts->rest}};
}

/// `outIn`: see squareLoraOutIn(); `others`: otherModels().
Result<void> showInfo(const engine::ModelInfo& info, const std::string& fileName, const Result<std::shared_ptr<const engine::Tokenizer>>& tokenizer,
                      std::optional<bool> outIn, const std::string& others, const Context& context) {
  const std::string noTokenizer = tokenizer ? "" : tokenizer.error().message;  // why text cannot be read with this model
  const std::string tokenizerFile = tokenizer ? (*tokenizer)->file().string() : "";
  const engine::ModelShape& s = info.shape;
  const json lora = loraJson(s);
  const auto parts = engine::parseFileName(fileName);
  if (context.json) {
    printJson({{"name", info.name}, {"format", engine::containerName(info.container)},
               {"version", engine::versionName(s.version)}, {"layers", s.layers}, {"n_embd", s.nEmbd},
               {"head_size", s.headSize}, {"dim_ffn", s.dimFfn}, {"vocab", s.vocab}, {"lora", lora},
               {"parameters", s.parameters()}, {"dtype", engine::traits(info.dtype).name},
               {"lora_order_assumed", outIn ? json(*outIn ? "out_in" : "in_out") : json()},
               {"state_bytes", s.stateBytes()}, {"tokenizer", tokenizerName(info.tokenizer)},
               {"file_bytes", info.fileBytes}, {"unused_tensors", info.unused},
               {"other_models", others.empty() ? json() : json(others)},
               {"tokenizer_file", tokenizerFile.empty() ? json() : json(tokenizerFile)},
               {"tokenizer_missing", noTokenizer.empty() ? json() : json(noTokenizer)}, {"file_name", nameJson(parts)},
               {"explanation", parts ? json(engine::explainFileName(*parts)) : json::array()}});
    return {};
  }
  std::string ranks;
  for (const auto& [name, rank] : lora.items()) ranks += fmt::format("{}{} {}", ranks.empty() ? "" : ", ", name, rank.get<int>());
  print(stdout, "name        {}\nformat      {}\nversion     {}\nlayers      {}\nn_embd      {}\nhead_size   {}\n"
             "dim_ffn     {}\nvocab       {}\nlora        {}\nparameters  {}\ndtype       {}\nstate_bytes {}\ntokenizer   {}\n",
             info.name, engine::containerName(info.container), engine::versionName(s.version), s.layers, s.nEmbd,
             s.headSize, s.dimFfn, s.vocab, ranks.empty() ? "none" : ranks, s.parameters(),
             engine::traits(info.dtype).name, s.stateBytes(), tokenizerName(info.tokenizer));
  if (!tokenizerFile.empty()) print(stdout, "            read from {}\n", tokenizerFile);
  if (!noTokenizer.empty()) print(stdout, "            {}\n", noTokenizer);
  if (outIn)
    print(stdout, "lora order  {}, by the file's suffix: all its LoRA matrices are square, so nothing else tells\n",
          *outIn ? "[out, in] as in web-rwkv's files" : "[in, out] as in official files");
  if (!info.unused.empty()) print(stdout, "unused      {}\n", engine::unusedTensors(info));
  if (!others.empty()) print(stdout, "            The file {}.\n", others);
  const char* before = "explanation";
  for (const std::string& line : parts ? engine::explainFileName(*parts) : std::vector<std::string>{})
    print(stdout, "{:<11} {}\n", std::exchange(before, ""), line);
  return {};
}

const char* kindName(engine::StateKind kind) {
  switch (kind) {
    case engine::StateKind::Saved: return "saved";
    case engine::StateKind::Tuned: return "tuned";
    case engine::StateKind::Foreign: return "foreign";
  }
  return "";
}

Result<void> showState(const engine::ModelFile& file, const Context& context) {
  const auto info = engine::describeState(file);
  if (!info) return tl::unexpected<Error>(info.error());
  const engine::StateLabel& label = info->label;
  if (context.json) {
    const auto text = [](const std::string& value) { return value.empty() ? json() : json(value); };
    printJson({{"name", file.name()}, {"format", engine::containerName(file.container())},
               {"state", {{"kind", kindName(info->kind)}, {"form", info->form}, {"generations", info->generations}, {"layers", info->layers},
                          {"n_embd", info->nEmbd}, {"head_size", info->headSize}, {"key_first", info->keyFirst}, {"chat", info->isChat()},
                          {"model", text(label.model)}, {"fingerprint", text(label.fingerprint)}, {"program", text(label.program)},
                          {"date", text(label.date)}, {"tokens", label.tokens ? json(*label.tokens) : json()}}},
               {"file_bytes", file.sizeBytes()}});
    return {};
  }
  print(stdout, "name        {}\nformat      {}\nstate       {}, heads of {}\nform        {}\n", file.name(), engine::containerName(file.container()),
             engine::describe(*info), info->headSize, info->form);
  if (info->kind == engine::StateKind::Tuned) print(stdout, "order       {}\n", info->keyFirst ? "key before value, as web-rwkv and Ai00 write .st and .state" : "value before key");
  const auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) print(stdout, "{:<12}{}\n", name, value);
  };
  line("model", label.model);
  line("fingerprint", label.fingerprint);
  line("tokens", label.tokens ? std::to_string(*label.tokens) : "");
  line("date", label.date);
  line("program", label.program);
  return {};
}

}  // namespace

Verb addDevices(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("devices", "List the devices that models can run on");
  addJsonFlag(*verb, context);
  return {verb, [&context] { return listAllDevices(context); }, false};
}

Verb addInfo(CLI::App& app, Context& context) {
  struct Options {
    std::string model;
    bool container = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("info", "Tell what a model or state file is");
  verb->add_option("model", options->model,
                   "Model or state file (.pth, .safetensors, .st, .state, .gguf), folder of Hugging Face, or \"guide\"")
      ->required()
      ->type_name("MODEL");
  verb->add_flag("--container", options->container, "Only list the tensors, whatever kind of model it is");
  addJsonFlag(*verb, context);
  return {verb, [options, &context]() -> Result<void> {
            if (isGuide(options->model) && !options->container) {
              const auto guide = engine::Model::guide();
              if (!guide) return tl::unexpected<Error>(guide.error());
              return showInfo((*guide)->info(), "", (*guide)->requireTokenizer(), {}, {}, context);
            }
            const auto file = engine::ModelFile::open(options->model);
            if (!file) return tl::unexpected<Error>(file.error());
            if (options->container) return showContainer(**file, context);
            const auto info = engine::detect(**file);
            if (!info && engine::stateKindOf(**file)) return showState(**file, context);
            if (!info) return tl::unexpected<Error>(info.error());
            return showInfo(*info, (*file)->name(), engine::Tokenizer::forModel(**file, *info),
                            engine::squareLoraOutIn(**file), otherModels(**file), context);
          }, false};
}

}  // namespace rookery::cli
