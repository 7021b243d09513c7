// SPDX-License-Identifier: GPL-3.0-or-later
// The three containers: what a file holds is what ModelFile shows, whichever way it was written.
#include <doctest/doctest.h>
#include <libdeflate.h>

#include <cstdlib>
#include <array>

#include "quant/convert.h"
#include "rookery/model.h"
#include "rookery/model_file.h"
#include "support/format_builders.h"
#include "support/golden.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";

std::shared_ptr<const ModelFile> opened(const std::filesystem::path& path) {
  auto file = ModelFile::open(path);
  REQUIRE_MESSAGE(file.has_value(), path.string() << ": " << (file ? "" : file.error().message));
  return *file;
}

std::vector<float> values(const TensorSource& tensor) {
  std::vector<float> out(tensor.elementCount());
  decodeToF32(tensor.dtype, tensor.bytes, out);
  return out;
}

void checkSame(const ModelFile& file, const ModelFile& reference, float tolerance) {
  CHECK(file.tensors().size() == reference.tensors().size());
  for (const TensorSource& wanted : reference.tensors()) {
    const TensorSource* tensor = file.find(wanted.name);
    REQUIRE_MESSAGE(tensor != nullptr, wanted.name);
    CHECK(tensor->shape == wanted.shape);
    CHECK_MESSAGE(maxDifference(values(*tensor), values(wanted)) <= tolerance, wanted.name);
  }
}

Error refusal(std::span<const std::byte> bytes) {
  const auto file = ModelFile::fromMemory(bytes, "test");
  REQUIRE_FALSE(file.has_value());
  return file.error();
}

std::uint32_t crc(const std::string& data) { return libdeflate_crc32(0, data.data(), data.size()); }
ZipPart part(const std::string& name, const std::string& data) { return {name, data, crc(data)}; }

std::string intPickle(std::int32_t value) {
  std::string out = "J";
  out.append(reinterpret_cast<const char*>(&value), 4);
  return out;
}

/// A state dict of one fp32 vector: `name`, `count` elements with `stride`, from storage "0".
std::string vectorPickle(const std::string& name, int storageCount, int count, int stride = 1) {
  const auto text = [](const std::string& s) {
    const auto size = static_cast<std::uint32_t>(s.size());
    return "X" + std::string(reinterpret_cast<const char*>(&size), 4) + s;
  };
  return "\x80\x02}" + text(name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") +
         intPickle(storageCount) + "tQ" + intPickle(0) + intPickle(count) + "\x85" + intPickle(stride) + "\x85\x89" + "ccollections\nOrderedDict\n)RtRs.";
}

Bytes vectorFile(const std::string& pickle, std::size_t storageCount = 4) {
  return storedZip({part("m/data.pkl", pickle), part("m/data/0", std::string(storageCount * 4, '\0'))});
}

Bytes ggufHead(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
  Bytes out;
  out.text("GGUF").number(version).number(tensors).number(keys);
  return out;
}

}  // namespace

TEST_CASE("the containers of one model hold the same tensors") {
  const auto reference = opened(kModels / "v7_micro/model.safetensors");
  CHECK(reference->container() == Container::SafeTensors);
  CHECK(reference->name() == "model.safetensors");
  const auto pth = opened(kModels / "v7_micro/model.pth");
  CHECK(pth->container() == Container::Pth);
  checkSame(*pth, *reference, 0);
}

TEST_CASE("every way in which torch stores the same tensors gives the same tensors") {
  const auto reference = opened(kModels / "v7_micro/model.safetensors");
  const auto variants = readJson(kModels / "v7_micro/variants/manifest.json");
  CHECK(variants.size() >= 7);
  for (const auto& [name, entry] : variants.items()) {
    CAPTURE(name);
    const auto file = opened(kModels / "v7_micro/variants" / name);
    CHECK(file->container() == Container::Pth);
    checkSame(*file, *reference, entry["max_abs_difference_from_model_pth"].get<float>());
    CHECK(*file->sha256() == entry["sha256"].get<std::string>());
  }
}

