// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QComboBox>
#include <QDirIterator>
#include <QDoubleSpinBox>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalSpy>
#include <QSlider>
#include <QSpinBox>
#include <QTest>
#include <QVBoxLayout>
#include <QWheelEvent>

#include "contrast.h"
#include "theme/icons.h"
#include "theme/theme.h"

using namespace rookery::app;
using rookery::app::test::contrast;

namespace {

/// The darkest and lightest pixel that is not the ground.
QColor inkOf(const QPixmap& pixmap) {
  const QImage image = pixmap.toImage();
  QColor best(0, 0, 0, 0);
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) {
      if (image.pixelColor(x, y).alpha() > best.alpha()) best = image.pixelColor(x, y);
    }
  }
  return best;
}

}  // namespace

class ThemeTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void choiceDecidesThePalette() {
    Theme theme(*qApp);
    theme.setChoice(ThemeChoice::Dark);
    QVERIFY(theme.isDark());
    QVERIFY(qApp->palette().color(QPalette::Window).lightness() < 60);
    QSignalSpy changed(&theme, &Theme::changed);
    theme.setChoice(ThemeChoice::Light);
    QCOMPARE(changed.count(), 1);
    QCOMPARE(qApp->palette().color(QPalette::Window), QColor(0xF7F5F0));
    QCOMPARE(qApp->palette().color(QPalette::WindowText), QColor(0x1B2430));
  }

  void withoutAPortalTheSystemsPaletteDecides() {
    QPalette dark;
    dark.setColor(QPalette::Window, QColor(0x202020));
    qApp->setPalette(dark);
    Theme theme(*qApp);
    QVERIFY(theme.isDark());
  }

  void textIsReadable_data() {
    QTest::addColumn<bool>("dark");
    QTest::newRow("light") << false;
    QTest::newRow("dark") << true;
  }
  void textIsReadable() {
    QFETCH(bool, dark);
    Theme theme(*qApp);
    theme.setChoice(dark ? ThemeChoice::Dark : ThemeChoice::Light);
    const QPalette p = qApp->palette();
    const auto& c = Theme::colors();
    QVERIFY(contrast(p.color(QPalette::WindowText), p.color(QPalette::Window)) >= 7);
    QVERIFY(contrast(p.color(QPalette::Text), p.color(QPalette::Base)) >= 7);
    QVERIFY(contrast(p.color(QPalette::ButtonText), p.color(QPalette::Button)) >= 7);
    for (const auto& color : {c.mutedText, c.good, c.warning, c.bad, p.color(QPalette::Link)}) {
      QVERIFY2(contrast(color, p.color(QPalette::Base)) >= 4.5, qPrintable(color.name()));
      QVERIFY2(contrast(color, p.color(QPalette::Window)) >= 4.5, qPrintable(color.name()));
    }
    QVERIFY(contrast(p.color(QPalette::HighlightedText), p.color(QPalette::Highlight)) >= 4.5);
    QVERIFY(contrast(c.amberText, c.amber) >= 4.5);
    QVERIFY(contrast(c.railText, c.rail) >= 4.5);
  }

  void iconsTakeThePalettesColour() {
    Theme theme(*qApp);
    const QIcon icon = lineIcon(QStringLiteral("plus"));
    theme.setChoice(ThemeChoice::Light);
    QVERIFY(inkOf(icon.pixmap(24)).lightness() < 80);
    theme.setChoice(ThemeChoice::Dark);
    QVERIFY(inkOf(icon.pixmap(24)).lightness() > 180);
  }

  void everyIconDrawsAndIsUsed() {
    QDirIterator it(QStringLiteral(":/icons"));
    QByteArray sources;
    QDirIterator code(QStringLiteral(ROOKERY_TEST_DATA "/../app"), {QStringLiteral("*.cpp")}, QDir::Files, QDirIterator::Subdirectories);
    while (code.hasNext()) {
      QFile file(code.next());
      QVERIFY(file.open(QIODevice::ReadOnly));
      sources += file.readAll();
    }
    int count = 0;
    while (it.hasNext()) {
      it.next();
      const QString name = it.fileInfo().completeBaseName();
      QVERIFY2(inkOf(lineIcon(name).pixmap(24)).alpha() > 100, qPrintable(name));
      QVERIFY2(sources.contains(QStringLiteral("\"%1\"").arg(name).toLatin1()) || sources.contains(QStringLiteral("/%1.svg").arg(name).toLatin1()),
               qPrintable(name + QStringLiteral(" is used nowhere")));
      ++count;
    }
    QVERIFY(count >= 30);
    QVERIFY(!lineIcon(QStringLiteral("no such icon")).pixmap(24).toImage().pixelColor(12, 12).alpha());
  }

  // A page scrolls under the wheel, whatever field happens to be below the pointer.
  void theWheelTurnsOnlyTheFieldWithTheFocus() {
    Theme theme(*qApp);
    QScrollArea area;
    auto* page = new QWidget;
    auto* column = new QVBoxLayout(page);
    auto* spin = new QSpinBox;
    spin->setValue(50);
    auto* number = new QDoubleSpinBox;
    number->setValue(50);
    auto* combo = new QComboBox;
    for (int i = 0; i < 9; ++i) combo->addItem(QString::number(i));
    combo->setCurrentIndex(4);
    auto* slider = new QSlider(Qt::Horizontal);
    slider->setValue(50);
    for (QWidget* field : std::initializer_list<QWidget*>{spin, number, combo, slider}) column->addWidget(field);
    column->addSpacing(2000);
    area.setWidget(page);
    area.resize(300, 300);
    area.show();
    area.activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&area));
    const auto values = [&] { return QList<double>{double(spin->value()), number->value(), double(combo->currentIndex()), double(slider->value())}; };
    const auto turn = [&](QWidget* field) {
      const QPoint at = field->rect().center();
      QWheelEvent event(at, field->mapToGlobal(at), {}, QPoint(0, -120), Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
      QSpontaneKeyEvent::setSpontaneous(&event);  // only such go on to the parent
      qApp->notify(field, &event);
    };
    area.setFocus();
    const QList<double> before = values();
    for (QWidget* field : std::initializer_list<QWidget*>{spin, number, combo, slider}) {
      area.verticalScrollBar()->setValue(0);
      turn(field);
      QCOMPARE(values(), before);
      QVERIFY2(!field->hasFocus(), field->metaObject()->className());
      QVERIFY2(area.verticalScrollBar()->value() > 0, field->metaObject()->className());
    }
    area.verticalScrollBar()->setValue(0);
    for (QWidget* field : std::initializer_list<QWidget*>{spin, number, combo, slider}) {
      const QList<double> unchanged = values();
      field->setFocus();
      turn(field);
      QVERIFY2(values() != unchanged, field->metaObject()->className());
      QCOMPARE(area.verticalScrollBar()->value(), 0);
    }
  }

  void onlyThePrimaryButtonIsAmber() {
    Theme theme(*qApp);
    theme.setChoice(ThemeChoice::Light);
    const auto faceOf = [](bool primary) {
      QPushButton button;
      button.setProperty("primary", primary);
      button.resize(80, 32);
      return button.grab().toImage().pixelColor(40, 4);
    };
    QCOMPARE(faceOf(true), QColor(0xD9822B));
    QVERIFY(faceOf(false) != QColor(0xD9822B));
  }
};

QTEST_MAIN(ThemeTest)
#include "theme_test.moc"
