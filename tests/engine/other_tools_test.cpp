// SPDX-License-Identifier: GPL-3.0-or-later
// Files of other programs as these wrote them: read rightly, or called what they are, with what to do.
#include <doctest/doctest.h>

#include <filesystem>

#include "convert/gguf_metadata.h"
#include "rookery/convert.h"
#include "support/dialects.h"
#include "support/gguf_items.h"
#include "support/model_logits.h"
#include "support/process.h"
#include "support/torch_writer.h"

using namespace rookery::engine;
using namespace rookery::test;
using namespace std::string_literals;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";

/// What opening a file and looking for a model in it says.
Error refusal(const std::filesystem::path& path) {
  const auto file = ModelFile::open(path);
  if (!file) return file.error();
  const auto info = detect(**file);
  REQUIRE_FALSE(info.has_value());
  return info.error();
}

void checkSays(const std::filesystem::path& path, ErrorCode code, const std::string& says) {
  const Error error = refusal(path);
  CAPTURE(says);
  CHECK_MESSAGE(error.code == code, error.message);
  CHECK_MESSAGE(error.message.starts_with(path.filename().string() + " "), error.message);
  CHECK_MESSAGE(error.message.find(says) != std::string::npos, error.message);
  CHECK_MESSAGE(error.message.find("damaged") == std::string::npos, error.message);
  CHECK_MESSAGE(error.message.find("program code") == std::string::npos, error.message);
}

std::string textOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
void write(const std::string& path, std::span<const std::byte> bytes) { writeFile(path, textOf(bytes)); }
void convert(const std::string& in, const std::string& out, DType precision) {
  const auto file = ModelFile::open(in);
  REQUIRE(file.has_value());
  const auto report = convertModel(*file, out, {.precision = precision, .vocabulary = {}, .progress = {}});
  REQUIRE_MESSAGE(report.has_value(), report.error().message);
}

}  // namespace

TEST_CASE("a file that begins as another program's is called that") {
  const TemporaryFolder folder;
  const std::string rest(300, '\1');
  for (const auto& [begins, says] : std::vector<std::pair<std::string, std::string>>{
           {"\x04\x22\x4D\x18", "is a compressed file (LZ4). Unpack it"},
           {"x\x9C", "is a compressed file (zlib). Unpack it"},
           {"model.pth"s + std::string(248, '\0') + "ustar", "is a tar archive. Unpack it"},
           {"nsgg\x09", "a state that llama.cpp saved"},
           {"qsgg\x02", "a state that llama.cpp saved"},
           {"\x87\xAC" "embd_weights\xDC", "a .fr of faster-rwkv"},
           {"\x86\xAC" "embd_weights\xDC", "a .fr of faster-rwkv"},
           {"\x85\xA8" "idx2word\xDF", "a tokenizer of faster-rwkv"},
           {"\x81\xA6" "params\x82", "Flax's weights"},
           {"\x93NUMPY\x01", "an array of NumPy"},
           {"\x89HDF\r\n\x1A\n", "an HDF5 file"},
           {"\x80\x02}q", "a Python pickle that torch did not save. Nothing in it was executed"},
           {"\x80\x04\x95", "a Python pickle that torch did not save. Nothing in it was executed"},
           {"\x08\x08\x12\x07pytorch", "a graph with weights in protocol buffers (ONNX"},
           {"\x1C\0\0\0TFL3"s, "a TensorFlow Lite model"},
           {"\x1C\0\0\0ET12"s, "an ExecuTorch program"},
           {"7767517\n75 83\n", "the layout of a model for ncnn (.param)"},
           {"Gk0\x01", "a file of ncnn's weights"},
           {"\x7F" "ELF\x02", "is a program, which is not run"},
           {"MZqFpD='\n", "Get the .gguf that this llamafile was made from"},
           {"d8:announce35:udp", "is a torrent"}}) {
    writeFile(folder.file("model.pth"), begins + rest);
    checkSays(folder.file("model.pth"), ErrorCode::FormatUnknown, says);
  }
}

TEST_CASE("a text in place of a model is quoted") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& text, ErrorCode code, const std::string& part) {
    writeFile(folder.file("model.pth"), text);
    checkSays(folder.file("model.pth"), code, part);
  };
  for (const auto* line :
       {"Entry not found", "404: Not Found", "hello", "[model]", "FROM ./rwkv7.gguf", "找不到文件"})
    says(std::string(line) + "\nname = 1\r\n", ErrorCode::FormatUnknown,
         "is a text that begins \""s + line + "\", not a model");
  says(std::string(5000, 'a'), ErrorCode::FormatUnknown, "is a text that begins \"aaaa");
  says("# xet version 0\nfilesize = 338718755\n", ErrorCode::FormatUnknown, "only a pointer of Xet");
  says(R"({"error":"Repository not found"})", ErrorCode::FileIncomplete,
       R"(a server's answer, not a model: {"error":"Repository)");
  says("{ \"Code\": 10010205001, \"Success\": false}", ErrorCode::FileIncomplete, "a server's answer");
  says(R"({"apiParams":{"apiPort":8000}})", ErrorCode::FormatUnknown, "JSON text (settings, data");
  says("<!-- saved --> <html><body>", ErrorCode::FileIncomplete, "is a web page");
  says("<?xml version=\"1.0\"?>\n<!DOCTYPE html>\n<html xmlns=\"x\">", ErrorCode::FileIncomplete, "is a web page");
  says("<?xml version=\"1.0\"?>\n<net name=\"rwkv\" version=\"11\">", ErrorCode::FormatUnknown, "an XML text");
  // Not a text: it is not quoted.
  writeFile(folder.file("model.pth"), "text\0\1"s + std::string(300, 'a'));
  CHECK(refusal(folder.file("model.pth")).message.find("none of the model files") != std::string::npos);
}

