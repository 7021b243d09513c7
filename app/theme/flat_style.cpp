// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/flat_style.h"

#include <QAbstractSpinBox>
#include <QComboBox>
#include <QEvent>
#include <QPainter>
#include <QPainterPath>
#include <QPushButton>
#include <QScrollBar>
#include <QSlider>
#include <QStyleFactory>
#include <QStyleOption>
#include <QToolButton>

#include "theme/theme.h"

namespace rookery::app {

namespace {

constexpr qreal kRadius = 4;

bool isPrimary(const QWidget* widget) { return widget != nullptr && widget->property("primary").toBool(); }

bool turnsByWheel(const QWidget* widget) {
  return qobject_cast<const QAbstractSpinBox*>(widget) != nullptr || qobject_cast<const QComboBox*>(widget) != nullptr ||
         qobject_cast<const QSlider*>(widget) != nullptr;
}

QColor mix(const QColor& a, const QColor& b, float share) {
  return QColor::fromRgbF(a.redF() + (b.redF() - a.redF()) * share, a.greenF() + (b.greenF() - a.greenF()) * share,
                          a.blueF() + (b.blueF() - a.blueF()) * share);
}

/// A panel with a one-pixel border that stays sharp at every scale.
void panel(QPainter* painter, const QRect& rect, const QColor& fill, const QColor& border, qreal width = 1) {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  painter->setPen(border.isValid() ? QPen(border, width) : QPen(Qt::NoPen));
  painter->setBrush(fill.isValid() ? QBrush(fill) : QBrush(Qt::NoBrush));
  const qreal inset = border.isValid() ? width / 2 : 0;
  painter->drawRoundedRect(QRectF(rect).adjusted(inset, inset, -inset, -inset), kRadius, kRadius);
  painter->restore();
}

void chevron(QPainter* painter, const QRectF& rect, bool up, const QColor& color) {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  painter->setPen(QPen(color, 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  const QPointF c = rect.center();
  const qreal dy = up ? -2 : 2;
  painter->drawPolyline(QPolygonF{QPointF(c.x() - 4, c.y() - dy), QPointF(c.x(), c.y() + dy), QPointF(c.x() + 4, c.y() - dy)});
  painter->restore();
}

QColor focusColor(const QPalette& palette) {
  return Theme::dark() ? palette.color(QPalette::Highlight).lighter(150) : palette.color(QPalette::Highlight);
}

QColor borderOf(const QStyleOption* option) {
  return mix(Theme::colors().line, option->palette.color(QPalette::WindowText), option->state & QStyle::State_Enabled ? 0.18F : 0.0F);
}

void buttonPanel(const QStyleOption* option, QPainter* painter, const QWidget* widget) {
  const bool enabled = option->state & QStyle::State_Enabled;
  const bool pressed = option->state & (QStyle::State_Sunken | QStyle::State_On);
  const bool hover = enabled && (option->state & QStyle::State_MouseOver);
  const auto& colors = Theme::colors();
  const QColor text = option->palette.color(QPalette::WindowText);
  if (isPrimary(widget) && enabled) {
    panel(painter, option->rect, pressed ? colors.amber.darker(112) : hover ? colors.amber.lighter(108) : colors.amber, {});
  } else {
    const QColor face = option->palette.color(QPalette::Button);
    const QColor fill = !enabled ? option->palette.color(QPalette::Window) : mix(face, text, pressed ? 0.14F : hover ? 0.06F : 0.0F);
    panel(painter, option->rect, fill, borderOf(option));
  }
  if (enabled && (option->state & QStyle::State_HasFocus)) {
    panel(painter, option->rect, {}, isPrimary(widget) ? Theme::colors().amberText : focusColor(option->palette), 1.5);
  }
}

}  // namespace

FlatStyle::FlatStyle() : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))) {}

void FlatStyle::polish(QWidget* widget) {
  QProxyStyle::polish(widget);
  if (qobject_cast<QAbstractButton*>(widget) != nullptr || qobject_cast<QComboBox*>(widget) != nullptr ||
      qobject_cast<QAbstractSpinBox*>(widget) != nullptr || qobject_cast<QScrollBar*>(widget) != nullptr) {
    widget->setAttribute(Qt::WA_Hover);
  }
  if (turnsByWheel(widget)) {
    if (widget->focusPolicy() == Qt::WheelFocus) {
      widget->setFocusPolicy(Qt::StrongFocus);
    }
    widget->installEventFilter(this);
  }
}

void FlatStyle::unpolish(QWidget* widget) {
  widget->removeEventFilter(this);
  QProxyStyle::unpolish(widget);
}

