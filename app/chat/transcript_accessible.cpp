// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/transcript_accessible.h"

#include <QAccessibleWidget>

#include "chat/segment_view.h"
#include "chat/transcript_view.h"

namespace rookery::app {
namespace {

/// A widget with children in another order than that in which they were made.
class Ordered : public QAccessibleWidget {
 public:
  Ordered(QWidget* widget, QAccessible::Role role) : QAccessibleWidget(widget, role) {}

  int childCount() const override { return static_cast<int>(parts().size()); }
  QAccessibleInterface* child(int index) const override {
    const QList<QWidget*> all = parts();
    return index >= 0 && index < all.size() ? QAccessible::queryAccessibleInterface(all[index]) : nullptr;
  }
  int indexOfChild(const QAccessibleInterface* child) const override {
    return child ? static_cast<int>(parts().indexOf(qobject_cast<QWidget*>(child->object()))) : -1;
  }
  QAccessibleInterface* childAt(int x, int y) const override {
    for (QWidget* part : parts()) {
      if (part->rect().contains(part->mapFromGlobal(QPoint(x, y)))) return QAccessible::queryAccessibleInterface(part);
    }
    return nullptr;
  }
  QAccessibleInterface* focusChild() const override {
    QWidget* focus = widget()->focusWidget();
    return focus && focus->hasFocus() ? QAccessible::queryAccessibleInterface(focus) : nullptr;
  }

 protected:
  virtual QList<QWidget*> parts() const = 0;
};

class Transcript final : public Ordered {
 public:
  explicit Transcript(TranscriptView* view) : Ordered(view, QAccessible::List) {}

 private:
  QList<QWidget*> parts() const override { return static_cast<TranscriptView*>(widget())->messages(); }
};

class Message final : public Ordered {
 public:
  explicit Message(MessageWidget* message) : Ordered(message, QAccessible::ListItem) {}
  QAccessibleInterface* parent() const override {  // the list, not its viewport
    QWidget* view = widget()->parentWidget() ? widget()->parentWidget()->parentWidget() : nullptr;
    return qobject_cast<TranscriptView*>(view) ? QAccessible::queryAccessibleInterface(view) : Ordered::parent();
  }

 private:
  QList<QWidget*> parts() const override { return static_cast<MessageWidget*>(widget())->parts(); }
};

class Body final : public Ordered {
 public:
  explicit Body(MessageBody* body) : Ordered(body, QAccessible::Grouping) {}

 private:
  QList<QWidget*> parts() const override { return static_cast<MessageBody*>(widget())->parts(); }
};

QAccessibleInterface* make(const QString& className, QObject* object) {
  if (!object || !object->isWidgetType()) return nullptr;
  auto* widget = static_cast<QWidget*>(object);
  if (className == QLatin1String(TranscriptView::staticMetaObject.className())) return new Transcript(static_cast<TranscriptView*>(widget));
  if (className == QLatin1String(MessageWidget::staticMetaObject.className())) return new Message(static_cast<MessageWidget*>(widget));
  if (className == QLatin1String(MessageBody::staticMetaObject.className())) return new Body(static_cast<MessageBody*>(widget));
  if (className == u"QWidget" && widget->objectName() == u"announcer") return new QAccessibleWidget(widget, QAccessible::AlertMessage);
  return nullptr;
}

}  // namespace

void installTranscriptAccessibility() {
  static const bool once = (QAccessible::installFactory(&make), true);
  static_cast<void>(once);
}

}  // namespace rookery::app
