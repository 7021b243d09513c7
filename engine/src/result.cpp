// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/result.h"

namespace rookery::engine {

const char* errorName(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::Cancelled: return "Cancelled";
    case ErrorCode::InvalidArgument: return "InvalidArgument";
    case ErrorCode::FileNotFound: return "FileNotFound";
    case ErrorCode::FileUnreadable: return "FileUnreadable";
    case ErrorCode::FileWriteFailed: return "FileWriteFailed";
    case ErrorCode::FileDamaged: return "FileDamaged";
    case ErrorCode::FileIncomplete: return "FileIncomplete";
    case ErrorCode::FileUnsafe: return "UnsafeFile";
    case ErrorCode::FormatUnknown: return "FormatUnknown";
    case ErrorCode::NotRwkv: return "NotRwkv";
    case ErrorCode::VersionUnsupported: return "VersionUnsupported";
    case ErrorCode::TensorMissing: return "TensorMissing";
    case ErrorCode::TensorMismatch: return "TensorMismatch";
    case ErrorCode::OutOfMemory: return "OutOfMemory";
    case ErrorCode::DeviceUnavailable: return "DeviceUnavailable";
    case ErrorCode::StrategyInvalid: return "StrategyInvalid";
    case ErrorCode::StateMismatch: return "StateMismatch";
    case ErrorCode::VocabularyMissing: return "VocabularyMissing";
    case ErrorCode::VocabularyMismatch: return "VocabularyMismatch";
    case ErrorCode::VerificationFailed: return "VerificationFailed";
    case ErrorCode::NotFinite: return "NotFinite";
  }
  return "Unknown";
}

}  // namespace rookery::engine
