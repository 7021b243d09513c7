// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/engine_activity.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>

#include "inference/model_title.h"
#include "support/format.h"

namespace rookery::app {
namespace {

/// The context of the translations.
struct Activity {
  Q_DECLARE_TR_FUNCTIONS(Activity)
};

QString number(quint64 value) { return QLocale().toString(static_cast<qulonglong>(value)); }

QString readingText(const EngineActivity& activity) {
  QString text = Activity::tr("Reading %1 of %2 tokens").arg(number(activity.done), number(activity.total));
  if (activity.perSecond <= 0) return text;
  text += QStringLiteral(" · ") + Activity::tr("%1 tokens/s").arg(formatRate(activity.perSecond));
  if (activity.secondsLeft() >= 1) text += QStringLiteral(" · ") + Activity::tr("%1 left", "%1 is a time").arg(formatDuration(activity.secondsLeft()));
  return text;
}

QString awaitedText(EngineActivity::Kind kind) {
  using enum EngineActivity::Kind;
  switch (kind) {
    case Loading: return Activity::tr("Waiting for the model to load…");
    case Measuring: return Activity::tr("Waiting for the benchmark to end…");
    case Idle: return Activity::tr("Waiting…");
    default: return Activity::tr("Waiting for the answer in another chat…");
  }
}

}  // namespace

QString activityText(const EngineActivity& activity) {
  using enum EngineActivity::Kind;
  if (activity.isAwaited) return awaitedText(activity.kind);
  switch (activity.kind) {
    case Idle: break;
    case Loading:
      return activity.total > 0
                 ? Activity::tr("Loading %1: %2 of %3")
                       .arg(modelTitle(activity.name), formatBytes(activity.done), formatBytes(activity.total))
                 : Activity::tr("Loading %1…").arg(modelTitle(activity.name));
    case PreparingDevice:
      return activity.total > 0 ? Activity::tr("Preparing the device: step %1 of %2").arg(number(std::min(activity.done + 1, activity.total)), number(activity.total))
                                : Activity::tr("Preparing the device…");
    case Collecting: return Activity::tr("Reading the chat…");
    case Reading: return readingText(activity);
    case Replaying:
      return Activity::tr("Going on where the answer stopped: token %1 of %2").arg(number(activity.done), number(activity.total));
    case Answering: return Activity::tr("Answering…");
    case Measuring: return Activity::tr("Measuring…");
  }
  return Activity::tr("Ready");
}

}  // namespace rookery::app