TEST_CASE("a zip that torch did not save is called by what is in it") {
  const TemporaryFolder folder;
  for (const auto& [entry, says] : std::vector<std::pair<std::string, std::string>>{
           {"emb.weight.npy", "NumPy arrays (.npz)"},
           {"model.weights.h5", "a model of Keras"},
           {"exported/archive_format", "torch.export"},
           {"Data/com.apple.CoreML/model.mlmodel", "Core ML"},
           {"RWKV/model.pth", "is a zip archive with a model in it. Unpack it"},
           {"model.safetensors", "is a zip archive with a model in it. Unpack it"},
           {"word/document.xml", "is a zip archive, but not one that torch saved. If there is a model in it, unpack"}}) {
    write(folder.file("model.zip"), storedZip({{"README", "x"}, {entry, "x"}}));
    checkSays(folder.file("model.zip"), ErrorCode::FormatUnknown, says);
  }
}

TEST_CASE("a .pth that was unpacked and packed again is not called damaged") {
  const TemporaryFolder folder;
  TorchWriter torch;
  std::string zip = textOf(torch.zip(py::dict({{py::text("emb.weight"), torch.floats({1, 2})}})));
  const std::size_t local = zip.find("m/data/0"), central = zip.rfind("m/data/0");
  REQUIRE(local < central);
  zip[local - 22] = zip[central - 36] = 8;  // deflated
  writeFile(folder.file("model.pth"), zip);
  checkSays(folder.file("model.pth"), ErrorCode::FormatUnknown, "was unpacked and packed again, compressed");
}

TEST_CASE("files of torch that hold a model's names and not its weights say where these are") {
  using namespace py;
  const TemporaryFolder folder;
  {  // DeepSpeed, ZeRO 3: zero_pp_rank_0_mp_rank_00_model_states.pt
    TorchWriter torch;
    const Items weights{{text("emb.weight"), torch.tensor({0}, "")}, {text("head.weight"), torch.tensor({0}, "")}};
    write(folder.file("states.pt"),
          torch.zip(dict({{text("module"), dict(weights)}, {text("ds_version"), text("0.19.8")}})));
    checkSays(folder.file("states.pt"), ErrorCode::FormatUnknown, "zero_to_fp32.py");
  }
  {  // torch.distributed.checkpoint
    TorchWriter torch;
    write(folder.file("__0_0.distcp"), torch.zip(torch.floats({1, 2})));
    checkSays(folder.file("__0_0.distcp"), ErrorCode::FormatUnknown, "a single tensor without a name");
  }
  {
    TorchWriter torch;
    const Value array = call(global("numpy._core.multiarray", "_reconstruct"),
                             {global("numpy", "ndarray"), tuple({number(0)}), text("b")});
    write(folder.file("arrays.pth"), torch.zip(dict({{text("emb.weight"), array}})));
    CHECK(refusal(folder.file("arrays.pth")).message.find("NumPy's arrays") != std::string::npos);
  }
  {  // RWKV-PEFT's init_pissa.pth
    TorchWriter torch;
    write(folder.file("init_pissa.pth"), torch.zip(dict({{text("blocks.0.att.key.init_lora_A"), torch.floats({1})},
                                                        {text("blocks.0.att.key.init_lora_B"), torch.floats({1})}})));
    checkSays(folder.file("init_pissa.pth"), ErrorCode::NotRwkv, "is an adapter");
  }
}

TEST_CASE("vectors of heads as [head, size], as MLX saves them, give bitwise the same logits") {
  const TemporaryFolder folder;
  const auto path = folder.file("model.safetensors");
  for (const char* name : {"v7_small", "v7_micro"}) {
    const auto model = kModels / name / "model.pth";
    auto tensors = fla(tensorsOf(model));
    int turned = 0;
    for (Raw& t : tensors)
      for (const char* part : {".attn.k_k", ".attn.k_a", ".attn.g_norm.weight", ".attn.g_norm.bias"})
        if (t.name.ends_with(part)) {
          t.shape = {static_cast<std::int64_t>(t.bytes.size()) / 128, 64};
          ++turned;
        }
    REQUIRE(turned >= 8);
    writeRaw(path, tensors);
    CHECK(logitsOf(path) == logitsOf(model));
    const auto out = folder.file("out.safetensors");
    convert(path, out, DType::BF16);
    CHECK(logitsOf(out) == logitsOf(model));
  }
}

