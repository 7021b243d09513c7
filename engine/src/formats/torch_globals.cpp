// SPDX-License-Identifier: GPL-3.0-or-later
// Sources: torch/_utils.py, torch/_tensor.py, torch/storage.py, torch/_weights_only_unpickler.py (torch 2.8); numpy's
// __reduce__ methods (1.26, 2.4); CPython's pickle of its own types, protocols 1 to 5.
#include "formats/torch_globals.h"

#include <algorithm>
#include <array>

namespace rookery::engine {
namespace {

constexpr std::array<TorchType, 26> kTypes{{{"FloatStorage", "float32", DType::F32, 4},
                                            {"HalfStorage", "float16", DType::F16, 2},
                                            {"BFloat16Storage", "bfloat16", DType::BF16, 2},
                                            {"DoubleStorage", "float64", DType::F64, 8},
                                            {"CharStorage", "int8", DType::I8, 1},
                                            {"ShortStorage", "int16", DType::I16, 2},
                                            {"IntStorage", "int32", DType::I32, 4},
                                            {"LongStorage", "int64", DType::I64, 8},
                                            {"ByteStorage", "uint8", DType::U8, 1},
                                            {"BoolStorage", "bool", DType::Bool, 1},
                                            {"ComplexFloatStorage", "complex64", DType::C64, 8},
                                            {"ComplexDoubleStorage", "complex128", {}, 16},
                                            {"QInt8Storage", "qint8", {}, 1},
                                            {"QUInt8Storage", "quint8", {}, 1},
                                            {"QInt32Storage", "qint32", {}, 4},
                                            {"QUInt4x2Storage", "quint4x2", {}, 1},
                                            {"QUInt2x4Storage", "quint2x4", {}, 1},
                                            {{}, "float8_e4m3fn", DType::F8_E4M3, 1},
                                            {{}, "float8_e5m2", DType::F8_E5M2, 1},
                                            {{}, "float8_e4m3fnuz", DType::F8_E4M3FNUZ, 1},
                                            {{}, "float8_e5m2fnuz", DType::F8_E5M2FNUZ, 1},
                                            {{}, "float8_e8m0fnu", DType::F8_E8M0, 1},
                                            {{}, "float4_e2m1fn_x2", {}, 1},
                                            {{}, "uint16", DType::U16, 2},
                                            {{}, "uint32", DType::U32, 4},
                                            {{}, "uint64", DType::U64, 8}}};
constexpr TorchType kUntyped{"UntypedStorage", "bytes", {}, 1};

struct Known {
  std::string_view module, name;
  GlobalUse use;
};
using enum GlobalUse;
constexpr std::array<Known, 60> kKnown{{
    {"torch._utils", "_rebuild_tensor", Tensor},
    {"torch._utils", "_rebuild_tensor_v2", Tensor},
    {"torch._utils", "_rebuild_tensor_v3", TypedTensor},
    {"torch._utils", "_rebuild_parameter", Parameter},
    {"torch._utils", "_rebuild_parameter_with_state", Parameter},
    {"torch._tensor", "_rebuild_from_type", TensorOfClass},
    {"torch._tensor", "_rebuild_from_type_v2", TensorOfClass},
    {"torch._utils", "_rebuild_sparse_tensor", OddTensor},
    {"torch._utils", "_rebuild_sparse_csr_tensor", OddTensor},
    {"torch._utils", "_rebuild_nested_tensor", OddTensor},
    {"torch._utils", "_rebuild_qtensor", OddTensor},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", OddTensor},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", OddTensor},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", OddTensor},
    {"torch._utils", "_rebuild_wrapper_subclass", OddTensor},
    {"collections", "OrderedDict", Dict},
    {"collections", "defaultdict", Dict},
    {"builtins", "dict", Dict},
    {"collections", "Counter", Value},
    {"collections", "deque", Value},
    {"torch.serialization", "_get_layout", Value},
    {"torch", "device", Value},
    {"torch", "Size", Value},
    {"builtins", "set", Value},
    {"builtins", "frozenset", Value},
    {"builtins", "list", Value},
    {"builtins", "tuple", Value},
    {"builtins", "complex", Value},
    {"builtins", "bytearray", Value},
    {"builtins", "bytes", Value},
    {"builtins", "str", Value},
    {"builtins", "unicode", Value},
    {"builtins", "int", Value},
    {"builtins", "long", Value},
    {"builtins", "float", Value},
    {"builtins", "bool", Value},
    {"builtins", "slice", Value},
    {"builtins", "range", Value},
    {"builtins", "xrange", Value},
    {"builtins", "object", Value},
    {"builtins", "Ellipsis", Value},
    {"_codecs", "encode", Value},  // how protocol 2 writes bytes
    {"copyreg", "_reconstructor", Value},
    {"types", "SimpleNamespace", Value},
    {"array", "_array_reconstructor", Value},
    {"re", "_compile", Value},
    {"functools", "partial", Value},  // a call that nobody makes
    {"datetime", "datetime", Value},
    {"datetime", "date", Value},
    {"datetime", "time", Value},
    {"datetime", "timedelta", Value},
    {"datetime", "timezone", Value},
    {"numpy", "dtype", Value},
    {"numpy", "ndarray", Value},
    {"numpy.core.multiarray", "scalar", Value},
    {"numpy.core.multiarray", "_reconstruct", Value},
    {"numpy.core.numeric", "_frombuffer", Value},
    {"numpy.random._pickle", "__randomstate_ctor", Value},
    {"numpy.random._pickle", "__generator_ctor", Value},
    {"numpy.random._pickle", "__bit_generator_ctor", Value},
}};

// Of Python's own library, what starts programs, runs text, opens files or connections, or builds code. A class among
// these would look like any other, so the list is by module.
constexpr std::array<std::string_view, 53> kCode{
    "os",        "posix",   "nt",       "subprocess", "sys",       "builtins",  "importlib", "imp",     "runpy",   "pkgutil",  "zipimport",
    "shutil",    "socket",  "ctypes",   "_ctypes",    "cffi",      "pty",       "commands",  "popen2",  "code",    "codeop",   "webbrowser",
    "pickle",    "_pickle", "cPickle",  "dill",       "cloudpickle", "marshal", "shelve",    "types",   "io",      "_io",      "tempfile",
    "threading", "_thread", "asyncio",  "multiprocessing", "concurrent", "http", "urllib",   "ftplib",  "smtplib", "xmlrpc",   "ssl",
    "timeit",    "trace",   "profile",  "cProfile",   "pdb",       "bdb",       "pip",       "operator", "inspect"};

/// Names that Python 2 and older numpy had for the same module.
std::string_view today(std::string_view module) {
  if (module == "__builtin__") return "builtins";
  if (module == "copy_reg") return "copyreg";
  if (module == "numpy._core.multiarray") return "numpy.core.multiarray";
  if (module == "numpy._core.numeric") return "numpy.core.numeric";
  return module;
}

/// By Python's convention, which every class among the checkpoints of trainers keeps: "Namespace", "_Config". Cython has
/// a function for each of its classes that makes an object of it.
bool isClassName(std::string_view name) {
  if (name.starts_with("__pyx_unpickle_")) return true;
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  const std::size_t first = name.find_first_not_of('_');
  return first != std::string_view::npos && name[first] >= 'A' && name[first] <= 'Z';
}

bool isCode(std::string_view module) { return std::find(kCode.begin(), kCode.end(), module) != kCode.end(); }

}  // namespace

GlobalMeaning meaningOf(std::string_view module, std::string_view name) noexcept {
  module = today(module);
  if (module == "torch" || module == "torch.storage") {
    for (const TorchType& type : kTypes)
      if (name == type.name || (!type.storage.empty() && name == type.storage)) return {Storage, &type};
    if (name == kUntyped.storage) return {Storage, &kUntyped};
  }
  const auto known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.module == module && k.name == name; });
  if (known != kKnown.end()) return {known->use};
  // A name with dots may reach into what the module itself imports.
  if (isCode(module.substr(0, module.find('.')))) return {Code};
  for (std::string_view rest = name; rest.find('.') != std::string_view::npos; rest.remove_prefix(rest.find('.') + 1))
    if (isCode(rest.substr(0, rest.find('.')))) return {Code};
  return {isClassName(name) ? Class : Function};
}

}  // namespace rookery::engine