TEST_CASE("gguf: metadata of all kinds, tensors row-major") {
  const auto file = opened(kModels / "v7_micro/model.f32.gguf");
  CHECK(file->container() == Container::Gguf);
  CHECK(std::get<std::string>(file->metadata().at("general.architecture")) == "rwkv7");
  CHECK(std::get<MetaArray>(file->metadata().at("tokenizer.ggml.tokens")).texts().size() == 270);
  CHECK(std::get<double>(file->metadata().at("rwkv7.attention.layer_norm_epsilon")) == doctest::Approx(1e-5));
  const TensorSource* fused = file->find("blk.0.time_mix_lerp_fused.weight");
  REQUIRE(fused != nullptr);
  CHECK(fused->shape == std::vector<std::int64_t>{6, 1, 1, 64});
  const TensorSource* embedding = file->find("token_embd.weight");
  REQUIRE(embedding != nullptr);
  CHECK(embedding->shape == std::vector<std::int64_t>{270, 64});
  const auto reference = opened(kModels / "v7_micro/model.safetensors");
  CHECK(maxDifference(values(*embedding), values(*reference->find("emb.weight"))) == 0);
  CHECK(opened(kModels / "v7_quant/model.Q8_0.gguf")->find("output.weight")->dtype == DType::Q8_0);
}

TEST_CASE("gguf: versions 2 and 3, every value type, any power of two as alignment") {
  for (const std::uint32_t version : {2U, 3U}) {
    Bytes file = ggufHead(1, 14, version);
    file.counted("general.alignment").number<std::uint32_t>(4).number<std::uint32_t>(8);
    file.counted("u8").number<std::uint32_t>(0).number<std::uint8_t>(200);
    file.counted("i8").number<std::uint32_t>(1).number<std::int8_t>(-2);
    file.counted("u16").number<std::uint32_t>(2).number<std::uint16_t>(65535);
    file.counted("i16").number<std::uint32_t>(3).number<std::int16_t>(-3);
    file.counted("i32").number<std::uint32_t>(5).number<std::int32_t>(-4);
    file.counted("f32").number<std::uint32_t>(6).number(0.5F);
    file.counted("bool").number<std::uint32_t>(7).number<std::uint8_t>(1);
    file.counted("text").number<std::uint32_t>(8).counted("a b");
    file.counted("numbers").number<std::uint32_t>(9).number<std::uint32_t>(3).number<std::uint64_t>(2).number<std::int16_t>(-1).number<std::int16_t>(7);
    file.counted("texts").number<std::uint32_t>(9).number<std::uint32_t>(8).number<std::uint64_t>(2).counted("").counted("x");
    file.counted("u64").number<std::uint32_t>(10).number<std::uint64_t>(~std::uint64_t{0});
    file.counted("i64").number<std::uint32_t>(11).number<std::int64_t>(-5);
    file.counted("f64").number<std::uint32_t>(12).number(0.25);
    file.counted("t").number<std::uint32_t>(2).number<std::uint64_t>(3).number<std::uint64_t>(2).number<std::uint32_t>(0).number<std::uint64_t>(0);
    file.alignTo(8);
    for (int i = 0; i < 6; ++i) file.number(static_cast<float>(i));
    const auto model = ModelFile::fromMemory(file, "all.gguf");
    REQUIRE_MESSAGE(model.has_value(), model.error().message);
    const auto& meta = (*model)->metadata();
    CHECK(std::get<std::int64_t>(meta.at("u8")) == 200);
    CHECK(std::get<std::int64_t>(meta.at("i8")) == -2);
    CHECK(std::get<std::int64_t>(meta.at("u16")) == 65535);
    CHECK(std::get<std::int64_t>(meta.at("i16")) == -3);
    CHECK(std::get<std::int64_t>(meta.at("i32")) == -4);
    CHECK(std::get<double>(meta.at("f32")) == 0.5);
    CHECK(std::get<bool>(meta.at("bool")));
    CHECK(std::get<std::string>(meta.at("text")) == "a b");
    CHECK(std::get<MetaArray>(meta.at("numbers")).integers() == std::vector<std::int64_t>{-1, 7});
    CHECK(std::get<MetaArray>(meta.at("numbers")).texts().empty());
    CHECK(std::get<MetaArray>(meta.at("texts")).texts() == std::vector<std::string_view>{"", "x"});
    CHECK(std::get<MetaArray>(meta.at("texts")).integers().empty());
    CHECK(std::get<std::uint64_t>(meta.at("u64")) == ~std::uint64_t{0});
    CHECK(std::get<std::int64_t>(meta.at("i64")) == -5);
    CHECK(std::get<double>(meta.at("f64")) == 0.25);
    CHECK((*model)->find("t")->shape == std::vector<std::int64_t>{2, 3});
    CHECK(values(*(*model)->find("t"))[5] == 5.0F);
  }
}

