// SPDX-License-Identifier: GPL-3.0-or-later
#include <openssl/evp.h>

#include <cmath>
#include <exception>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "rookery/bench.h"

namespace rookery::engine {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr int kMaxDepth = 32;  // a report needs 5; nlohmann's dump() recurses once per level

/// Thrown and caught inside this file only.
struct NotAReport {
  std::string what;
};

/// The form that is hashed: sorted keys (json's own order), no white space, invalid UTF-8 replaced.
std::string canonical(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string sha256Hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kHex[digest[i] >> 4];
    hex += kHex[digest[i] & 15];
  }
  return hex;
}

/// JSON has no infinities; they would come back as null.
double finite(double x) { return std::isfinite(x) ? x : 0.0; }

json numbers(const std::vector<double>& values) {
  json array = json::array();
  for (const double x : values) array.push_back(finite(x));
  return array;
}

json environmentJson(const BenchEnvironment& e) {
  json o = {{"cpu", e.cpu}, {"isa", e.isa}, {"os", e.os}, {"kernel", e.kernel}, {"build", e.build},
          {"compiler", e.compiler}, {"power_source", e.powerSource}, {"governor", e.governor}, {"date", e.date},
          {"device", e.device}, {"driver", e.driver}, {"api", e.api}, {"threads", e.threads},
          {"physical_cores", e.physicalCores}, {"memory_total", e.memoryTotal},
          {"last_level_cache", e.lastLevelCache}};
  if (e.gpu)
    o["gpu"] = {{"name", e.gpu->name}, {"memory", e.gpu->memory}, {"software", e.gpu->software}, {"features", e.gpu->features}};
  return o;
}

json toJson(const BenchReport& r) {
  json series = json::array();
  for (const BenchSeries& s : r.series) {
    const bool spread = r.schema < 2 || s.hasSpread();
    series.push_back({{"test", s.test}, {"unit", s.unit}, {"samples", numbers(s.samples)},
                      {"warm_up", numbers(s.warmUp)}, {"median", finite(s.median)},
                      {"mad", spread ? json(finite(s.mad)) : json()}, {"min", finite(s.min)}, {"max", finite(s.max)},
                      {"mean", finite(s.mean)}, {"sd", spread ? json(finite(s.sd)) : json()},
                      {"noisy", s.noisy}, {"cpu_share", finite(s.cpuShare)}, {"busy", s.busy}});
  }
  json planned = json::array();
  for (const MemoryRow& row : r.planned) {
    planned.push_back({{"component", row.component}, {"bytes", row.bytes},
                       {"cumulative_mb", finite(row.cumulativeMb)}, {"component_mb", finite(row.componentMb)}});
    if (!row.device.empty()) planned.back()["device"] = row.device;
  }
  json measured = json::array();
  for (const LedgerEntry& entry : r.measured) {
    measured.push_back({{"device", entry.device}, {"component", entry.component}, {"kind", entry.kind},
                        {"bytes", entry.bytes}});
  }
  json document = {{"schema", r.schema}, {"kind", "rookery-benchmark"}, {"model", r.model}, {"weights", r.weights},
          {"model_sha256", r.modelSha256}, {"fingerprint", r.fingerprint}, {"precision", r.precision},
          {"strategy", r.strategy}, {"mode", r.mode}, {"parameters", r.parameters},
          {"bytes_per_token", r.bytesPerToken}, {"series", std::move(series)},
          {"bandwidth_gb_per_s", finite(r.bandwidthGBs)}, {"bandwidth_pattern", r.bandwidthPattern},
          {"percent_of_bandwidth", finite(r.percentOfBandwidth)}, {"planned", std::move(planned)},
          {"measured", std::move(measured)}, {"resident_bytes", r.residentBytes}, {"greedy_tokens", r.greedyTokens},
          {"partial", r.partial}, {"environment", environmentJson(r.environment)}};
  if (r.residentBefore > 0) {
    document["resident_before_bytes"] = r.residentBefore;
    document["kept_models_bytes"] = r.keptBytes;
  }
  return document;
}

// --- Reading. Every access checks the type; a report comes from a stranger. ---

