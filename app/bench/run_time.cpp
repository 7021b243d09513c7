// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/run_time.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>
#include <cmath>

#include "bench/bench_text.h"

namespace rookery::app {

namespace {

struct Words {
  Q_DECLARE_TR_FUNCTIONS(RunTime)
};

// From old laptops to fast desktops.
constexpr double kSlowBytes = 5e9, kFastBytes = 60e9;            ///< read while answering, a second
constexpr double kSlowOperations = 40e9, kFastOperations = 2e12; ///< while reading a prompt, a second
constexpr double kSlowMaking = 20e6, kFastMaking = 400e6;        ///< weights made or loaded, a second
constexpr double kEarlierFast = 0.85, kEarlierSlow = 1.25;       ///< what an earlier run may be off by
constexpr double kWarmUpLeast = 2, kWarmUpMost = 6, kChatWarmUpMost = 3, kChatLeast = 3, kChatMost = 5;

}  // namespace

TimeRange expectedTime(const engine::BenchRequest& request, double bytesPerToken, double parameters, const engine::BenchReport* earlier) {
  TimeRange decode{bytesPerToken / kFastBytes, bytesPerToken / kSlowBytes};  // of a token
  TimeRange prefill{2 * parameters / kFastOperations, 2 * parameters / kSlowOperations};
  if (earlier != nullptr && bytesPerToken > 0 && parameters > 0) {
    const double tg = speedOf(*earlier, "tg"), pp = speedOf(*earlier, "pp");
    if (tg > 0 && earlier->bytesPerToken > 0) {
      const double token = bytesPerToken / static_cast<double>(earlier->bytesPerToken) / tg;
      decode = {kEarlierFast * token, kEarlierSlow * token};
    }
    if (pp > 0 && earlier->parameters > 0) {
      const double token = parameters / static_cast<double>(earlier->parameters) / pp;
      prefill = {kEarlierFast * token, kEarlierSlow * token};
    }
  }
  const double least = request.minReps, most = std::max(request.minReps, request.maxReps);
  TimeRange range{2 * parameters / kFastMaking + 0.5, 2 * parameters / kSlowMaking + 2};  // loaded twice
  if (request.measureBandwidth) {
    range.least += 5;
    range.most += 15;
  }
  if (request.promptTokens > 0) {
    range.least += (kWarmUpLeast + least) * request.promptTokens * prefill.least;
    range.most += (kWarmUpMost + most) * request.promptTokens * prefill.most;
  }
  if (request.generateTokens > 0) {
    range.least += (kWarmUpLeast + least + 2 * (kWarmUpLeast + kChatLeast)) * request.generateTokens * decode.least;
    range.most += (kWarmUpMost + most + 2 * (kChatWarmUpMost + kChatMost)) * request.generateTokens * decode.most;
  }
  return range;
}

QString timeRangeText(const TimeRange& range) {
  const auto minutes = [](double seconds) { return std::max(1, static_cast<int>(std::ceil(seconds / 60 - 0.2))); };
  const int least = std::max(1, static_cast<int>(std::lround(range.least / 60))), most = minutes(range.most);
  const QLocale locale;
  if (range.most < 60) {
    return Words::tr("Takes less than a minute.");
  }
  if (range.least < 45) {
    return Words::tr("Takes up to %n minute(s).", nullptr, most);
  }
  return least >= most ? Words::tr("Takes about %n minute(s).", nullptr, most)
                       : Words::tr("Takes %1 to %2 minutes.").arg(locale.toString(least), locale.toString(most));
}

}  // namespace rookery::app
