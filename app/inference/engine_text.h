// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>
#include <string_view>

#include "rookery/result.h"

namespace rookery::app {

inline QString toQString(std::string_view utf8) {
  return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}
inline std::string toUtf8(const QString& text) { return text.toStdString(); }

/// The engine's error in the user's language, in short: what happened and what can be done.
QString errorHeadline(const engine::Error& error);
/// The same, and the engine's own sentence (English, with names and numbers) where it says more.
QString errorText(const engine::Error& error);
/// Where an error is shown: what can be done there need not be looked for.
enum class ErrorPlace { ModelsPage, Elsewhere };
/// The same of a load that failed, which may have gone to a graphics device.
QString loadErrorText(const engine::Error& error, bool leftCpu, ErrorPlace place);
/// Whether such a load may work on the CPU.
bool cpuMayHelp(const engine::Error& error, bool leftCpu);
QString errorDetails(const engine::Error& error);

enum class EngineWork;
/// "Waiting for the answer to end…"; empty for None.
QString waitingText(EngineWork work);

}  // namespace rookery::app
