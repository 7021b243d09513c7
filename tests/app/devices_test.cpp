// SPDX-License-Identifier: GPL-3.0-or-later
// Which device a model runs on: what a choice means, and what the picker shows. The devices are invented.
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QStandardItemModel>
#include <QTemporaryDir>
#include <QTest>
#include <semaphore>

#include "bench/bench_setup.h"
#include "bench/bench_text.h"
#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "models/model_details.h"
#include "models/models_page.h"
#include "settings/device_picker.h"
#include "settings/settings.h"
#include "shell_support.h"

using namespace rookery;
using namespace rookery::app;
using engine::DeviceInfo;

namespace {

DeviceInfo device(const char* id, const char* name, const char* reason = "", bool software = false) {
  DeviceInfo d;
  d.id = id;
  d.kind = engine::deviceNamed(d.id)->kind;
  d.name = name;
  d.memoryBytes = 8'000'000'000;
  d.driver = d.isCpu() ? "Linux" : "driver 7";
  d.apiLevel = d.isCpu() ? "scalar" : "Vulkan 1.3.0";
  d.features = {"subgroup 32"};
  d.reason = reason;
  d.usable = d.reason.empty();
  d.software = software;
  return d;
}

const DeviceInfo kCpu = device("cpu", "Processor"), kOld = device("vulkan:0", "Old card", "its driver offers Vulkan 1.1.0; 1.2 is needed"),
                 kSoftware = device("vulkan:1", "llvmpipe", "", true), kCard = device("vulkan:2", "Card");

QString idOf(const std::vector<DeviceInfo>& devices, const DeviceChoice& choice) {
  const auto* found = findDevice(devices, choice);
  return found != nullptr ? toQString(found->id) : QString();
}

}  // namespace

class DevicesTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void withoutAChoiceAGpuIsTakenButNeverASoftwareOne() {
    QCOMPARE(idOf({kCpu, kOld, kSoftware, kCard}, {}), QStringLiteral("vulkan:2"));
    QCOMPARE(idOf({kCpu, kOld, kSoftware}, {}), QStringLiteral("cpu"));
  }

  // Ids are counted anew when a card comes or goes; a choice of a card shall never become one of another.
  void aChoiceFollowsItsName() {
    const DeviceChoice card{QStringLiteral("vulkan:0"), QStringLiteral("Card")};
    QCOMPARE(idOf({kCpu, kOld, kSoftware, kCard}, card), QStringLiteral("vulkan:2"));
    QCOMPARE(idOf({kCpu, kOld, kSoftware}, card), QString());
    const DeviceInfo twin = device("vulkan:3", "Card");
    QCOMPARE(idOf({kCpu, kCard, twin}, {QStringLiteral("vulkan:3"), QStringLiteral("Card")}), QStringLiteral("vulkan:3"));
    QCOMPARE(idOf({kCpu, kCard}, {QStringLiteral("vulkan:2"), {}}), QStringLiteral("vulkan:2"));
    QCOMPARE(idOf({device("cpu", "Another processor"), kCard}, {QStringLiteral("cpu"), QStringLiteral("Processor")}), QStringLiteral("cpu"));
  }

  void aSlowDriverDoesNotHoldTheWindow() {
    std::binary_semaphore driver(0);
    DeviceList list([&driver] {
      (void)driver.try_acquire_for(std::chrono::seconds(30));
      return std::vector{kCpu, kCard};
    });
    DevicePicker picker;
    picker.attach(&list);
    picker.setChoice({});
    QElapsedTimer timer;
    timer.start();
    picker.show();
    QVERIFY(timer.elapsed() < 5000);
    QVERIFY(picker.currentText().contains(QStringLiteral("Looking for graphics devices")));
    QCOMPARE(picker.deviceId(), QStringLiteral("cpu"));  // what is measured or loaded meanwhile
    picker.setChoice({QStringLiteral("vulkan:2"), QStringLiteral("Card")});
    QCOMPARE(picker.currentText(), QStringLiteral("Card"));
    QSignalSpy changed(&picker, &DevicePicker::deviceChanged);
    driver.release();
    QVERIFY(changed.wait(10'000));
    QCOMPARE(picker.count(), 2);
    QCOMPARE(picker.deviceId(), QStringLiteral("vulkan:2"));
  }

  void whatCannotBeUsedSaysWhy() {
    DeviceList list([] { return std::vector{kCpu, kOld, kSoftware}; });
    DevicePicker picker;
    show(picker, list);
    QCOMPARE(picker.currentText(), QStringLiteral("CPU: Processor"));  // a software device is never the default
    const auto* items = qobject_cast<QStandardItemModel*>(picker.model());
    QVERIFY(!items->item(1)->isEnabled());
    for (const int role : {int(Qt::ToolTipRole), int(Qt::AccessibleDescriptionRole)}) {
      QVERIFY(picker.itemData(1, role).toString().contains(QStringLiteral("Vulkan 1.1.0; 1.2 is needed")));
    }
    QVERIFY(items->item(2)->isEnabled());
    QCOMPARE(picker.itemText(2), QStringLiteral("llvmpipe (software)"));

    QSignalSpy chosen(&picker, &DevicePicker::chosen);
    picker.setFocus();
    QTest::keyClick(&picker, Qt::Key_Down);  // over the one that cannot be used
    QCOMPARE(chosen.count(), 1);
    QCOMPARE(picker.choice(), (DeviceChoice{QStringLiteral("vulkan:1"), QStringLiteral("llvmpipe")}));
    QVERIFY(picker.toolTip().contains(QStringLiteral("driver 7")));
    QVERIFY(picker.toolTip().contains(QStringLiteral("subgroup 32")));
    QCOMPARE(picker.accessibleDescription(), picker.toolTip());
  }

  void aDeviceThatIsGoneIsNotReplacedSilently() {
    DeviceList list([] { return std::vector{kCpu, kSoftware}; });
    DevicePicker picker;
    picker.setChoice({QStringLiteral("vulkan:1"), QStringLiteral("Card")});
    show(picker, list);
    QVERIFY(picker.currentText().startsWith(QStringLiteral("Card")));
    QVERIFY(picker.currentText() != QStringLiteral("Card"));
    QVERIFY(picker.device() == nullptr);
    QVERIFY(!qobject_cast<QStandardItemModel*>(picker.model())->item(picker.currentIndex())->isEnabled());
  }

  void theChoiceIsRememberedAndTheModelIsMeasuredAgainstIt() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    {
      Settings settings(paths);
      QCOMPARE(settings.device().id, QStringLiteral("cpu"));
      QCOMPARE(ModelsPage::requestFor(settings, {}).device.id, QStringLiteral("cpu"));
      DeviceInfo small = kCard;
      small.memoryBytes = 1000;
      DeviceList list([small] { return std::vector{kCpu, small}; });
      ModelsPage page(&settings);
      page.attach(&list);
      page.show();
      auto* picker = page.findChild<DevicePicker*>();
      QTRY_COMPARE(picker->currentText(), QStringLiteral("CPU: Processor"));  // the default
      picker->setFocus();
      QTest::keyClick(picker, Qt::Key_Down);
      QCOMPARE(picker->currentText(), QStringLiteral("Card"));
      auto* details = page.findChild<ModelDetails*>();
      page.addFile(QStringLiteral(ROOKERY_TEST_DATA "/golden/models/v7_small/model.pth"));
      page.setVocabulary(QStringLiteral(ROOKERY_TEST_DATA "/golden/models/v7_small/model.pth"), test::byteVocabulary(folder.path()));
      QTRY_VERIFY(details->entry().canLoad() && !details->entry().isGuide());
      auto* verdict = page.findChild<QLabel*>(QStringLiteral("modelVerdict"));
      QVERIFY2(verdict->text().startsWith(QStringLiteral("Does not fit")), qPrintable(verdict->text()));

      page.select({});
      page.setLoaded({}, QStringLiteral("vulkan:2"));
      auto* load = page.findChild<QPushButton*>(QStringLiteral("modelLoad"));
      QCOMPARE(load->text(), QStringLiteral("&Chat with it"));
      picker->setFocus();
      QTest::keyClick(picker, Qt::Key_Up);
      QCOMPARE(load->text(), QStringLiteral("&Load"));  // the same model, on another device
      QVERIFY(load->isEnabled());
      QCOMPARE(settings.device().id, QStringLiteral("cpu"));
      QTest::keyClick(picker, Qt::Key_Down);
    }
    const Settings settings(paths);
    QCOMPARE(settings.device(), (DeviceChoice{QStringLiteral("vulkan:2"), QStringLiteral("Card")}));
    QCOMPARE(ModelsPage::requestFor(settings, {}).device, settings.device());
  }

  void theBenchmarkAsksForTheChosenDevice() {
    DeviceList list([] { return std::vector{kCpu, kSoftware}; });
    BenchSetup setup;
    setup.picker()->attach(&list);
    setup.show();
    QTRY_COMPARE(setup.picker()->currentText(), QStringLiteral("CPU: Processor"));
    QCOMPARE(setup.request().strategy, std::string("cpu"));
    setup.picker()->setChoice({QStringLiteral("vulkan:1"), QStringLiteral("llvmpipe")});
    QCOMPARE(setup.request().strategy, std::string("vulkan:1"));
    QVERIFY(setup.subject().endsWith(QStringLiteral("llvmpipe (software)")));
  }

  void aGpusReportClaimsNeitherThreadsNorALimit() {
    engine::BenchReport report = test::handMadeReport();
    QVERIFY(reportSentence(report).contains(QStringLiteral("bandwidth")));
    report.environment.device = "vulkan:1";
    report.environment.api = "Vulkan 1.3.0";
    report.environment.gpu = engine::BenchGpu{"llvmpipe", 1'000'000, true, {"subgroup 8"}};
    QVERIFY(report.bandwidthGBs > 0);  // as in reports of the first Vulkan builds: the CPU's
    QVERIFY2(!reportSentence(report).contains(QStringLiteral("bandwidth")), qPrintable(reportSentence(report)));
    QVERIFY2(reportSubject(report).endsWith(QStringLiteral("llvmpipe (software) · Vulkan 1.3.0")), qPrintable(reportSubject(report)));
    QVERIFY(!reportSubject(report).contains(QStringLiteral("thread")));
  }

 private:
  static void show(DevicePicker& picker, DeviceList& list) {
    picker.attach(&list);
    QSignalSpy changed(&list, &DeviceList::changed);
    picker.show();
    QVERIFY(changed.wait(10'000));
  }
};

QTEST_MAIN(DevicesTest)
#include "devices_test.moc"
