// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QComboBox>

#include "inference/device_list.h"

namespace rookery::app {

/// Where a model runs: the CPU and every graphics device; those that cannot be used are there, with the reason.
class DevicePicker : public QComboBox {
  Q_OBJECT

 public:
  explicit DevicePicker(QWidget* parent = nullptr);

  void attach(DeviceList* list);
  void setChoice(const DeviceChoice& choice);
  const DeviceChoice& choice() const noexcept { return m_choice; }
  /// What the choice means; nullptr while that is not known, or if it is not there.
  const engine::DeviceInfo* device() const;
  /// For a strategy: the device's id.
  QString deviceId() const;

 Q_SIGNALS:
  void chosen(const rookery::app::DeviceChoice& choice);  ///< by the user
  void deviceChanged();                                   ///< chosen or found out: device() may be another one

 protected:
  void changeEvent(QEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  void fill();
  void addDevice(const QString& title, const DeviceChoice& choice, const QString& details, bool usable, const char* icon);
  void describe();

  DeviceList* m_list = nullptr;
  DeviceChoice m_choice;
};

}  // namespace rookery::app
