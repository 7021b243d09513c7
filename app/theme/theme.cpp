// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/theme.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusVariant>
#include <QPixmapCache>
#include <QStyle>
#include <QToolTip>
#include <QWidget>

#include "theme/flat_style.h"

namespace rookery::app {

namespace {

Theme* g_theme = nullptr;

const QString kPortalService = QStringLiteral("org.freedesktop.portal.Desktop");
const QString kPortalPath = QStringLiteral("/org/freedesktop/portal/desktop");
const QString kPortalInterface = QStringLiteral("org.freedesktop.portal.Settings");
const QString kAppearance = QStringLiteral("org.freedesktop.appearance");
const QString kColorScheme = QStringLiteral("color-scheme");
constexpr int kPortalTimeoutMs = 150;  // a desktop without a portal must not delay the first window

const ThemeColors kLight{
    QColor(0x1B2430), QColor(0x3A4A63), QColor(0xF7F5F0), QColor(0xD9822B), QColor(0x1B2430),
    QColor(0x1B2430), QColor(0xC9CFD9), QColor(0x3A4A63),
    QColor(0xDAD6CC), QColor(0x5A6472),
    QColor(0x1F7A4D), QColor(0x8A5300), QColor(0xB3261E),
    QColor(0xE6E2D9)};

const ThemeColors kDark{
    QColor(0xE9E6DF), QColor(0x6C83A8), QColor(0x1A212B), QColor(0xE2944A), QColor(0x1B2430),
    QColor(0x11161D), QColor(0xAEB7C4), QColor(0x3A4A63),
    QColor(0x36404D), QColor(0xA3ACB8),
    QColor(0x6CC598), QColor(0xE8B45C), QColor(0xF28B82),
    QColor(0x313A46)};

QPalette makePalette(const ThemeColors& c, const QColor& base, const QColor& alternate, const QColor& button,
                     const QColor& highlight, const QColor& link) {
  QPalette p;
  const QColor disabled = QColor::fromRgbF((c.ink.redF() + c.paper.redF() * 1.3F) / 2.3F,
                                           (c.ink.greenF() + c.paper.greenF() * 1.3F) / 2.3F,
                                           (c.ink.blueF() + c.paper.blueF() * 1.3F) / 2.3F);
  p.setColor(QPalette::Window, c.paper);
  p.setColor(QPalette::WindowText, c.ink);
  p.setColor(QPalette::Base, base);
  p.setColor(QPalette::AlternateBase, alternate);
  p.setColor(QPalette::Text, c.ink);
  p.setColor(QPalette::PlaceholderText, c.mutedText);
  p.setColor(QPalette::Button, button);
  p.setColor(QPalette::ButtonText, c.ink);
  p.setColor(QPalette::BrightText, Qt::white);
  p.setColor(QPalette::ToolTipBase, c.rail);
  p.setColor(QPalette::ToolTipText, QColor(0xF7F5F0));
  p.setColor(QPalette::Highlight, highlight);
  p.setColor(QPalette::HighlightedText, Qt::white);
  p.setColor(QPalette::Link, link);
  p.setColor(QPalette::LinkVisited, link);
  p.setColor(QPalette::Light, base);
  p.setColor(QPalette::Midlight, alternate);
  p.setColor(QPalette::Mid, c.line);
  p.setColor(QPalette::Dark, c.mutedText);
  p.setColor(QPalette::Shadow, c.line);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::HighlightedText}) {
    p.setColor(QPalette::Disabled, role, disabled);
  }
  p.setColor(QPalette::Disabled, QPalette::Highlight, c.line);
  return p;
}

}  // namespace

const QList<QColor>& chartColors() {
  static const QList<QColor> colors{QColor(0x0072B2), QColor(0xE69F00), QColor(0x009E73), QColor(0xCC79A7),
                                    QColor(0x56B4E9), QColor(0xD55E00), QColor(0xF0E442)};
  return colors;
}

QPalette lightPalette() {
  return makePalette(kLight, QColor(0xFFFEFB), QColor(0xF0EDE5), QColor(0xFCFBF8), kLight.feather, QColor(0x1F5A96));
}

QPalette darkPalette() {
  return makePalette(kDark, QColor(0x212A35), QColor(0x27313D), QColor(0x2B3542), QColor(0x4A6289), QColor(0x8DB9E8));
}

Theme::Theme(QApplication& app, QObject* parent) : QObject(parent), m_app(app) {
  g_theme = this;
  m_paletteWasDark = app.palette().color(QPalette::Window).lightness() < 128;
  auto bus = QDBusConnection::sessionBus();
  if (bus.isConnected()) {
    auto call = QDBusMessage::createMethodCall(kPortalService, kPortalPath, kPortalInterface, QStringLiteral("Read"));
    call.setArguments({kAppearance, kColorScheme});
    const auto reply = bus.call(call, QDBus::Block, kPortalTimeoutMs);
    if (reply.type() == QDBusMessage::ReplyMessage && !reply.arguments().isEmpty()) {
      auto value = reply.arguments().constFirst();
      while (value.canConvert<QDBusVariant>()) {  // older portals wrap the value twice
        value = value.value<QDBusVariant>().variant();
      }
      m_portalScheme = value.toInt();
    }
    bus.connect(kPortalService, kPortalPath, kPortalInterface, QStringLiteral("SettingChanged"), this,
                SLOT(portalSettingChanged(QString, QString, QDBusVariant)));
  }
  m_app.setStyle(new FlatStyle);
  apply();
}

Theme::~Theme() {
  if (g_theme == this) {
    g_theme = nullptr;
  }
}

void Theme::setChoice(ThemeChoice choice) {
  m_choice = choice;
  apply();
}

const ThemeColors& Theme::colors() { return dark() ? kDark : kLight; }

bool Theme::dark() { return g_theme != nullptr && g_theme->m_dark; }

void Theme::portalSettingChanged(const QString& group, const QString& key, const QDBusVariant& value) {
  if (group == kAppearance && key == kColorScheme) {
    m_portalScheme = value.variant().toInt();
    apply();
  }
}

bool Theme::systemIsDark() const { return m_portalScheme == 0 ? m_paletteWasDark : m_portalScheme == 1; }

void Theme::apply() {
  m_dark = m_choice == ThemeChoice::Dark || (m_choice == ThemeChoice::System && systemIsDark());
  QPixmapCache::clear();  // recoloured icons
  m_app.setPalette(m_dark ? darkPalette() : lightPalette());
  QToolTip::setPalette(m_app.palette());  // which has its own from the platform
  Q_EMIT changed();
}

}  // namespace rookery::app