TEST_CASE("gguf: a block format that is not read is named, with what to do") {
  for (const auto& [type, name] : {std::pair<std::uint32_t, const char*>{16, "block format IQ2_XXS"}, {34, "TQ1_0"}, {39, "MXFP4"},
                                   {31, "Q4_0_4_4"}, {250, "block format number 250"}, {0xFFFFFFFF, "number 4294967295"}}) {
    Bytes file = ggufHead(1, 0);
    file.counted("blk.0.x").number<std::uint32_t>(1).number<std::uint64_t>(256).number<std::uint32_t>(type).number<std::uint64_t>(0).alignTo(32).zeros(4096);
    const Error error = refusal(file);
    CHECK(error.code == ErrorCode::FormatUnknown);
    for (const char* part : {name, "which is not read", "(tensor blk.0.x)"}) CHECK_MESSAGE(error.message.find(part) != std::string::npos, error.message);
    CHECK(error.message.find("damaged") == std::string::npos);
  }
}

TEST_CASE("safetensors: metadata, dtypes, data order") {
  Bytes file;
  const std::string header = R"({"__metadata__":{"format":"pt"},"z":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                             R"("empty":{"dtype":"F32","shape":[0,4],"data_offsets":[8,8]},"a":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}})";
  file.number<std::uint64_t>(header.size()).text(header).number<std::int64_t>(-7).number<std::uint16_t>(0x4000);
  const auto model = ModelFile::fromMemory(file, "x.st");
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  CHECK(std::get<std::string>((*model)->metadata().at("format")) == "pt");
  CHECK((*model)->tensors()[0].name == "z");
  CHECK((*model)->find("empty")->bytes.empty());
  CHECK(values(*(*model)->find("a")) == std::vector<float>{2.0F});
}

TEST_CASE("names that could harm a terminal or a JSON document are refused and not repeated") {
  for (const std::string& name : {std::string("a\x1b[2J"), std::string("a\nb"), std::string("nul\0x", 5), std::string("\xff\xfe"), std::string(), std::string(2000, 'n')}) {
    Bytes gguf = ggufHead(1, 0);
    gguf.counted(name).number<std::uint32_t>(1).number<std::uint64_t>(1).number<std::uint32_t>(0).number<std::uint64_t>(0).alignTo(32).zeros(4);
    const std::string pickle = vectorPickle(name, 4, 4);
    const Bytes pth = vectorFile(pickle);
    for (const Error& error : {refusal(gguf), refusal(pth)}) {
      CHECK(error.code == ErrorCode::FormatUnknown);
      CHECK(error.message.size() < 600);
      for (const char c : error.message) CHECK((c >= 0x20 && c < 0x7F));
    }
  }
  const std::string header = R"({"a\u0000b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";
  Bytes file;
  file.number<std::uint64_t>(header.size()).text(header).zeros(4);
  CHECK(refusal(file).code == ErrorCode::FormatUnknown);
}

TEST_CASE("pth: views are checked against their storage") {
  CHECK(ModelFile::fromMemory(vectorFile(vectorPickle("x", 4, 4)), "ok").has_value());
  CHECK(ModelFile::fromMemory(vectorFile(vectorPickle("x", 4, 2, 3)), "ok").has_value());  // elements 0 and 3
  for (const auto& [storage, count, stride] : {std::tuple{4, 5, 1}, {4, 3, 2}, {5, 4, 1}, {4, -1, 1}, {4, 4, -1}, {-4, 1, 1}, {4, 1 << 30, 0}}) {
    CAPTURE(count);
    CAPTURE(stride);
    CHECK(refusal(vectorFile(vectorPickle("x", storage, count, stride))).code == ErrorCode::FileDamaged);
  }
}

TEST_CASE("pth: a pickle that asks for code is unsafe, not damaged") {
  for (const char* pickle : {"\x80\x02" "cos\nsystem\n.", "\x80\x02(K\x01ios\nsystem\n.", "\x80\x02" "cos\n\x1b[2Jsystem\n."}) {
    const Error error = refusal(storedZip({part("m/data.pkl", pickle)}));
    CHECK(error.code == ErrorCode::FileUnsafe);
    for (const char c : error.message) CHECK((c >= 0x20 && c < 0x7F));
  }
  CHECK(refusal(storedZip({part("m/data.pkl", "\x80\x02" "ctorch\nOddStorage\n.")})).code == ErrorCode::FileDamaged);
}

TEST_CASE("pth: gathered views have the values that torch would show") {
  std::string data;
  for (int i = 0; i < 4; ++i) data.append(reinterpret_cast<const char*>(std::array{static_cast<float>(i)}.data()), 4);
  const Bytes zip = storedZip({part("m/data.pkl", vectorPickle("x", 4, 2, 3)), part("m/data/0", data)});
  const auto file = ModelFile::fromMemory(zip, "m.pth");
  REQUIRE(file.has_value());
  CHECK(values(*(*file)->find("x")) == std::vector<float>{0.0F, 3.0F});
}

