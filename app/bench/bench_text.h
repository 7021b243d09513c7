// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

#include "rookery/bench.h"

namespace rookery::app {

/// The report in one or two plain sentences: "Answers at 61.3 tokens/s, about 12 times as fast as reading aloud. ..."
QString reportSentence(const engine::BenchReport& report);
/// "RWKV-7 0.1B" for "rwkv7-0.1b", "RWKV-6 1.6B" for "rwkv6-1b6"; `name` itself if it is not the name of a shape.
QString shapeTitle(const QString& name);
/// Model, precision and whether the weights are synthetic: "RWKV-7 0.1B, fp16, synthetic".
QString reportTitle(const engine::BenchReport& report);
/// What makes the figures doubtful, in a word each: "busy", "noisy", "cancelled", "1 run". Empty: nothing.
QStringList reportNotes(const engine::BenchReport& report);
/// The same in sentences, with what to do; empty: nothing.
QString reportCaution(const engine::BenchReport& report);
/// "Prompt, 512 tokens: 1,402 tokens/s ± 1.1 %"
QString resultText(const engine::BenchSeries& series);
/// What was measured; the guide under the name that the app gives it.
QString reportModel(const engine::BenchReport& report);
/// "rwkv7-0.1b · weights: synthetic · fp16 · exact · CPU avx512, 2 threads"
QString reportSubject(const engine::BenchReport& report);
/// "cpu", or what a graphics device is called.
QString reportDevice(const engine::BenchReport& report);
/// "weights: synthetic" or what else they are; always shown, since synthetic runs are never compared with real ones.
QString weightsText(const engine::BenchReport& report);
/// "Run 3 of 5 · last 1,402 tokens/s · spread 1.1 %"
QString progressText(const engine::BenchProgress& progress);
/// Local date and time of the report: "Today, 15:04", "29 Nov 2026, 15:04".
QString reportDate(const engine::BenchReport& report);
/// The first test whose name is `prefix` and digits ("pp512"), nullptr without one. Points into `report`.
const engine::BenchSeries* headlineSeries(const engine::BenchReport& report, const std::string& prefix);
/// The median of the first test whose name is `prefix` and digits ("pp512"), 0 without one.
double speedOf(const engine::BenchReport& report, const std::string& prefix);

}  // namespace rookery::app
