// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/accessible.h"

#include <QAbstractButton>
#include <QAccessibleWidget>
#include <QLabel>
#include <QVariant>

namespace rookery::app {
namespace {

constexpr char kRole[] = "rookeryRole";

/// A widget with a role of our choice; a button keeps its press.
class RoleInterface : public QAccessibleWidget {
 public:
  RoleInterface(QWidget* widget, QAccessible::Role role) : QAccessibleWidget(widget, role) {}

  QAccessible::State state() const override {
    QAccessible::State state = QAccessibleWidget::state();
    if (const auto* b = button(); b != nullptr && role() == QAccessible::PageTab) {
      state.selectable = true;
      state.selected = b->isChecked();
    }
    return state;
  }
  QString text(QAccessible::Text what) const override {
    const QString given = QAccessibleWidget::text(what);
    if (!given.isEmpty() || what != QAccessible::Name) return given;
    const auto* label = qobject_cast<QLabel*>(object());
    return label != nullptr ? label->text() : button() != nullptr ? button()->text() : given;
  }
  QStringList actionNames() const override {
    QStringList names = QAccessibleWidget::actionNames();
    if (button() != nullptr && button()->isEnabled()) names.prepend(pressAction());
    return names;
  }
  void doAction(const QString& name) override {
    if (button() != nullptr && name == pressAction()) button()->click();
    else QAccessibleWidget::doAction(name);
  }

 private:
  QAbstractButton* button() const { return qobject_cast<QAbstractButton*>(object()); }
};

QAccessibleInterface* makeInterface(const QString& /*className*/, QObject* object) {
  auto* widget = qobject_cast<QWidget*>(object);
  const QVariant role = widget != nullptr ? widget->property(kRole) : QVariant();
  return role.isValid() ? new RoleInterface(widget, static_cast<QAccessible::Role>(role.toInt())) : nullptr;
}

}  // namespace

void setAccessibleRole(QWidget* widget, QAccessible::Role role) {
  [[maybe_unused]] static const bool installed = [] {
    QAccessible::installFactory(makeInterface);
    return true;
  }();
  widget->setProperty(kRole, static_cast<int>(role));
}

void announce(QWidget* widget) {
  QAccessibleEvent shown(widget, QAccessible::ObjectShow);  // what Qt 6.4 passes on for such roles
  QAccessible::updateAccessibility(&shown);
}

}  // namespace rookery::app