TEST_CASE("pth: entries inside each other are refused") {
  // Entries inside each other: a thousand of them would be a thousand times the file to check.
  const std::string pickle = vectorPickle("x", 4, 4);
  const std::string inner = storedZipEntry(part("m/data/1", std::string(16, '\0')));
  Bytes nested = storedZip({part("m/data.pkl", pickle), part("m/data/0", inner), part("m/data/1", std::string(16, '\0'))});
  REQUIRE(ModelFile::fromMemory(nested, "ok").has_value());
  auto& raw = nested.raw();
  const std::string all(reinterpret_cast<const char*>(raw.data()), raw.size());
  const auto within = static_cast<std::uint32_t>(all.find(inner));
  const std::size_t lastRecord = all.rfind("PK\1\2");
  std::memcpy(raw.data() + lastRecord + 42, &within, 4);
  CHECK(refusal(nested).message.find("overlap") != std::string::npos);
}

TEST_CASE("pth: a pickle that repeats a megabyte a thousand times costs no memory") {
  const auto text = [](const std::string& s) {
    const auto size = static_cast<std::uint32_t>(s.size());
    return "X" + std::string(reinterpret_cast<const char*>(&size), 4) + s;
  };
  std::string pickle = "\x80\x02(" + text("storage") + "ctorch\nFloatStorage\n" + text(std::string(1 << 20, 'k')) + text("cpu") + intPickle(4) + "tq\x01" "0]";
  for (int i = 0; i < 200'000; ++i) pickle += "h\x01Qa";
  const Bytes file = storedZip({part("m/data.pkl", pickle + ".")});
  CHECK(refusal(file).code == ErrorCode::FormatUnknown);  // no tensors

  // The same with the arguments of a call.
  pickle = "\x80\x02" "ctorch._utils\n_rebuild_parameter\nq\x01" "0(";
  for (int i = 0; i < 200'000; ++i) pickle += 'N';
  pickle += "tq\x02" "0]";
  for (int i = 0; i < 100'000; ++i) pickle += "h\x01h\x02Ra";
  CHECK(refusal(storedZip({part("m/data.pkl", pickle + ".")})).code == ErrorCode::FileDamaged);
}

TEST_CASE("a small file cannot claim many large tensors by naming the same bytes again") {
  Bytes gguf = ggufHead(64, 0);
  for (int i = 0; i < 64; ++i) gguf.counted("t" + std::to_string(i)).number<std::uint32_t>(1).number<std::uint64_t>(4096).number<std::uint32_t>(0).number<std::uint64_t>(0);
  gguf.alignTo(32).zeros(4096 * 4);
  CHECK(refusal(gguf).code == ErrorCode::FileDamaged);
}

TEST_CASE("a file that was reserved but not downloaded is called that") {
  const std::vector<std::byte> zeros(4096);
  const Error error = refusal(zeros);
  CHECK(error.code == ErrorCode::FileDamaged);
  CHECK(error.message.find("not finished") != std::string::npos);
}

TEST_CASE("files that are not model files") {
  CHECK(ModelFile::open("/nonexistent/model.pth").error().code == ErrorCode::FileNotFound);
  CHECK(ModelFile::open(kModels).error().code == ErrorCode::FormatUnknown);  // a folder without a model in it
  CHECK(ModelFile::open("/dev/null").error().code == ErrorCode::FileUnreadable);
  const Bytes text = Bytes().text("Once upon a time there was a raven.");
  CHECK(refusal(text).code == ErrorCode::FormatUnknown);
  CHECK(refusal(storedZip({part("word/document.xml", "<x/>")})).code == ErrorCode::FormatUnknown);
}

TEST_CASE("a file that gets shorter while it is mapped is an error, not the end of the program") {
  surviveLostFiles();
  const auto path = std::filesystem::temp_directory_path() / "rookery-lost-file.gguf";
  std::filesystem::copy_file(kModels / "v7_small/model.f16.gguf", path, std::filesystem::copy_options::overwrite_existing);
  const auto file = opened(path);
  const std::uint64_t size = std::filesystem::file_size(path);
  CHECK_FALSE(file->isLost());
  std::filesystem::resize_file(path, 4096);
  const auto loaded = Model::load(file);  // every weight is read, and most are gone
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().code == ErrorCode::FileUnreadable);
  CHECK(file->isLost());

  std::filesystem::resize_file(path, size);
  const auto other = opened(kModels / "v7_small/model.f16.gguf");  // the first one's misfortune is not everybody's
  CHECK_FALSE(other->isLost());
  CHECK(Model::load(other).has_value());
  std::filesystem::remove(path);
}
