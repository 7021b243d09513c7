// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>

namespace rookery::app {

/// What the engine thread does at this moment. The one value that the message, the line below the composer and the
/// status bar show, so that they cannot differ.
struct EngineActivity {
  enum class Kind {
    Idle,
    Loading,          ///< a model; done and total are bytes
    PreparingDevice,  ///< compiles and tunes for it; done and total are steps
    Collecting,       ///< what was said before a question
    Reading,          ///< the prompt, token by token
    Replaying,        ///< tokens of an answer that is gone on with; done and total are those of the answer
    Answering,
    Measuring,
  };
  Kind kind = Kind::Idle;
  quint64 job = 0;
  quint64 done = 0, total = 0;  ///< 0 of 0: unknown
  double perSecond = 0;         ///< tokens; 0: not known yet
  QString name = {};            ///< of the model that is loaded
  bool isAwaited = false;       ///< for somebody who waits until this is over

  bool operator==(const EngineActivity&) const = default;
  bool isIdle() const { return kind == Kind::Idle; }
  double secondsLeft() const { return perSecond > 0 && total >= done ? static_cast<double>(total - done) / perSecond : 0; }
};

/// "Reading 2,048 of 15,061 tokens · 1,210 tokens/s · 11 s left"; "Ready" when idle.
QString activityText(const EngineActivity& activity);

}  // namespace rookery::app
