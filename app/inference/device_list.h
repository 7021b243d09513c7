// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <functional>
#include <vector>

#include "rookery/device.h"

class QThread;

namespace rookery::app {

/// Where a model is to run. The name is kept beside the id, because ids are counted anew when a card comes or goes.
struct DeviceChoice {
  QString id;    ///< "cpu", "vulkan:0"; empty: the first graphics device that is not software, else the CPU
  QString name;  ///< empty: whatever has the id

  bool isAutomatic() const { return id.isEmpty(); }
  bool operator==(const DeviceChoice&) const = default;
};

inline DeviceChoice cpuChoice() { return {QStringLiteral("cpu"), {}}; }

/// What the choice means here; nullptr if it is not there (any more). May be one that is not usable.
const engine::DeviceInfo* findDevice(const std::vector<engine::DeviceInfo>& devices, const DeviceChoice& choice);

QString deviceTitle(const engine::DeviceInfo& device);    ///< "CPU: name", "name", "name (software)"
QString deviceDetails(const engine::DeviceInfo& device);  ///< lines for a tool tip: driver, interface, memory, features

/// The devices of this computer, listed by a thread of their own: a driver may take seconds. GUI thread only.
class DeviceList : public QObject {
  Q_OBJECT

 public:
  using Lister = std::function<std::vector<engine::DeviceInfo>()>;
  explicit DeviceList(Lister lister = engine::listDevices, QObject* parent = nullptr);
  ~DeviceList() override;  ///< waits for the driver

  /// Lists again; the old list stays until the new one is there.
  void refresh();
  bool isKnown() const noexcept { return !m_devices.empty(); }
  const std::vector<engine::DeviceInfo>& devices() const noexcept { return m_devices; }

 Q_SIGNALS:
  void changed();

 private:
  Lister m_lister;
  std::vector<engine::DeviceInfo> m_devices;
  QThread* m_thread = nullptr;
};

}  // namespace rookery::app
