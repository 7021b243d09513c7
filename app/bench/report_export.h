// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QString>

#include "rookery/bench.h"
#include "rookery/result.h"

namespace rookery::app {

enum class ExportFormat { Json, Csv, Markdown, Png };

/// For a file dialog: "Report (*.json)".
QString exportFilter(ExportFormat format);
/// "rookery-rwkv7-0.1b-fp16-cpu-2026-11-29.json": model, precision, device and day of the run.
QString exportName(const engine::BenchReport& report, ExportFormat format);
/// `path` with the format's suffix, unless it has it (for Markdown also .markdown and .txt).
QString withSuffix(const QString& path, ExportFormat format);
/// What is written. `like`: gives font, palette and sharpness of the picture.
QByteArray exportBytes(const engine::BenchReport& report, ExportFormat format, const QWidget* like);
/// "r1.json could not be saved in /home/x: No space left on device. ...": the file, the reason, what to do.
QString exportFailure(const QString& path, const engine::Error& error);

/// Words and charts as a picture of a width of its own, whatever the window's.
QImage reportPicture(const engine::BenchReport& report, const QWidget* like);

}  // namespace rookery::app
