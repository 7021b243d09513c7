// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings/device_picker.h"

#include <QEvent>
#include <QStandardItemModel>

#include "inference/engine_text.h"
#include "support/plain_text.h"
#include "theme/icons.h"

namespace rookery::app {

namespace {
constexpr int kIdRole = Qt::UserRole, kNameRole = Qt::UserRole + 1;
constexpr int kShortestName = 22;
}  // namespace

DevicePicker::DevicePicker(QWidget* parent) : QComboBox(parent) {
  setObjectName(QStringLiteral("devicePicker"));
  setMinimumContentsLength(kShortestName);
  setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  connect(this, &QComboBox::activated, this, [this](int row) {
    m_choice = {itemData(row, kIdRole).toString(), itemData(row, kNameRole).toString()};
    describe();
    Q_EMIT chosen(m_choice);
    Q_EMIT deviceChanged();
  });
  fill();
}

void DevicePicker::attach(DeviceList* list) {
  m_list = list;
  connect(list, &DeviceList::changed, this, [this] {
    fill();
    Q_EMIT deviceChanged();
  });
  fill();
}

void DevicePicker::setChoice(const DeviceChoice& choice) {
  if (choice == m_choice) return;
  m_choice = choice;
  fill();
  Q_EMIT deviceChanged();
}

const engine::DeviceInfo* DevicePicker::device() const {
  return m_list != nullptr ? findDevice(m_list->devices(), m_choice) : nullptr;
}

QString DevicePicker::deviceId() const {
  if (const auto* found = device()) return toQString(found->id);
  return m_choice.isAutomatic() ? cpuChoice().id : m_choice.id;
}

void DevicePicker::addDevice(const QString& title, const DeviceChoice& choice, const QString& details, bool usable, const char* icon) {
  addItem(lineIcon(QLatin1String(icon)), displayName(title), choice.id);
  const int row = count() - 1;
  setItemData(row, choice.name, kNameRole);
  setItemData(row, plainToolTip(details), Qt::ToolTipRole);
  setItemData(row, details, Qt::AccessibleDescriptionRole);
  if (auto* items = qobject_cast<QStandardItemModel*>(model())) items->item(row)->setEnabled(usable);
}

void DevicePicker::fill() {
  const QSignalBlocker block(this);
  clear();
  const bool known = m_list != nullptr && m_list->isKnown();
  const engine::DeviceInfo* current = device();
  int row = -1;
  if (!known) {
    addDevice(tr("CPU"), cpuChoice(), {}, true, "cpu");
    if (m_choice.id == cpuChoice().id) row = 0;
    addDevice(tr("Looking for graphics devices…"), {}, {}, false, "refresh");
    if (m_choice.isAutomatic()) row = 1;
  } else {
    for (const auto& d : m_list->devices()) {
      if (&d == current) row = count();
      addDevice(deviceTitle(d), {toQString(d.id), d.isCpu() ? QString() : toQString(d.name)}, deviceDetails(d), d.usable, d.usable ? "cpu" : "warning");
    }
  }
  if (row < 0) {  // what was chosen before is not there, or not yet
    const QString name = displayName(m_choice.name.isEmpty() ? m_choice.id : m_choice.name);
    row = count();
    addDevice(known ? tr("%1 (not there)").arg(name) : name, m_choice,
              known ? tr("%1 was chosen before and is not there now. Choose another device.").arg(name) : QString(), !known, known ? "warning" : "cpu");
  }
  setCurrentIndex(row);
  describe();
}

void DevicePicker::describe() {
  const QString details = currentData(Qt::AccessibleDescriptionRole).toString();
  setToolTip(plainToolTip(details));
  setAccessibleDescription(details);
}

void DevicePicker::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) fill();
  QComboBox::changeEvent(event);
}

void DevicePicker::showEvent(QShowEvent* event) {
  if (m_list != nullptr) m_list->refresh();
  QComboBox::showEvent(event);
}

}  // namespace rookery::app
