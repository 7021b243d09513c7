// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/model_files.h"

#include <algorithm>

namespace rookery::app {

QStringList modelSuffixes() {
  return {QStringLiteral("pth"),         QStringLiteral("pt"),    QStringLiteral("ckpt"),
          QStringLiteral("safetensors"), QStringLiteral("st"),    QStringLiteral("state"),
          QStringLiteral("gguf"),        QStringLiteral("safetensors.index.json")};
}

bool hasModelSuffix(const QString& path) {
  const QStringList suffixes = modelSuffixes();
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](const QString& suffix) { return path.endsWith(u'.' + suffix, Qt::CaseInsensitive); });
}

QString modelFilePatterns() { return QStringLiteral("*.") + modelSuffixes().join(QStringLiteral(" *.")); }

}  // namespace rookery::app
