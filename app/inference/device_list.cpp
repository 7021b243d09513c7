// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/device_list.h"

#include <QCoreApplication>
#include <QThread>
#include <algorithm>

#include "inference/engine_text.h"
#include "support/format.h"
#include "support/plain_text.h"

namespace rookery::app {

namespace {
constexpr qsizetype kMostInReason = 300;  // characters

struct Words {
  Q_DECLARE_TR_FUNCTIONS(DeviceList)
};
}  // namespace

const engine::DeviceInfo* findDevice(const std::vector<engine::DeviceInfo>& devices, const DeviceChoice& choice) {
  const auto find = [&](auto&& fits) {
    const auto found = std::find_if(devices.begin(), devices.end(), fits);
    return found != devices.end() ? &*found : nullptr;
  };
  const auto isCpu = [](const engine::DeviceInfo& d) { return d.isCpu(); };
  if (choice.isAutomatic()) {
    const auto* gpu = find([&](const engine::DeviceInfo& d) { return !isCpu(d) && d.usable && !d.software; });
    return gpu != nullptr ? gpu : find(isCpu);
  }
  const std::string id = toUtf8(choice.id), name = toUtf8(choice.name);
  if (name.empty() || engine::namesCpu(id)) return find([&](const engine::DeviceInfo& d) { return d.id == id; });
  const auto* same = find([&](const engine::DeviceInfo& d) { return d.id == id && d.name == name; });
  return same != nullptr ? same : find([&](const engine::DeviceInfo& d) { return d.name == name; });
}

QString deviceTitle(const engine::DeviceInfo& device) {
  const QString name = displayName(toQString(device.name));
  if (device.isCpu()) return Words::tr("CPU: %1").arg(name);
  return device.software ? Words::tr("%1 (software)").arg(name) : name;
}

QString deviceDetails(const engine::DeviceInfo& device) {
  QStringList lines{deviceTitle(device)};
  if (!device.usable) lines << Words::tr("Cannot be used: %1").arg(displayName(toQString(device.reason), kMostInReason));
  if (device.software) lines << Words::tr("The CPU simulates this device. Choosing the CPU itself is faster.");
  if (!device.isCpu() && !device.driver.empty()) lines << Words::tr("Driver: %1").arg(displayName(toQString(device.driver)));
  if (!device.apiLevel.empty()) lines << Words::tr("Interface: %1").arg(displayName(toQString(device.apiLevel)));
  if (device.memoryBytes > 0) lines << Words::tr("Memory: %1").arg(formatBytes(device.memoryBytes));
  if (!device.isCpu() && !device.features.empty()) {
    QStringList features;
    for (const auto& feature : device.features) features << displayName(toQString(feature));
    lines << Words::tr("Features used: %1").arg(features.join(QStringLiteral(", ")));
  }
  return lines.join(u'\n');
}

DeviceList::DeviceList(Lister lister, QObject* parent) : QObject(parent), m_lister(std::move(lister)) {}

DeviceList::~DeviceList() {
  if (m_thread != nullptr) m_thread->wait();
}

void DeviceList::refresh() {
  if (m_thread != nullptr) return;  // one is at it
  m_thread = QThread::create([this, lister = m_lister] {
    auto devices = lister();
    QMetaObject::invokeMethod(this, [this, devices = std::move(devices)]() mutable {
      m_thread->wait();
      m_thread->deleteLater();
      m_thread = nullptr;
      m_devices = std::move(devices);
      Q_EMIT changed();
    }, Qt::QueuedConnection);
  });
  m_thread->setObjectName(QStringLiteral("devices"));
  m_thread->setParent(this);
  m_thread->start();
}

}  // namespace rookery::app