const json& member(const json& object, const char* key) {
  if (!object.is_object()) throw NotAReport{"a list entry is not an object"};
  const auto it = object.find(key);
  if (it == object.end()) throw NotAReport{std::string("\"") + key + "\" is missing"};
  return *it;
}

void read(const json& object, const char* key, std::string& out) {
  const json& value = member(object, key);
  if (!value.is_string()) throw NotAReport{std::string("\"") + key + "\" is not a text"};
  out = value.get<std::string>();
}

void read(const json& object, const char* key, double& out) {
  const json& value = member(object, key);
  if (!value.is_number()) throw NotAReport{std::string("\"") + key + "\" is not a number"};
  out = value.get<double>();
}

/// null where one run has no spread; a number in every report of schema 1.
void readSpread(const json& object, const char* key, int schema, double& out) {
  if (schema < 2 || !member(object, key).is_null()) read(object, key, out);
}

void read(const json& object, const char* key, bool& out) {
  const json& value = member(object, key);
  if (!value.is_boolean()) throw NotAReport{std::string("\"") + key + "\" is neither true nor false"};
  out = value.get<bool>();
}

void read(const json& object, const char* key, std::uint64_t& out) {
  const json& value = member(object, key);
  if (!value.is_number_unsigned()) throw NotAReport{std::string("\"") + key + "\" is not a count"};
  out = value.get<std::uint64_t>();
}

void read(const json& object, const char* key, int& out) {
  std::uint64_t value = 0;
  read(object, key, value);
  if (value > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
    throw NotAReport{std::string("\"") + key + "\" is too large"};
  out = static_cast<int>(value);
}

const json& list(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_array()) throw NotAReport{std::string("\"") + key + "\" is not a list"};
  return value;
}

void read(const json& object, const char* key, std::vector<double>& out) {
  for (const json& value : list(object, key)) {
    if (!value.is_number()) throw NotAReport{std::string("\"") + key + "\" holds something that is not a number"};
    out.push_back(value.get<double>());
  }
}

void read(const json& object, const char* key, std::vector<std::string>& out) {
  for (const json& value : list(object, key)) {
    if (!value.is_string()) throw NotAReport{std::string("\"") + key + "\" holds something that is not a text"};
    out.push_back(value.get<std::string>());
  }
}

BenchEnvironment environmentFrom(const json& o) {
  BenchEnvironment e;
  using Field = std::pair<const char*, std::string*>;
  for (const auto& [key, text] :
       {Field{"cpu", &e.cpu}, Field{"isa", &e.isa}, Field{"os", &e.os}, Field{"kernel", &e.kernel},
        Field{"build", &e.build}, Field{"compiler", &e.compiler}, Field{"power_source", &e.powerSource},
        Field{"governor", &e.governor}, Field{"date", &e.date}, Field{"device", &e.device},
        Field{"driver", &e.driver}, Field{"api", &e.api}})
    read(o, key, *text);
  read(o, "threads", e.threads);
  read(o, "physical_cores", e.physicalCores);
  read(o, "memory_total", e.memoryTotal);
  read(o, "last_level_cache", e.lastLevelCache);
  if (o.contains("gpu")) {  // only where a GPU ran the model
    const json& gpu = member(o, "gpu");
    e.gpu.emplace();
    read(gpu, "name", e.gpu->name);
    read(gpu, "memory", e.gpu->memory);
    read(gpu, "software", e.gpu->software);
    read(gpu, "features", e.gpu->features);
  }
  return e;
}