TEST_CASE("weights that another tool quantised are called by the tool") {
  const TemporaryFolder folder;
  const auto path = folder.file("model.safetensors");
  const auto base = fla(tensorsOf(kModels / "v7_small/model.pth"));
  struct Tool {
    std::string name, type;
    std::vector<std::string> parts;  // in place of ".weight"
  };
  for (const Tool& tool : std::vector<Tool>{
           {"bitsandbytes", "U8", {".weight", ".weight.absmax", ".weight.quant_state.bitsandbytes__nf4"}},
           {"bitsandbytes", "I8", {".weight", ".SCB", ".weight_format"}},
           {"GPTQ or AWQ", "I32", {".qweight", ".qzeros", ".scales"}},
           {"compressed-tensors", "I32", {".weight_packed", ".weight_scale", ".weight_shape"}},
           {"HQQ", "U8", {".W_q", ".scale", ".zero"}},
           {"quanto", "I8", {".weight._data", ".weight._scale"}},
           {"MLX", "U32", {".weight", ".scales", ".biases"}},
           {"torch", "I8", {"._packed_params._packed_params"}}}) {
    std::vector<Raw> tensors;
    for (const Raw& t : base) {
      if (!t.name.ends_with("_proj.weight")) {
        tensors.push_back(t);
        continue;
      }
      const std::string matrix = t.name.substr(0, t.name.size() - 7);
      const std::size_t bytes = tool.type.ends_with("32") ? 32 : 8;
      for (const auto& part : tool.parts) tensors.push_back({matrix + part, tool.type, {8}, std::string(bytes, '\0')});
    }
    writeRaw(path, tensors);
    checkSays(path, ErrorCode::FormatUnknown, "is quantised by " + tool.name + ", in a form that is not read. Get a bf16");
  }
}

TEST_CASE("GGUF files that are no whole models say what they are for") {
  const TemporaryFolder folder;
  const auto path = folder.file("file.gguf");
  const auto with = [&](auto change) {
    GgufItems items(kModels / "v7_small/model.f16.gguf");
    change(items);
    items.write(path);
  };
  const auto text = [](const std::string& value) {
    return Bytes().number<std::uint32_t>(8).counted(value);
  };
  const auto set = [](GgufItems& items, const std::string& key, std::span<const std::byte> value) {
    std::erase_if(items.keys, [&](const auto& k) { return k.first == key; });
    items.keys.emplace_back(key, textOf(value));
  };
  with([&](GgufItems& items) { set(items, "general.type", text("imatrix")); });
  checkSays(path, ErrorCode::NotRwkv, "is an importance matrix");
  with([&](GgufItems& items) { set(items, "general.architecture", text("controlvector")); });
  checkSays(path, ErrorCode::NotRwkv, "is a control vector");
  with([&](GgufItems& items) { set(items, "general.architecture", text("clip")); });
  checkSays(path, ErrorCode::NotRwkv, "sees or hears");
  with([&](GgufItems& items) { items.tensors.clear(); });
  checkSays(path, ErrorCode::NotRwkv, "holds a vocabulary and no weights");
  // llama-gguf-split, under a name of the user's.
  for (const std::uint16_t number : {0, 1}) {
    with([&](GgufItems& items) {
      set(items, "split.no", Bytes().number<std::uint32_t>(2).number(number));
      set(items, "split.count", Bytes().number<std::uint32_t>(2).number<std::uint16_t>(2));
      items.tensors.resize(items.tensors.size() / 2);
    });
    checkSays(path, ErrorCode::TensorMissing,
              "is only part " + std::to_string(number + 1) + " of 2 of a model. Get it in one file");
  }
}

TEST_CASE("a GGUF whose chat template is a name of old gets the template itself; another one stays") {
  const TemporaryFolder folder;
  const auto templateOf = [](const std::filesystem::path& path) {
    const auto file = ModelFile::open(path);
    REQUIRE(file.has_value());
    return std::get<std::string>((*file)->metadata().at("tokenizer.chat_template"));
  };
  GgufItems items(kModels / "v7_small/model.f16.gguf");
  for (const std::string given : {"rwkv-world", "{{ messages[0].content }}"}) {
    std::erase_if(items.keys, [](const auto& k) { return k.first == "tokenizer.chat_template"; });
    const Bytes value = Bytes().number<std::uint32_t>(8).counted(given);
    items.keys.emplace_back("tokenizer.chat_template", textOf(value));
    items.write(folder.file("in.gguf"));
    convert(folder.file("in.gguf"), folder.file("out.gguf"), DType::F16);
    CHECK(templateOf(folder.file("out.gguf")) == (given == "rwkv-world" ? std::string(kChatTemplate) : given));
  }
}
