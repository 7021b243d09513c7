// SPDX-License-Identifier: GPL-3.0-or-later
// What torch.save writes for other things than a plain dictionary of weights, as torch 2.8 writes it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>

#include "quant/convert.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "support/process.h"
#include "support/torch_writer.h"
#include "weights/weight_source.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

/// Names and first numbers of a file's tensors, in its order: "a=1 b=2".
std::string contentsOf(const Bytes& bytes) {
  const auto file = ModelFile::fromMemory(bytes, "m.pth");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  std::string out;
  for (const TensorSource& tensor : (*file)->tensors()) {
    REQUIRE(tensor.dtype == DType::F32);
    std::vector<float> values(tensor.elementCount());
    decodeToF32(tensor.dtype, tensor.bytes, values);
    out += (out.empty() ? "" : " ") + tensor.name + "=" + std::to_string(static_cast<int>(values.at(0)));
  }
  return out;
}

Error refusal(const Bytes& bytes) {
  const auto file = ModelFile::fromMemory(bytes, "m.pth");
  REQUIRE_FALSE(file.has_value());
  return file.error();
}

/// What opening and detecting a model says.
Error modelRefusal(const Bytes& bytes) {
  const auto file = ModelFile::fromMemory(bytes, "m.pth");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  const auto info = detect(**file);
  REQUIRE_FALSE(info.has_value());
  return info.error();
}

