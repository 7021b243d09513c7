// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace rookery::engine {

/// What went wrong, as a code. The app turns codes into words; `message` is a plain English
/// sentence for the log and the command line.
enum class ErrorCode {
  Cancelled,           ///< a stop token asked for it; what was done so far is kept
  InvalidArgument,     ///< the caller passed something outside the contract of the call
  FileNotFound,
  FileUnreadable,      ///< the system refused to open, map or read it
  FileWriteFailed,     ///< disk full, no permission, ...
  FileDamaged,         ///< the container contradicts itself or ends early: another copy may help
  FileIncomplete,      ///< no model yet: a download that has not ended, or a note or a page in place of it; the message says what to do
  FileUnsafe,          ///< it asks to run program code; nothing was run
  FormatUnknown,       ///< not one of the containers we read
  NotRwkv,             ///< a sound file that holds another kind of model
  VersionUnsupported,  ///< an RWKV generation or variant that this build does not run
  TensorMissing,
  TensorMismatch,      ///< wrong shape or dtype; the message names the tensor
  OutOfMemory,
  DeviceUnavailable,
  StrategyInvalid,
  StateMismatch,       ///< a state of another model, or of other dimensions
  VocabularyMissing,
  VocabularyMismatch,  ///< a vocabulary that is not the model's; the message names the file
  VerificationFailed,
  NotFinite,           ///< the model computes values that are no numbers
};

struct Error {
  ErrorCode code{};
  std::string message;  ///< one English sentence: what happened and why
  std::string details;  ///< for the curious: offsets, system error text; may be empty
  std::string strategy{};  ///< OutOfMemory: one that shares the model so that it would fit; may be empty
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::X, "...")` from any function that returns a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string details = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(details)});
}

/// Stable identifier such as "FileDamaged", for logs and JSON.
const char* errorName(ErrorCode code) noexcept;

}  // namespace rookery::engine
