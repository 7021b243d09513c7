// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/engine_text.h"

#include <QCoreApplication>

#include "inference/inference_service.h"

namespace rookery::app {

namespace {
/// The context of the translations.
struct EngineError {
  Q_DECLARE_TR_FUNCTIONS(EngineError)
};
}  // namespace

QString errorHeadline(const engine::Error& error) {
  using enum engine::ErrorCode;
  switch (error.code) {
    case Cancelled: return EngineError::tr("Stopped.");
    case InvalidArgument: return EngineError::tr("This cannot be done with these settings.");
    case FileNotFound: return EngineError::tr("The file is no longer there. Choose it again.");
    case FileUnreadable: return EngineError::tr("The file cannot be read. Check its permissions and the disk.");
    case FileWriteFailed: return EngineError::tr("The file cannot be written. Check the free space and the permissions.");
    case FileDamaged: return EngineError::tr("The file is damaged or incomplete. Get it again.");
    case FileUnsafe:
      return EngineError::tr("This file asks to run program code, which no model needs. Nothing was run. "
                             "Do not use it; get the model from its official source.");
    case FileIncomplete: return EngineError::tr("This is not the model itself.");
    case FormatUnknown: return EngineError::tr("This file is in a form that Rookery does not read.");
    case NotRwkv: return EngineError::tr("This file is not an RWKV model.");
    case VersionUnsupported: return EngineError::tr("This generation of RWKV cannot be run by this version of Rookery yet.");
    case TensorMissing: return EngineError::tr("A part of the model is missing in the file.");
    case TensorMismatch: return EngineError::tr("A part of the model does not fit the rest of it.");
    case OutOfMemory: return EngineError::tr("There is too little free memory for this. Close other programs or choose a smaller model.");
    case DeviceUnavailable: return EngineError::tr("The chosen device is not available. Load the model on another one.");
    case StrategyInvalid: return EngineError::tr("The model cannot be laid out on the devices that way. Choose another precision.");
    case StateMismatch: return EngineError::tr("This memory was made with another model. The text can be read again.");
    case VocabularyMissing: return EngineError::tr("The vocabulary of this model is missing.");
    case VocabularyMismatch: return EngineError::tr("This vocabulary is not the model's.");
    case NotFinite: return EngineError::tr("The model computes values that are no numbers. Its file is damaged, or its weights are too large for their type.");
    case VerificationFailed: return EngineError::tr("The check failed: the contents are not what they should be.");
  }
  return toQString(error.message);
}

QString errorText(const engine::Error& error) {
  using enum engine::ErrorCode;
  const QString headline = errorHeadline(error), reason = toQString(error.message);
  // What these say is all there is to know.
  const bool isPlain = error.code == Cancelled || error.code == OutOfMemory || error.code == DeviceUnavailable;
  return isPlain || reason.isEmpty() || reason == headline ? headline : headline + u' ' + reason;
}

bool cpuMayHelp(const engine::Error& error, bool leftCpu) {
  using enum engine::ErrorCode;
  return leftCpu && (error.code == OutOfMemory || error.code == DeviceUnavailable || error.code == StrategyInvalid);
}

QString loadErrorText(const engine::Error& error, bool leftCpu, ErrorPlace place) {
  if (!cpuMayHelp(error, leftCpu)) return errorText(error);
  if (!error.strategy.empty()) {
    return place == ErrorPlace::ModelsPage
               ? EngineError::tr("The graphics device has too little free memory for all of it. Share it with the CPU, load it on the CPU, or choose a smaller model.")
               : EngineError::tr("The graphics device has too little free memory for all of it. Share it with the CPU (on the Models page), load it on the CPU, or choose a smaller model.");
  }
  if (error.code == engine::ErrorCode::OutOfMemory) return EngineError::tr("The graphics device has too little free memory for it. Load it on the CPU, or choose a smaller model.");
  return EngineError::tr("The graphics device cannot be used. Load it on the CPU, or choose another device.");
}

QString waitingText(EngineWork work) {
  switch (work) {
    case EngineWork::Load: return EngineError::tr("Waiting for the model to be loaded…");
    case EngineWork::Answer: return EngineError::tr("Waiting for the answer to end…");
    case EngineWork::Bench: return EngineError::tr("Waiting for the benchmark to end…");
    case EngineWork::None: break;
  }
  return {};
}

QString errorDetails(const engine::Error& error) {
  QString text = toQString(error.message);
  if (!error.details.empty()) text += u'\n' + toQString(error.details);
  return text;
}

}  // namespace rookery::app