std::shared_ptr<const ModelFile> golden() {
  static const auto file =
      ModelFile::open(std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models/v7_micro/model.pth");
  REQUIRE(file.has_value());
  return *file;
}

/// The tensors of a golden model as dictionary entries, under names of the caller's choice; an empty one leaves a
/// tensor out.
using Rename = std::function<std::string(const std::string&)>;
py::Items weights(
    TorchWriter& torch, const Rename& rename = [](const std::string& name) { return name; }) {
  py::Items items;
  for (const TensorSource& t : golden()->tensors()) {
    const std::string name = rename(t.name);
    if (name.empty()) continue;
    const char* storage = t.dtype == DType::F32   ? "FloatStorage"
                          : t.dtype == DType::F16 ? "HalfStorage"
                                                  : "BFloat16Storage";
    items.emplace_back(py::text(name),
                       torch.tensor(t.shape, {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()}, storage,
                                    byteSize(t.dtype, 1)));
  }
  return items;
}
Rename prefixed(const std::string& prefix) {
  return [prefix](const std::string& name) { return prefix + name; };
}

std::string fingerprint(std::shared_ptr<const ModelFile> file) {
  auto source = bindWeights(std::move(file));
  REQUIRE_MESSAGE(source.has_value(), source.error().message);
  return (*source)->fingerprint({}).value();
}

void checkIsGolden(const Bytes& bytes) {
  const auto file = ModelFile::fromMemory(bytes, "m.pth");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  CHECK(fingerprint(*file) == fingerprint(golden()));
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("lists, tuples and dictionaries of tensors are named by the way to them") {
  using namespace py;
  TorchWriter torch;
  const auto t = [&](float value) { return torch.floats({value, 0}); };
  CHECK(contentsOf(torch.zip(list({t(1), t(2), t(3)}))) == "0=1 1=2 2=3");
  CHECK(contentsOf(torch.zip(tuple({t(1), t(2)}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(list({tuple({t(1), t(2)}), kNone, list({t(3)})}))) == "0.0=1 0.1=2 2.0=3");
  CHECK(contentsOf(torch.zip(dict({{text("tmix"), list({dict({{text("x"), t(1)}, {text("rnn"), t(2)}})})},
                                   {text("cmix"), list({dict({{text("x"), t(3)}})})}}))) ==
        "tmix.0.x=1 tmix.0.rnn=2 cmix.0.x=3");
  // What is around it, or beside, is not in the names.
  CHECK(contentsOf(torch.zip(dict(
            {{text("tokens"), list({number(5)})}, {text("state"), list({t(1), t(2)})}, {text("step"), number(7)}}))) ==
        "0=1 1=2");
  CHECK(contentsOf(torch.zip(dict({{text("run"), dict({{text("state"), list({t(1), t(2)})}})}}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(dict({{number(0), t(1)}, {number(1), t(2)}}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(dict({{text("only"), t(1)}}))) == "only=1");
  CHECK(contentsOf(torch.zip(t(1))) == "tensor=1");
}

TEST_CASE("a file without tensors is not called damaged") {
  using namespace py;
  for (const Value& root :
       {list({}), number(3), dict({{text("epoch"), number(3)}, {text("names"), list({text("a")})}})}) {
    const Error error = refusal(TorchWriter().zip(root));
    CHECK(error.code == ErrorCode::FormatUnknown);
    CHECK_MESSAGE(error.message.find("no tensors") != std::string::npos, error.message);
  }
}

TEST_CASE("values that are shared a million times, or hold themselves, end soon") {
  using namespace py;
  TorchWriter torch;
  // Each list holds the one before it a thousand times.
  std::string bomb = list({torch.floats({1})}) + "q" + std::string(1, '\0') + "0";
  for (char level = 1; level < 6; ++level) {
    bomb += "](";
    for (int i = 0; i < 1000; ++i) bomb += std::string("h") + static_cast<char>(level - 1);
    bomb += std::string("eq") + level + (level < 5 ? "0" : "");
  }
  CHECK(refusal(torch.zip(bomb)).code == ErrorCode::FileDamaged);
  CHECK(refusal(TorchWriter().zip(std::string("]q\0h\0a", 7))).code == ErrorCode::FileDamaged);
  // A long key in front of many empty values.
  std::string keys = text(std::string(1 << 20, 'k')) + std::string(
                                                           "q\0"
                                                           "0}",
                                                           4);
  for (int i = 0; i < 200'000; ++i) keys += std::string("h\0)s", 4);
  CHECK(refusal(TorchWriter().zip(keys)).code == ErrorCode::FormatUnknown);
}

TEST_CASE("every protocol opens, in a zip and in the old form") {
  for (int protocol = 1; protocol <= 5; ++protocol) {
    CAPTURE(protocol);
    TorchWriter torch(protocol);
    const py::Value root = py::dict(weights(torch));
    checkIsGolden(torch.zip(root));
    if (protocol >= 2) checkIsGolden(torch.legacy(root));
  }
}

TEST_CASE("numbers as protocol 1 writes them") {
  using namespace py;
  TorchWriter torch(1);
  const auto file = ModelFile::fromMemory(torch.zip(dict({{text("w"), torch.floats({1})},
                                                          {text("yes"), "I01\n"},
                                                          {text("no"), "I00\n"},
                                                          {text("long"), "L-1099511627776L\n"},
                                                          {text("huge"), "L99999999999999999999L\n"}})),
                                          "m.pth");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  CHECK(std::get<bool>((*file)->metadata().at("yes")));
  CHECK_FALSE(std::get<bool>((*file)->metadata().at("no")));
  CHECK(std::get<std::int64_t>((*file)->metadata().at("long")) == -(std::int64_t{1} << 40));
  CHECK(refusal(torch.zip(dict({{text("w"), torch.floats({1})}, {text("bad"), "I1x\n"}}))).code ==
        ErrorCode::FileDamaged);
}

TEST_CASE("a model opens from the dictionaries that trainers put around it") {
  using namespace py;
  TorchWriter torch;
  const Value model = dict(weights(torch));
  const Value average = dict(weights(torch));
  const Value optimizer =
      dict({{text("state"),
             dict({{number(0), dict({{text("step"), torch.floats({1})}, {text("exp_avg"), torch.floats({1, 2})}})}})},
            {text("param_groups"), list({dict({{text("lr"), number(1)}, {text("params"), list({number(0)})}})})}});
  const auto opens = [&](const Items& items) { checkIsGolden(torch.zip(dict(items))); };
  for (const char* key : {"state_dict", "model", "module", "model_state_dict", "net"}) {
    CAPTURE(key);
    opens({{text(key), model}});
    opens({{text("epoch"), number(3)}, {text(key), model}, {text("optimizer"), optimizer}});
    opens({{text("optimizer"), optimizer}, {text("checkpoint"), dict({{text(key), model}})}});
  }
  opens({{text("model"), model}, {text("model_ema"), average}});
  opens({{text("weights"), model}, {text("optimizer"), dict({{text("exp_avg"), average}})}});
  // The copies that are not read are noted.
  const auto others = [&](const Items& items) {
    const auto file = ModelFile::fromMemory(torch.zip(dict(items)), "m.pth");
    REQUIRE(file.has_value());
    const auto note = (*file)->metadata().find("rookery.other_models");
    return note == (*file)->metadata().end() ? "" : std::get<std::string>(note->second);
  };
  CHECK(others({{text("model"), model}, {text("ema"), average}}) == "ema");
  CHECK(others({{text("state_dict"), model}, {text("ema_state_dict"), average}, {text("best"), dict({{text("net"), average}})}}) ==
        "ema_state_dict, best.net");
  CHECK(others({{text("model"), model}, {text("optimizer"), dict({{text("exp_avg"), average}})}}).empty());
  Items flat = weights(torch);
  flat.emplace_back(text("optimizer"), optimizer);
  flat.emplace_back(text("best"), average);
  opens(flat);
  checkIsGolden(torch.zip(list({model, number(4)})));
  checkIsGolden(torch.legacy(dict({{text("state_dict"), model}, {text("epoch"), number(3)}})));

  const auto file = ModelFile::fromMemory(
      torch.zip(dict({{text("epoch"), number(3)}, {text("state_dict"), model}, {text("optimizer"), optimizer}})),
      "m.ckpt");
  REQUIRE(file.has_value());
  CHECK((*file)->tensors().size() == golden()->tensors().size());
  CHECK(std::get<std::int64_t>((*file)->metadata().at("epoch")) == 3);

  const Error several = refusal(torch.zip(dict({{text("first"), model}, {text("second"), average}})));
  CHECK(several.code == ErrorCode::FormatUnknown);
  CHECK_MESSAGE(contains(several.message, "several models in it (first, second)"), several.message);
}

TEST_CASE("the one prefix that a wrapper put before all names is taken off, in both containers") {
  using namespace py;
  for (const std::string prefix :
       {"model.", "module.", "_forward_module.", "_orig_mod.", "module._orig_mod.", "_forward_module.model.",
        "base_model.model.", "transformer.", "_fsdp_wrapped_module.", "net.rwkv7."}) {
    CAPTURE(prefix);
    TorchWriter torch;
    Items items = weights(torch, prefixed(prefix));
    checkIsGolden(torch.zip(dict(items)));
    checkIsGolden(torch.zip(dict({{text("state_dict"), dict(items)}})));
    items.emplace_back(text("loss_scale"), torch.floats({1}));  // a name without it stays
    const auto file = ModelFile::fromMemory(torch.zip(dict(items)), "m.pth");
    REQUIRE(file.has_value());
    CHECK(std::get<std::string>((*file)->metadata().at("rookery.prefix")) == prefix);
    CHECK((*file)->find("loss_scale") != nullptr);
    CHECK((*file)->find("emb.weight") != nullptr);
    CHECK((*file)->find(prefix + "emb.weight") == nullptr);
    CHECK(detect(**file).has_value());

    const auto tensors = [&](const std::string& before) {
      return std::vector<FakeTensor>{{before + "emb.weight", {2, 16}}, {before + "blocks.0.ln0.weight", {16}}};
    };
    const auto st = ModelFile::fromMemory(safetensors(tensors(prefix)), "m.safetensors");
    REQUIRE(st.has_value());
    CHECK((*st)->find("emb.weight") != nullptr);
    CHECK((*st)->find("blocks.0.ln0.weight") != nullptr);
  }
  // Wrappers of single blocks, with or without a prefix before them.
  for (const std::string prefix : {"", "module."}) {
    TorchWriter torch;
    const Rename wrapped = [&](const std::string& name) {
      if (!name.starts_with("blocks.")) return prefix + name;
      const std::size_t dot = name.find('.', 7);
      return prefix + name.substr(0, dot) + "._checkpoint_wrapped_module" + name.substr(dot);
    };
    checkIsGolden(torch.zip(dict(weights(torch, wrapped))));
  }
  // Where a prefix is not known, the sentence names it.
  {
    TorchWriter torch;
    const Error error = modelRefusal(torch.zip(dict(weights(torch, prefixed("student.")))));
    CHECK(error.code == ErrorCode::NotRwkv);
    CHECK_MESSAGE(contains(error.message, "emb.weight is called \"student.emb.weight\" here"), error.message);
  }
  // Not one prefix, or one that belongs to the names.
  for (const auto& names : {std::vector<std::string>{"model.emb.weight", "module.blocks.0.ln0.weight"},
                            {"emb.weight", "model.blocks.0.ln0.weight"},
                            {"model.emb.weight", "model.x", "x"},
                            {"model.embeddings.weight", "model.layers.0.attn.x_r"},
                            {"other.emb.weight", "other.blocks.0.ln0.weight"}}) {
    std::vector<FakeTensor> tensors;
    for (const auto& name : names) tensors.push_back({name, {16}});
    const auto file = ModelFile::fromMemory(safetensors(tensors), "m.safetensors");
    REQUIRE(file.has_value());
    CHECK_FALSE((*file)->metadata().contains("rookery.prefix"));
    for (const auto& name : names) CHECK_MESSAGE((*file)->find(name) != nullptr, name);
  }
}

TEST_CASE("a .pth with r_k stored flat takes the size of its heads from the config.json beside it") {
  using namespace py;
  const TemporaryFolder folder;
  TorchWriter torch;
  Items items;
  for (const TensorSource& t : golden()->tensors()) {
    const bool flat = t.name.ends_with(".r_k");
    REQUIRE(t.dtype == DType::BF16);
    items.emplace_back(text(t.name), torch.tensor(flat ? std::vector{t.shape[0] * t.shape[1]} : t.shape,
                                                  {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()},
                                                  "BFloat16Storage", 2));
  }
  Bytes bytes = torch.zip(dict(items));
  writeFile(folder.file("m.pth"), {reinterpret_cast<const char*>(bytes.raw().data()), bytes.size()});
  const auto shapeOf = [&] { return detect(**ModelFile::open(folder.file("m.pth"))); };
  CHECK(contains(shapeOf().error().message, "put its config.json beside the file"));
  const ModelShape wanted = detect(*golden())->shape;
  writeFile(folder.file("config.json"), "{\"hidden_size\": " + std::to_string(wanted.nEmbd) + ", \"head_dim\": " +
                                            std::to_string(wanted.headSize) + "}");
  REQUIRE(shapeOf().has_value());
  CHECK(shapeOf()->shape.headSize == wanted.headSize);
}

TEST_CASE("values beside the weights are passed over, whatever made them") {
  using namespace py;
  for (const int protocol : {2, 4}) {
    TorchWriter torch(protocol);
    const auto g = [&](const std::string& module, const std::string& name) { return torch.global(module, name); };
    const Value bytes = call(g("_codecs", "encode"), {text("abc"), text("latin1")});
    const Value dtype =
        call(g("numpy", "dtype"), {text("f8"), kFalse, kTrue}) + tuple({number(3), text("<"), kNone}) + "b";
    const std::string builtins = protocol == 2 ? "__builtin__" : "builtins";
    const std::vector<std::pair<const char*, Value>> values{
        {"dtype", g("torch", "bfloat16")},
        {"size", call(g("torch", "Size"), {tuple({number(1), number(2)})})},
        {"device", call(g("torch", "device"), {text("cpu")})},
        {"layout", call(g("torch.serialization", "_get_layout"), {text("torch.strided")})},
        {"memory format", g("torch", "channels_last")},
        {"namespace", object(g("argparse", "Namespace"), dict({{text("lr"), number(1)}}))},
        {"simple namespace", call(g("types", "SimpleNamespace"), {}) + dict({{text("lr"), number(1)}}) + "b"},
        {"numpy number", call(g("numpy._core.multiarray", "scalar"), {dtype, bytes})},
        {"older numpy", call(g("numpy.core.multiarray", "scalar"), {dtype, bytes})},
        {"numpy array",
         call(g("numpy._core.multiarray", "_reconstruct"), {g("numpy", "ndarray"), tuple({number(0)}), bytes}) +
             tuple({number(1), bytes}) + "b"},
        {"numpy array, protocol 5",
         call(g("numpy._core.numeric", "_frombuffer"),
              {std::string("\x96\x03\0\0\0\0\0\0\0abc", 12), dtype, tuple({number(3)}), text("C")})},
        {"numpy generator", call(g("numpy.random._pickle", "__randomstate_ctor"), {text("MT19937")}) + dict({}) + "b"},
        {"numpy's newer generator",
         call(g("numpy.random._pickle", "__generator_ctor"),
              {call(g("numpy.random._pickle", "__bit_generator_ctor"), {text("PCG64")}) + dict({}) + "b"})},
        {"an object of Cython",
         call(g("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
              {g("numpy.random.bit_generator", "SeedSequence"), number(1), kNone}) + tuple({}) + "b"},
        {"set", call(g(builtins, "set"), {list({number(1)})})},
        {"set, protocol 4", "\x8f(" + number(1) + "\x90"},
        {"frozen set", "(" + number(1) + "\x91"},
        {"defaultdict", call(g("collections", "defaultdict"), {g(builtins, "list")}) + text("a") + list({}) + "s"},
        {"counter", call(g("collections", "Counter"), {dict({{text("a"), number(1)}})})},
        {"deque", call(g("collections", "deque"), {tuple({}), number(5)}) + "(" + number(1) + "e"},
        {"ordered", call(g("collections", "OrderedDict"), {}) + text("a") + number(1) + "s"},
        {"complex", call(g(builtins, "complex"), {number(1), number(2)})},
        {"bytes", std::string("C\3abc")},
        {"byte array", std::string("\x96\x03\0\0\0\0\0\0\0abc", 12)},
        {"path", call(g("pathlib", "PosixPath"), {text("/"), text("x")})},
        {"date", call(g("datetime", "datetime"), {bytes})},
        {"duration", call(g("datetime", "timedelta"), {number(1), number(0), number(0)})},
        {"range", call(g(builtins, protocol == 2 ? "xrange" : "range"), {number(0), number(3), number(1)})},
        {"partial", call(g("functools", "partial"), {g("torch.nn.functional", "relu")}) +
                        tuple({g("torch.nn.functional", "relu"), tuple({}), dict({}), kNone}) + "b"},
        {"a class", g("torch.nn.modules.linear", "Linear")},
        {"a function", g("torch.nn.functional", "relu")},
        {"an object", object(g("trainer.config", "Config"), dict({{text("lr"), number(1)}}))},
        {"an object of named arguments", g("trainer.config", "Config") + ")" + "}" + "\x92"},
        {"a choice", call(g("transformers.trainer_utils", "IntervalStrategy"), {text("steps")})},
        {"a dictionary of a class",
         g("pytorch_lightning.utilities.parsing", "AttributeDict") + ")\x81(" + text("lr") + number(1) + "u"},
        {"a list of a class", g("omegaconf.listconfig", "ListConfig") + ")\x81(" + number(1) + "e"},
        {"complex tensor", torch.tensor({1}, std::string(8, '\0'), "ComplexFloatStorage", 8)},
        {"complex128 tensor", torch.tensor({1}, std::string(16, '\0'), "ComplexDoubleStorage", 16)},
        {"uint16 tensor", torch.typedTensor({1}, std::string(2, '\0'), "uint16")},
        {"quantised tensor", call(g("torch._utils", "_rebuild_qtensor"), {})},
        {"sparse tensor", call(g("torch._utils", "_rebuild_sparse_tensor"), {kNone, tuple({torch.floats({1})})})},
        {"parameter", call(g("torch._utils", "_rebuild_parameter"), {torch.floats({1}), kFalse, dict({})})},
        {"parameter with attributes",
         call(g("torch._utils", "_rebuild_parameter_with_state"), {torch.floats({1}), kFalse, dict({}), dict({})})},
        {"buffer",
         call(g("torch._tensor", "_rebuild_from_type_v2"),
              {g("torch._utils", "_rebuild_tensor_v2"), g("torch", "Tensor"),
               tuple(torch.tensorArguments({1}, std::string(4, '\0'), g("torch", "FloatStorage"), 4)), dict({})})},
    };
    Items all = weights(torch);
    for (const auto& [what, value] : values) {
      CAPTURE(what);
      Items items = weights(torch);
      items.emplace_back(text("extra"), value);
      const auto file = ModelFile::fromMemory(torch.zip(dict(items)), "m.pth");
      REQUIRE_MESSAGE(file.has_value(), file.error().message);
      const auto info = detect(**file);
      CHECK_MESSAGE(info.has_value(), info.error().message);
      all.emplace_back(text(what), value);
    }
    const auto file = ModelFile::fromMemory(torch.legacy(dict(all)), "m.pth");
    REQUIRE_MESSAGE(file.has_value(), file.error().message);
    CHECK((*file)->find("buffer") != nullptr);
    CHECK((*file)->find("parameter with attributes") != nullptr);
    CHECK(std::get<std::string>((*file)->metadata().at("rookery.not_read.complex128 tensor")) == "type complex128");
    CHECK(std::get<std::string>((*file)->metadata().at("rookery.not_read.sparse tensor")) == "kind \"sparse\"");
    CHECK(detect(**file).has_value());
  }
}

TEST_CASE("what would run code is refused, beside whole models too") {
  using namespace py;
  for (const int protocol : {2, 4}) {
    TorchWriter torch(protocol);
    const auto g = [&](const std::string& module, const std::string& name) { return torch.global(module, name); };
    const std::vector<std::pair<const char*, Value>> values{
        {"os.system", call(g("os", "system"), {text("true")})},
        {"posix.system", call(g("posix", "system"), {text("true")})},
        {"nt.system", call(g("nt", "system"), {text("true")})},
        {"exec", call(g("builtins", "exec"), {text("1")})},
        {"eval", call(g("__builtin__", "eval"), {text("1")})},
        {"getattr", call(g("__builtin__", "getattr"), {g("torch", "Tensor"), text("numpy")})},
        {"open", call(g("io", "open"), {text("x")})},
        {"Popen", call(g("subprocess", "Popen"), {list({text("true")})})},
        {"Popen, empty", g("subprocess", "Popen") + ")\x81"},
        {"import", call(g("importlib", "import_module"), {text("os")})},
        {"run", call(g("runpy", "run_path"), {text("x.py")})},
        {"code", call(g("types", "FunctionType"), {})},
        {"torch.load", call(g("torch", "load"), {text("x")})},
        {"torch.hub", call(g("torch.hub", "load"), {text("x"), text("y")})},
        {"a function that nobody knows", call(g("helpers.setup", "install"), {})},
        {"numpy's runstring", call(g("numpy.testing._private.utils", "runstring"), {text("1"), dict({})})},
        {"a name within a name", call(g("torch.serialization", "os.system"), {text("true")})},
        {"a class within a name", call(g("torch.utils.data.dataloader", "multiprocessing.Process"), {})},
        {"only the name", g("os", "system")},
        {"an argument", call(g("functools", "partial"), {g("os", "system"), text("true")})},
        {"a call of what was made", call(g("functools", "partial"), {g("torch", "Tensor")}) + tuple({}) + "R"},
        {"INST", "(" + text("true") + "ios\nsystem\n"},
        {"INST of an unknown class", "(" + text("true") + "ihelpers\nSetup\n"},
        {"OBJ", "(" + g("helpers", "Setup") + text("true") + "o"},
        {"a tensor's function", call(g("torch._tensor", "_rebuild_from_type_v2"),
                                     {g("helpers", "make"), g("torch", "Tensor"), tuple({}), dict({})})},
    };
    for (const auto& [what, value] : values) {
      CAPTURE(what);
      Items items = weights(torch);
      items.emplace_back(text("extra"), value);
      for (const Error& error : {refusal(torch.zip(dict(items))), refusal(torch.legacy(dict(items))),
                                 refusal(torch.zip(dict({{text("model"), dict(items)}}))), refusal(torch.zip(value))}) {
        CHECK_MESSAGE(error.code == ErrorCode::FileUnsafe, error.message);
        CHECK_MESSAGE(contains(error.message, "nothing was executed"), error.message);
      }
    }
  }
}

TEST_CASE("a program's object in place of its weights is called that") {
  using namespace py;
  TorchWriter torch;
  const Value module =
      object(global("model", "RWKV"), dict({{text("_parameters"), dict({{text("emb.weight"), torch.floats({1})}})}}));
  for (const Bytes& bytes :
       {torch.zip(module), torch.legacy(module), torch.zip(dict({{text("model"), module}, {text("epoch"), number(1)}})),
        torch.legacy(tuple({text("module"), module, text("model.py"), text("class RWKV")}) + "Q")}) {
    const Error error = refusal(bytes);
    CHECK(error.code == ErrorCode::FormatUnknown);
    CHECK_MESSAGE(contains(error.message, "a Python object (model.RWKV)"), error.message);
    CHECK_MESSAGE(contains(error.message, "state_dict()"), error.message);
  }
}

TEST_CASE("weights of a type that is not read are named by it, unless the model needs none of them") {
  using namespace py;
  const std::string needed = "blocks.0.att.key.weight";
  for (const auto& [what, make] : std::vector<
           std::pair<std::string, std::function<Value(TorchWriter&, const std::vector<std::int64_t>&, std::size_t)>>>{
           {"f8_e4m3",
            [](TorchWriter&t, const auto&shape,
               std::size_t count) { return t.typedTensor(shape, std::string(count, '\0'), "float8_e4m3fn"); }},
           {"f8_e5m2", [](TorchWriter&t, const auto&shape,
                          std::size_t count) { return t.typedTensor(shape, std::string(count, '\0'), "float8_e5m2"); }},
           {"complex128",
            [](TorchWriter&t, const auto&shape,
               std::size_t
                   count) { return t.tensor(shape, std::string(16 * count, '\0'), "ComplexDoubleStorage", 16); }},
           {"qint8", [](TorchWriter&t, const auto&shape,
                        std::size_t count) { return t.tensor(shape, std::string(count, '\0'), "QInt8Storage", 1); }},
           {"quantised by torch", [](TorchWriter&, const auto&, std::size_t) {
              return call(global("torch._utils", "_rebuild_qtensor"), {});
            }}}) {
    CAPTURE(what);
    TorchWriter torch;
    Items items = weights(torch, [&](const std::string& name) { return name == needed ? "" : name; });
    const auto* tensor = golden()->find(needed);
    items.emplace_back(text(needed), make(torch, tensor->shape, tensor->elementCount()));
    for (const Bytes& bytes : {torch.zip(dict(items)), torch.legacy(dict(items))}) {
      const Error error = modelRefusal(bytes);
      CHECK(error.code == ErrorCode::FormatUnknown);
      std::string lower = error.message;
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
      CHECK_MESSAGE(contains(lower, what), error.message);
      CHECK_MESSAGE(contains(error.message, needed), error.message);
    }
  }
  TorchWriter only;
  const Error error =
      refusal(only.zip(dict({{text("a"), only.tensor({1}, std::string(16, '\0'), "ComplexDoubleStorage", 16)}})));
  CHECK(error.code == ErrorCode::FormatUnknown);
  CHECK_MESSAGE(contains(error.message, "complex128"), error.message);
}

TEST_CASE("an expanded tensor has its one row as often as it says") {
  using namespace py;
  TorchWriter torch;
  const auto expanded = [&](std::int32_t rows) {
    auto arguments = torch.tensorArguments({2}, std::string(8, '\1'), global("torch", "FloatStorage"), 4);
    arguments[2] = tuple({number(rows), number(2)});
    arguments[3] = tuple({number(0), number(1)});
    return torch.zip(dict({{text("x"), call(global("torch._utils", "_rebuild_tensor_v2"), arguments)}}));
  };
  const auto file = ModelFile::fromMemory(expanded(5), "m.pth");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  const auto bytes = (*file)->find("x")->bytes;
  CHECK(bytes.size() == 40);
  CHECK(std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{1}; }));
  CHECK(refusal(expanded(1 << 20)).code == ErrorCode::FileDamaged);
  CHECK(refusal(expanded(1 << 30)).code == ErrorCode::FileDamaged);
}

TEST_CASE("checksums that were not computed are no wrong ones") {
  TorchWriter torch;
  const py::Value root = py::dict(weights(torch));
  checkIsGolden(torch.zip(root, false));
  // Zero in some entries only is a wrong checksum.
  std::string bytes(reinterpret_cast<const char*>(torch.zip(root).raw().data()), torch.zip(root).size());
  for (std::size_t at = bytes.find("PK\1\2"); at != std::string::npos; at = bytes.find("PK\1\2", at + 1))
    if (bytes.compare(at + 46, 8, "m/data/0") == 0) bytes.replace(at + 16, 4, 4, '\0');
  CHECK(refusal(Bytes().text(bytes)).code == ErrorCode::FileDamaged);
}

TEST_CASE("files that the rwkv package converted are told by what it writes beside the weights") {
  using namespace py;
  for (const char* strategy : {"cuda fp16i8", "cpu fp32", "cuda fp16i8 *1 -> cpu fp32"}) {
    TorchWriter torch;
    Items items = weights(torch);
    if (std::string_view(strategy).find("i8") != std::string_view::npos) {  // bytes, with their offsets and ranges beside them
      items[1].second = torch.tensor({2, 2}, "\1\2\3\4", "ByteStorage", 1);
      for (const char* part : {"_mx", "_rx", "_my", "_ry"}) items.emplace_back(text("blocks.0.att.key.weight" + std::string(part)), torch.floats({1, 2}));
    }
    items.emplace_back(text("_strategy"), text(strategy));
    items.emplace_back(text("_rescale_layer"), number(6));
    items.emplace_back(text("_version"), text("0.7"));
    const Error error = modelRefusal(torch.zip(dict(items)));
    CHECK(error.code == ErrorCode::FormatUnknown);
    CHECK(error.message == std::string("m.pth was converted by the rwkv package for the strategy '") + strategy +
                               "'. Open the original .pth.");
  }
}

TEST_CASE("training checkpoints and relatives of RWKV-7 are called what they are") {
  using namespace py;
  TorchWriter torch;
  const auto says = [&](const Value& root, ErrorCode code, const char* part) {
    const Error error = modelRefusal(torch.zip(root));
    CHECK(error.code == code);
    CHECK_MESSAGE(contains(error.message, part), error.message);
  };
  const Value t = torch.floats({1});
  const auto of = [&](const std::vector<std::string>& names) {
    Items items;
    for (const auto& name : names) items.emplace_back(text(name), t);
    return dict(items);
  };
  says(dict({{text("state"), dict({{number(0), dict({{text("exp_avg"), t}})}})}, {text("param_groups"), list({})}}),
       ErrorCode::NotRwkv, "a part of a training checkpoint");
  says(dict({{text("optimizer_state_dict"), dict({{text("fp32_flat_groups"), list({t, t})}, {text("exp_avg"), t}})}}),
       ErrorCode::NotRwkv, "a part of a training checkpoint");
  const Value average = dict(weights(torch));
  for (const char* memory : {"momentum", "exp_avg"}) says(dict({{text(memory), average}}), ErrorCode::NotRwkv, "a part of a training checkpoint");
  says(dict({{text("epoch"), number(1)}, {text("state_dict"), of({"fc.weight", "emb.weight"})}}), ErrorCode::NotRwkv,
       "is a training checkpoint, but not of an RWKV model");
  Items x = weights(torch, prefixed("rwkv."));
  x.emplace_back(text("moba.0.ln1.weight"), t);
  says(dict(x), ErrorCode::VersionUnsupported, "RWKV-X");
  Items vectors =
      weights(torch, [](const std::string& name) { return name.starts_with("head.") ? "" : "rwkv." + name; });
  vectors.emplace_back(text("head.retr_head.fc1.weight"), t);
  says(dict(vectors), ErrorCode::VersionUnsupported, "EmbeddingRWKV");
  says(of({"reranker.blocks.0.att.key.weight", "reranker.head.weight"}), ErrorCode::VersionUnsupported,
       "EmbeddingRWKV");
  says(of({"emb.weight", "head.weight", "blocks.0.rosa.key.weight", "rosa_qkv.emb"}), ErrorCode::VersionUnsupported,
       "ROSA");
  Items seven = weights(torch);
  seven.emplace_back(text("blocks.0.qkv.qq.weight"), t);
  seven.emplace_back(text("blocks.0.ffn.s_emb.weight"), t);
  says(dict(seven), ErrorCode::VersionUnsupported, "RWKV-7b");
}

TEST_CASE("adapters are known as such, and never dropped from beside their weights") {
  using namespace py;
  TorchWriter torch;
  const Items lora{{text("blocks.0.att.key.lora_A"), torch.floats({1})},
                   {text("blocks.0.att.key.lora_B"), torch.floats({1})}};
  const auto says = [&](const Value& root, const char* part) {
    const Error error = modelRefusal(torch.zip(root));
    CHECK(error.code == (std::string_view(part) == "is an adapter" ? ErrorCode::NotRwkv : ErrorCode::FormatUnknown));
    CHECK_MESSAGE(contains(error.message, part), error.message);
  };
  says(dict(lora), "is an adapter");
  says(dict({{text("lora_state_dict"), dict(lora)}, {text("config"), dict({{text("r"), number(8)}})}}),
       "is an adapter");
  says(dict({{text("blocks.0.att.receptance.disha"), torch.floats({1})}}), "is an adapter");
  says(dict({{text("blocks.0.att.receptance.bone"), torch.floats({1})}}), "is an adapter");
  Items beside = weights(torch);
  beside.insert(beside.end(), lora.begin(), lora.end());
  says(dict(beside), "an adapter that is not merged");
  says(dict({{text("state_dict"), dict(beside)}}), "an adapter that is not merged");
  says(dict({{text("model"), dict(weights(torch))}, {text("lora_state_dict"), dict(lora)}}),
       "an adapter that is not merged");
  for (const char* part : {"ia3_l", "hada_w1_a", "oft_r", "vera_lambda_b"}) {
    const Items other{{text(std::string("blocks.0.att.key.") + part), torch.floats({1})}};
    says(dict({{text("model"), dict(weights(torch))}, {text("adapter"), dict(other)}}), "an adapter that is not merged");
  }
  Items wrapped = weights(torch, [](const std::string& name) {
    return name == "blocks.0.att.key.weight" ? "blocks.0.att.key.base_layer.weight" : name;
  });
  wrapped.insert(wrapped.end(), lora.begin(), lora.end());
  says(dict(wrapped), "an adapter that is not merged");
}
