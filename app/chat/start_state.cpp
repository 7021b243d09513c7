// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/start_state.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QStringList>
#include <xxhash.h>

namespace rookery::app {
namespace {

/// The context of the translations.
struct StateFile {
  Q_DECLARE_TR_FUNCTIONS(StateFile)
};

}  // namespace

engine::Result<StartState> readStartState(const QString& path, const engine::ModelShape& shape) {
  auto loaded = engine::loadState(std::filesystem::path(path.toStdU16String()), shape);
  if (!loaded) return tl::unexpected(loaded.error());
  const std::vector<std::byte> packed = loaded->state.pack();
  StartState found;
  found.packed = QByteArray(reinterpret_cast<const char*>(packed.data()), static_cast<qsizetype>(packed.size()));
  found.info = std::move(loaded->info);
  // A key of the database: positive, and 0 is the empty state. The generation counts too: the layouts differ.
  const auto data = loaded->state.data();
  constexpr std::uint64_t kPositive = ~(std::uint64_t{1} << 63U);
  const std::uint64_t hash = XXH3_64bits_withSeed(data.data(), data.size_bytes(), static_cast<std::uint64_t>(shape.version)) & kPositive;
  found.start = {hash == 0 ? 1 : hash, QFileInfo(path).fileName(), found.info.isChat()};
  return found;
}

QString stateText(const engine::StateInfo& info) {
  QStringList numbers;
  for (const int generation : info.generations) numbers << QString::number(generation);
  const QString generations = numbers.size() == 2   ? StateFile::tr("%1 or %2").arg(numbers[0], numbers[1])
                              : numbers.size() == 3 ? StateFile::tr("%1, %2 or %3").arg(numbers[0], numbers[1], numbers[2])
                                                    : numbers.value(0);
  const QString shape = StateFile::tr("RWKV-%1, %2 layers, width %3", "%1: a number, or \"5, 6 or 7\"").arg(generations).arg(info.layers).arg(info.nEmbd);
  switch (info.kind) {
    case engine::StateKind::Tuned: return StateFile::tr("Tuned state for %1", "%1: \"RWKV-7, 12 layers, width 768\"").arg(shape);
    case engine::StateKind::Saved:
      return info.isChat() ? StateFile::tr("Saved chat of %1", "%1: \"RWKV-7, 12 layers, width 768\"").arg(shape)
                           : StateFile::tr("Saved state of %1", "%1: \"RWKV-7, 12 layers, width 768\"").arg(shape);
    case engine::StateKind::Foreign: break;
  }
  return StateFile::tr("State of %1, by another program", "%1: \"RWKV-7, 12 layers, width 768\"").arg(shape);
}

}  // namespace rookery::app
