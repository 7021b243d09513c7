// SPDX-License-Identifier: GPL-3.0-or-later
// What torch.save writes for other things than a plain dictionary of weights.
#include <doctest/doctest.h>

#include "quant/convert.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"
#include "support/torch_writer.h"

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

}  // namespace

TEST_CASE("lists, tuples and dictionaries of tensors are named by the way to them") {
  using namespace py;
  TorchWriter torch;
  const auto t = [&](float value) { return torch.floats({value, 0}); };
  CHECK(contentsOf(torch.zip(list({t(1), t(2), t(3)}))) == "0=1 1=2 2=3");
  CHECK(contentsOf(torch.zip(tuple({t(1), t(2)}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(list({tuple({t(1), t(2)}), kNone, list({t(3)})}))) == "0.0=1 0.1=2 2.0=3");
  CHECK(contentsOf(torch.zip(dict({{text("tmix"), list({dict({{text("x"), t(1)}, {text("rnn"), t(2)}})})}, {text("cmix"), list({dict({{text("x"), t(3)}})})}}))) ==
        "tmix.0.x=1 tmix.0.rnn=2 cmix.0.x=3");
  // What is around it, or beside, is not in the names.
  CHECK(contentsOf(torch.zip(dict({{text("tokens"), list({number(5)})}, {text("state"), list({t(1), t(2)})}, {text("step"), number(7)}}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(dict({{text("run"), dict({{text("state"), list({t(1), t(2)})}})}}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(dict({{number(0), t(1)}, {number(1), t(2)}}))) == "0=1 1=2");
  CHECK(contentsOf(torch.zip(dict({{text("only"), t(1)}}))) == "only=1");
  CHECK(contentsOf(torch.zip(t(1))) == "tensor=1");
}

TEST_CASE("a file without tensors is not called damaged") {
  using namespace py;
  for (const Value& root : {list({}), number(3), dict({{text("epoch"), number(3)}, {text("names"), list({text("a")})}})}) {
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
  std::string keys = text(std::string(1 << 20, 'k')) + std::string("q\0" "0}", 4);
  for (int i = 0; i < 200'000; ++i) keys += std::string("h\0)s", 4);
  CHECK(refusal(TorchWriter().zip(keys)).code == ErrorCode::FormatUnknown);
}
