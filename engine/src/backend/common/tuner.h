// SPDX-License-Identifier: GPL-3.0-or-later
// How work is cut for a device, found by trying: fields that can be written and read, and a search within a budget of
// time. What was found is kept by device_cache.h.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rookery/result.h"

namespace rookery::engine {

/// One number of a `Tuning`.
template <class Tuning>
struct TuningField {
  std::string_view name;
  std::uint32_t Tuning::*value = nullptr;
  std::uint32_t least = 0, most = 0;
  bool power = false;  ///< of two
};

template <class Tuning>
std::string fieldsText(std::span<const TuningField<Tuning>> fields, const Tuning& tuning) {
  std::string text;
  for (const auto& field : fields)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", field.name, tuning.*(field.value));
  return text;
}

/// "lanes=32,unroll=2"; what is not named stays as it is in `tuning`. InvalidArgument begins with `what`.
template <class Tuning>
Result<Tuning> parseFields(std::span<const TuningField<Tuning>> fields, std::string_view text, Tuning tuning,
                           std::string_view what) {
  const auto bad = [&] {
    return fail(ErrorCode::InvalidArgument, fmt::format("{}: \"{:.60}\" is no tuning; an example is {}.", what, text,
                                                        fieldsText(fields, Tuning{})));
  };
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return bad();
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.name == item.substr(0, equals); });
    if (field == fields.end()) return bad();
    std::uint32_t value = 0;
    const char* end = item.data() + item.size();
    if (const auto [at, problem] = std::from_chars(item.data() + equals + 1, end, value);
        problem != std::errc() || at != end)
      return bad();
    if (value < field->least || value > field->most || (field->power && !std::has_single_bit(value))) return bad();
    tuning.*(field->value) = value;
  }
  return tuning;
}

/// Of one load, whose stages may share a device.
template <class Tuning>
struct TuningRecord {
  std::chrono::nanoseconds left = std::chrono::seconds(2);  ///< that measuring may still take
  std::vector<Tuning> chosen;                               ///< of each stage, in their order
};

/// The fastest of those that were considered. The first one's compilation is not counted: a load needs it anyway, and
/// how long a driver takes can neither be told beforehand nor be cut short.
template <class Tuning>
class TuningSearch {
 public:
  using Clock = std::chrono::steady_clock;
  using Timer = std::function<Result<double>(int runs)>;  ///< seconds of the fastest run
  /// Compiles for a tuning. An empty timer: the device refuses this one, the others remain.
  using Compile = std::function<Result<Timer>(const Tuning&)>;

  TuningSearch(const Tuning& start, std::chrono::nanoseconds left, std::stop_token stop)
      : m_best(start), m_left(left), m_stop(std::move(stop)) {}
  static TuningSearch withoutTime(const Tuning& start) {
    TuningSearch search(start, {}, {});
    search.m_whole = false;
    return search;
  }

  /// Cancelled; errors of compiling and running.
  Result<void> consider(const Tuning& tuning, const Compile& compile) {
    if (m_stop.stop_requested()) return fail(ErrorCode::Cancelled, "Loading was stopped.");
    const auto begin = Clock::now();
    if (m_since && begin + m_dearest >= *m_since + m_left) {  // it would not end in time
      m_whole = false;
      return {};
    }
    auto timer = compile(tuning);
    if (!timer) return tl::unexpected(timer.error());
    if (!*timer) return {};
    const bool first = !m_since;
    if (first) m_since = Clock::now();
    auto time = (*timer)(m_runs);
    if (time && m_seconds == 0) {
      m_runs = std::clamp(static_cast<int>(kRunSeconds / *time), 1, kRuns);
      if (m_runs > 1) time = (*timer)(m_runs);
    }
    if (!time) return tl::unexpected(time.error());
    if (!first) m_dearest = std::max(m_dearest, Clock::now() - begin);
    m_spent = Clock::now() - *m_since;
    if (m_seconds > 0 && *time >= m_seconds * kWorthwhile) return {};
    m_best = tuning;
    m_seconds = *time;
    return {};
  }

  /// The best so far with another value of one field; of each in turn.
  Result<void> vary(std::uint32_t Tuning::*field, std::span<const std::uint32_t> values, const Compile& compile) {
    for (const std::uint32_t value : values) {
      Tuning tuning = m_best;
      tuning.*field = value;
      if (tuning == m_best) continue;
      if (auto good = consider(tuning, compile); !good) return good;
    }
    return {};
  }

  /// What comes now is cheaper to compile than what came before.
  void forgetCost() { m_dearest = {}; }

  const Tuning& best() const noexcept { return m_best; }
  bool measured() const noexcept { return m_seconds > 0; }  ///< false: without room to measure, say; loading will tell
  bool whole() const noexcept { return m_whole; }           ///< every candidate was looked at
  std::chrono::nanoseconds spent() const noexcept { return m_spent; }

 private:
  static constexpr int kRuns = 5;
  static constexpr double kRunSeconds = 0.1;   // of one candidate; slow devices get fewer runs
  static constexpr double kWorthwhile = 0.98;  // of the time so far; less is noise

  Tuning m_best;
  std::chrono::nanoseconds m_left;
  std::stop_token m_stop;
  double m_seconds = 0;  ///< of the best
  bool m_whole = true;
  int m_runs = 1;
  std::optional<Clock::time_point> m_since;  ///< when the first candidate was compiled
  Clock::duration m_dearest{};               ///< candidate after that, compilation included
  Clock::duration m_spent{};
};

}  // namespace rookery::engine