bool FlatStyle::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Wheel && !static_cast<QWidget*>(watched)->hasFocus()) {
    event->ignore();  // so that it goes on to the parent
    return true;
  }
  return QProxyStyle::eventFilter(watched, event);
}

void FlatStyle::drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                              const QWidget* widget) const {
  const bool enabled = option->state & State_Enabled;
  switch (element) {
    case PE_PanelButtonCommand:
      buttonPanel(option, painter, widget);
      return;
    case PE_PanelButtonTool: {
      const bool on = option->state & (State_Sunken | State_On);
      const bool hover = enabled && (option->state & State_MouseOver);
      if (on || hover) {
        const QColor text = option->palette.color(QPalette::WindowText);
        panel(painter, option->rect, mix(option->palette.color(QPalette::Window), text, on ? 0.14F : 0.07F), {});
      }
      return;
    }
    case PE_FrameFocusRect:
      panel(painter, option->rect, {}, focusColor(option->palette), 1.5);
      return;
    case PE_PanelLineEdit:
      if (const auto* frame = qstyleoption_cast<const QStyleOptionFrame*>(option); frame != nullptr && frame->lineWidth > 0) {
        const bool focus = option->state & State_HasFocus;
        panel(painter, option->rect, option->palette.color(enabled ? QPalette::Base : QPalette::Window),
              focus ? focusColor(option->palette) : borderOf(option), focus ? 1.5 : 1);
      } else if (widget == nullptr || qobject_cast<const QAbstractSpinBox*>(widget->parentWidget()) == nullptr) {
        painter->fillRect(option->rect, option->palette.color(QPalette::Base));
      }
      return;
    case PE_FrameLineEdit:
      return;
    case PE_Frame:
    case PE_FrameGroupBox:
      panel(painter, option->rect, {}, Theme::colors().line);
      return;
    case PE_IndicatorCheckBox:
    case PE_IndicatorRadioButton: {
      const bool radio = element == PE_IndicatorRadioButton;
      const bool on = option->state & State_On;
      const QColor fill = on ? option->palette.color(enabled ? QPalette::Highlight : QPalette::Mid)
                             : option->palette.color(enabled ? QPalette::Base : QPalette::Window);
      painter->save();
      painter->setRenderHint(QPainter::Antialiasing);
      painter->setPen(QPen(on ? fill : borderOf(option).darker(Theme::dark() ? 80 : 120), 1));
      painter->setBrush(fill);
      const QRectF box = QRectF(option->rect).adjusted(0.5, 0.5, -0.5, -0.5);
      radio ? painter->drawEllipse(box) : painter->drawRoundedRect(box, 3, 3);
      if (on && radio) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(Qt::white);
        painter->drawEllipse(box.center(), box.width() / 5, box.width() / 5);
      } else if (on) {
        painter->setPen(QPen(Qt::white, 1.75, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        const QPointF o = box.topLeft();
        const qreal s = box.width() / 14;
        painter->drawPolyline(QPolygonF{o + QPointF(3.2, 7.2) * s, o + QPointF(6, 10) * s, o + QPointF(10.8, 4.2) * s});
      }
      painter->restore();
      return;
    }
    default:
      QProxyStyle::drawPrimitive(element, option, painter, widget);
  }
}

void FlatStyle::drawControl(ControlElement element, const QStyleOption* option, QPainter* painter,
                            const QWidget* widget) const {
  switch (element) {
    case CE_PushButtonBevel:
      if (const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option)) {
        if (!(button->features & QStyleOptionButton::Flat) || (option->state & (State_Sunken | State_On | State_MouseOver))) {
          proxy()->drawPrimitive(PE_PanelButtonCommand, option, painter, widget);
        }
        if (button->features & QStyleOptionButton::HasMenu) {
          chevron(painter, QRectF(button->rect.right() - 20, button->rect.top(), 14, button->rect.height()), false,
                  button->palette.color(QPalette::ButtonText));
        }
      }
      return;
    case CE_PushButtonLabel:
      if (const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option)) {
        QStyleOptionButton copy = *button;
        if (isPrimary(widget) && (copy.state & State_Enabled)) {
          copy.palette.setColor(QPalette::ButtonText, Theme::colors().amberText);
        }
        copy.features &= ~QStyleOptionButton::HasMenu;  // the bevel drew our own arrow
        if (button->features & QStyleOptionButton::HasMenu) {
          copy.rect.adjust(0, 0, -14, 0);
        }
        QProxyStyle::drawControl(element, &copy, painter, widget);
      }
      return;
    case CE_ProgressBarGroove:
      panel(painter, QRect(option->rect.left(), option->rect.center().y() - 3, option->rect.width(), 6),
            mix(option->palette.color(QPalette::Window), option->palette.color(QPalette::WindowText), 0.12F), {});
      return;
    case CE_ProgressBarContents:
      if (const auto* bar = qstyleoption_cast<const QStyleOptionProgressBar*>(option)) {
        const QRect track(bar->rect.left(), bar->rect.center().y() - 3, bar->rect.width(), 6);
        const bool unknown = bar->minimum == 0 && bar->maximum == 0;
        const double share = unknown ? 0.3 : double(bar->progress - bar->minimum) / qMax(1, bar->maximum - bar->minimum);
        const int width = int(track.width() * qBound(0.0, share, 1.0));
        if (width > 0) {
          panel(painter, QRect(track.left(), track.top(), qMax(width, 6), 6), focusColor(bar->palette), {});
        }
      }
      return;
    case CE_ProgressBarLabel:
      return;  // the words stand beside the bar
    case CE_HeaderSection: {
      painter->fillRect(option->rect, option->palette.color(QPalette::Base));
      painter->setPen(Theme::colors().line);
      painter->drawLine(option->rect.bottomLeft(), option->rect.bottomRight());
      return;
    }
    case CE_HeaderEmptyArea:
      painter->fillRect(option->rect, option->palette.color(QPalette::Base));
      painter->setPen(Theme::colors().line);
      painter->drawLine(option->rect.bottomLeft(), option->rect.bottomRight());
      return;
    case CE_MenuBarEmptyArea:
      painter->fillRect(option->rect, option->palette.color(QPalette::Window));
      return;
    case CE_MenuBarItem:
      if (const auto* item = qstyleoption_cast<const QStyleOptionMenuItem*>(option)) {
        painter->fillRect(item->rect, item->palette.color(QPalette::Window));
        const bool open = item->state & (State_Selected | State_Sunken);
        if (open) {
          panel(painter, item->rect.adjusted(1, 2, -1, -2),
                mix(item->palette.color(QPalette::Window), item->palette.color(QPalette::WindowText), 0.12F), {});
        }
        const int flags = Qt::AlignCenter | Qt::TextShowMnemonic | Qt::TextDontClip | Qt::TextSingleLine;
        proxy()->drawItemText(painter, item->rect, flags, item->palette, item->state & State_Enabled, item->text,
                              QPalette::WindowText);
      }
      return;
    case CE_ComboBoxLabel:
      if (const auto* combo = qstyleoption_cast<const QStyleOptionComboBox*>(option)) {
        QStyleOptionComboBox copy = *combo;
        copy.palette.setColor(QPalette::ButtonText, combo->palette.color(QPalette::WindowText));
        const QRect field = proxy()->subControlRect(CC_ComboBox, combo, SC_ComboBoxEditField, widget);
        const int icon = combo->currentIcon.isNull() ? 0 : combo->iconSize.width() + 4;  // as Fusion has it
        copy.currentText = combo->fontMetrics.elidedText(combo->currentText, Qt::ElideMiddle, field.width() - icon - 2);
        QProxyStyle::drawControl(element, &copy, painter, widget);
      }
      return;
    default:
      QProxyStyle::drawControl(element, option, painter, widget);
  }
}