BenchReport fromJson(const json& o) {
  BenchReport r;
  std::string kind;
  read(o, "kind", kind);
  if (kind != "rookery-benchmark") throw NotAReport{"it is of another kind"};
  read(o, "schema", r.schema);
  if (r.schema < 1) throw NotAReport{"its schema is 0"};
  if (r.schema > BenchReport().schema) throw NotAReport{"its schema " + std::to_string(r.schema) + " is newer than this program"};
  read(o, "model", r.model);
  read(o, "weights", r.weights);
  read(o, "model_sha256", r.modelSha256);
  read(o, "fingerprint", r.fingerprint);
  read(o, "precision", r.precision);
  read(o, "strategy", r.strategy);
  read(o, "mode", r.mode);
  read(o, "parameters", r.parameters);
  read(o, "bytes_per_token", r.bytesPerToken);
  for (const json& item : list(o, "series")) {
    BenchSeries& s = r.series.emplace_back();
    read(item, "test", s.test);
    read(item, "unit", s.unit);
    read(item, "samples", s.samples);
    read(item, "warm_up", s.warmUp);
    read(item, "median", s.median);
    readSpread(item, "mad", r.schema, s.mad);
    read(item, "min", s.min);
    read(item, "max", s.max);
    read(item, "mean", s.mean);
    readSpread(item, "sd", r.schema, s.sd);
    read(item, "noisy", s.noisy);
    if (item.contains("cpu_share")) read(item, "cpu_share", s.cpuShare);  // reports of 2026-11 have neither
    if (item.contains("busy")) read(item, "busy", s.busy);
  }
  read(o, "bandwidth_gb_per_s", r.bandwidthGBs);
  read(o, "bandwidth_pattern", r.bandwidthPattern);
  read(o, "percent_of_bandwidth", r.percentOfBandwidth);
  for (const json& item : list(o, "planned")) {
    MemoryRow& row = r.planned.emplace_back();
    read(item, "component", row.component);
    read(item, "bytes", row.bytes);
    read(item, "cumulative_mb", row.cumulativeMb);
    read(item, "component_mb", row.componentMb);
    if (item.contains("device")) read(item, "device", row.device);  // reports of 2026-11 lack it
  }
  for (const json& item : list(o, "measured")) {
    LedgerEntry& entry = r.measured.emplace_back();
    read(item, "device", entry.device);
    read(item, "component", entry.component);
    read(item, "kind", entry.kind);
    read(item, "bytes", entry.bytes);
  }
  read(o, "resident_bytes", r.residentBytes);
  if (o.contains("resident_before_bytes")) {  // reports of schema 1 lack it
    read(o, "resident_before_bytes", r.residentBefore);
    if (r.residentBefore > 0) read(o, "kept_models_bytes", r.keptBytes);
  }
  for (const json& value : list(o, "greedy_tokens")) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
      throw NotAReport{"\"greedy_tokens\" holds something that is not a token"};
    r.greedyTokens.push_back(value.get<std::uint32_t>());
  }
  read(o, "partial", r.partial);
  r.environment = environmentFrom(member(o, "environment"));
  return r;
}

/// Nesting of brackets outside of strings; counted before parsing, so that depth can never cost stack.
bool tooDeep(std::string_view text) {
  int depth = 0;
  bool inString = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inString) {
      if (c == '\\') ++i;
      else if (c == '"') inString = false;
    } else if (c == '"') {
      inString = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string reportJson(const BenchReport& report) {
  json document = toJson(report);
  document["sha256"] = sha256Hex(canonical(document));
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<BenchReport> reportFromJson(std::string_view text) {
  const auto damaged = [](const std::string& why) {
    return fail(ErrorCode::FileDamaged, "This is not a benchmark report of Rookery: " + why + ".");
  };
  try {
    if (text.size() > kMaxBytes) return damaged("it is larger than 64 MiB");
    if (tooDeep(text)) return damaged("it is nested too deeply");
    json document = json::parse(text, nullptr, false);
    if (document.is_discarded()) return damaged("it is not JSON");
    if (!document.is_object()) return damaged("it is not a JSON object");
    std::string stated;
    read(document, "sha256", stated);
    document.erase("sha256");
    BenchReport report = fromJson(document);
    if (sha256Hex(canonical(document)) != stated)
      return fail(ErrorCode::VerificationFailed,
                  "The report was changed after it was written: its SHA-256 does not match its content.");
    return report;
  } catch (const NotAReport& problem) {
    return damaged(problem.what);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::OutOfMemory, "There is not enough memory to read the report.");
  } catch (const std::exception& problem) {
    return damaged(problem.what());
  }
}

}  // namespace rookery::engine
