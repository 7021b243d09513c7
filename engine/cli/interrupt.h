// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stop_token>

namespace rookery::cli {

/// Ctrl+C and SIGTERM. While armed, the first one asks for a stop (the verb keeps what was done and exits with 130),
/// a second one ends the process at once; while not armed (chat waits for a line) the first one ends it.
/// Call start() before any other thread exists: the signals are blocked in all threads and waited for in one.
/// SIGTERM also makes chat leave instead of waiting for the next line: see endAsked().
void startInterruptThread();
std::stop_token armInterrupt();
void disarmInterrupt();
bool endAsked();
/// What to do before such a signal ends the process, on the thread that waits for it; nullptr: nothing.
void setBeforeEnd(void (*last)());
/// A file that another program cuts short while it is mapped ends this one with a sentence and exit code 3.
void endOnLostFile();

}  // namespace rookery::cli