void FlatStyle::drawComplexControl(ComplexControl control, const QStyleOptionComplex* option, QPainter* painter,
                                   const QWidget* widget) const {
  const bool enabled = option->state & State_Enabled;
  switch (control) {
    case CC_ComboBox:
      if (const auto* combo = qstyleoption_cast<const QStyleOptionComboBox*>(option)) {
        QStyleOptionComboBox copy = *combo;
        copy.state &= ~State_On;
        const bool focus = combo->state & State_HasFocus;
        if (combo->editable) {
          panel(painter, combo->rect, combo->palette.color(QPalette::Base),
                focus ? focusColor(combo->palette) : borderOf(combo), focus ? 1.5 : 1);
        } else {
          buttonPanel(&copy, painter, nullptr);
          if (focus && (combo->state & State_KeyboardFocusChange)) {
            panel(painter, combo->rect, {}, focusColor(combo->palette), 1.5);
          }
        }
        chevron(painter, proxy()->subControlRect(CC_ComboBox, option, SC_ComboBoxArrow, widget), false,
                combo->palette.color(enabled ? QPalette::Active : QPalette::Disabled, QPalette::WindowText));
      }
      return;
    case CC_SpinBox:
      if (const auto* spin = qstyleoption_cast<const QStyleOptionSpinBox*>(option)) {
        const bool focus = spin->state & State_HasFocus;
        panel(painter, spin->rect, spin->palette.color(enabled ? QPalette::Base : QPalette::Window),
              focus ? focusColor(spin->palette) : borderOf(spin), focus ? 1.5 : 1);
        if (spin->buttonSymbols != QAbstractSpinBox::NoButtons) {
          const auto arrow = [&](SubControl part, bool up, QAbstractSpinBox::StepEnabledFlag flag) {
            const bool on = enabled && (spin->stepEnabled & flag);
            chevron(painter, proxy()->subControlRect(CC_SpinBox, option, part, widget), up,
                    spin->palette.color(on ? QPalette::Active : QPalette::Disabled, QPalette::WindowText));
          };
          arrow(SC_SpinBoxUp, true, QAbstractSpinBox::StepUpEnabled);
          arrow(SC_SpinBoxDown, false, QAbstractSpinBox::StepDownEnabled);
        }
      }
      return;
    case CC_ScrollBar: {
      const QRect handle = proxy()->subControlRect(CC_ScrollBar, option, SC_ScrollBarSlider, widget);
      if (const auto* bar = qstyleoption_cast<const QStyleOptionSlider*>(option)) {
        painter->fillRect(bar->rect, bar->palette.color(QPalette::Window));
        if (bar->maximum > bar->minimum) {
          const bool active = bar->state & (State_MouseOver | State_Sunken);
          const QColor color = mix(bar->palette.color(QPalette::Window), bar->palette.color(QPalette::WindowText), active ? 0.45F : 0.25F);
          const bool horizontal = bar->orientation == Qt::Horizontal;
          panel(painter, horizontal ? handle.adjusted(1, 3, -1, -3) : handle.adjusted(3, 1, -3, -1), color, {});
        }
      }
      return;
    }
    default:
      QProxyStyle::drawComplexControl(control, option, painter, widget);
  }
}

int FlatStyle::pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const {
  switch (metric) {
    case PM_LayoutLeftMargin:
    case PM_LayoutTopMargin:
    case PM_LayoutRightMargin:
    case PM_LayoutBottomMargin:
    case PM_LayoutHorizontalSpacing:
    case PM_LayoutVerticalSpacing:
      return 8;
    case PM_ScrollBarExtent:
      return 12;
    case PM_ButtonShiftHorizontal:
    case PM_ButtonShiftVertical:
      return 0;
    case PM_IndicatorWidth:
    case PM_IndicatorHeight:
    case PM_ExclusiveIndicatorWidth:
    case PM_ExclusiveIndicatorHeight:
      return 16;
    default:
      return QProxyStyle::pixelMetric(metric, option, widget);
  }
}

int FlatStyle::styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                         QStyleHintReturn* returnData) const {
  switch (hint) {
    case SH_DialogButtonBox_ButtonsHaveIcons:  // Fusion's are of another set
    case SH_EtchDisabledText:
    case SH_DitherDisabledText:
    case SH_ScrollBar_Transient:
      return 0;
    case SH_ComboBox_Popup:
      return 0;  // a list below the box, so long model names stay readable
    case SH_UnderlineShortcut:
      return 1;
    default:
      return QProxyStyle::styleHint(hint, option, widget, returnData);
  }
}

QRect FlatStyle::subControlRect(ComplexControl control, const QStyleOptionComplex* option, SubControl part,
                                const QWidget* widget) const {
  QRect rect = QProxyStyle::subControlRect(control, option, part, widget);
  if ((control == CC_ComboBox && part == SC_ComboBoxEditField) || (control == CC_SpinBox && part == SC_SpinBoxEditField)) {
    rect.adjust(4, 0, 0, 0);
  }
  return rect;
}

QSize FlatStyle::sizeFromContents(ContentsType type, const QStyleOption* option, const QSize& size,
                                  const QWidget* widget) const {
  QSize result = QProxyStyle::sizeFromContents(type, option, size, widget);
  switch (type) {
    case CT_PushButton:
      result.setHeight(qMax(result.height(), 32));
      result.rwidth() += 8;
      break;
    case CT_ComboBox:
      result.rwidth() += 8;
      [[fallthrough]];
    case CT_SpinBox:
    case CT_LineEdit:
      result.setHeight(qMax(result.height(), 32));
      break;
    case CT_ToolButton:
      result = result.expandedTo(QSize(28, 28));
      break;
    case CT_MenuBarItem:
      result += QSize(4, 8);
      break;
    case CT_MenuItem:
      result.setHeight(qMax(result.height(), 28));
      break;
    case CT_HeaderSection:
      result.setHeight(qMax(result.height(), 28));
      break;
    default:
      break;
  }
  return result;
}

}  // namespace rookery::app
