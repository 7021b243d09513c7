// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/bench_setup.h"

#include <QComboBox>
#include <QEvent>
#include <QFileInfo>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLocale>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "bench/bench_text.h"
#include "bench/run_time.h"
#include "inference/model_title.h"
#include "rookery/device.h"
#include "rookery/ledger.h"
#include "rookery/machine_load.h"
#include "rookery/memory_plan.h"
#include "rookery/model_info.h"
#include "settings/device_picker.h"
#include "support/dialogs.h"
#include "support/format.h"
#include "support/model_files.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {

enum Kind { Guide, Loaded, File, Synthetic };
constexpr int kKindRole = Qt::UserRole, kValueRole = Qt::UserRole + 1;
const engine::DType kPrecisions[] = {engine::DType::F16, engine::DType::BF16, engine::DType::F32, engine::DType::Q8_0};

}  // namespace

BenchSetup::BenchSetup(QWidget* parent)
    : Card(parent),
      m_model(new QComboBox(this)),
      m_precision(new QComboBox(this)),
      m_browse(new QPushButton(this)),
      m_run(new QPushButton(this)),
      m_cancel(new QPushButton(this)),
      m_device(new DevicePicker(this)),
      m_modelLabel(new Label(this)),
      m_precisionLabel(new Label(this)),
      m_deviceLabel(new Label(this)),
      m_hint(new MutedLabel(this)),
      m_warning(new Label(this)),
      m_others(new Label(this)),
      m_warningBox(new QWidget(this)),
      m_othersBox(new QWidget(this)),
      m_othersIcon(new IconLabel(QStringLiteral("ok"), 20, m_othersBox)) {
  setObjectName(QStringLiteral("benchSetup"));
  m_model->setObjectName(QStringLiteral("benchModel"));
  m_precision->setObjectName(QStringLiteral("benchPrecision"));
  m_browse->setObjectName(QStringLiteral("benchBrowse"));
  m_browse->setIcon(lineIcon(QStringLiteral("folder-open")));
  m_run->setObjectName(QStringLiteral("benchRun"));
  m_cancel->setObjectName(QStringLiteral("benchCancel"));
  m_warningBox->setObjectName(QStringLiteral("benchWarning"));
  m_run->setProperty("primary", true);
  m_run->setIcon(lineIcon(QStringLiteral("play"), QColor(0x1B2430)));
  m_cancel->setIcon(lineIcon(QStringLiteral("stop")));
  m_modelLabel->setBuddy(m_model);
  m_precisionLabel->setBuddy(m_precision);
  m_deviceLabel->setBuddy(m_device);
  m_precision->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  m_model->setMinimumContentsLength(16);
  m_model->setMaxVisibleItems(24);
  m_model->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_hint->setWordWrap(true);

  auto* warningRow = new QHBoxLayout(m_warningBox);
  warningRow->setContentsMargins(0, 0, 0, 0);
  m_warning->setWordWrap(true);
  warningRow->addWidget(new IconLabel(QStringLiteral("battery"), 20, m_warningBox));
  warningRow->addWidget(m_warning, 1);
  m_warningBox->hide();

  m_othersBox->setObjectName(QStringLiteral("benchOthers"));
  m_others->setObjectName(QStringLiteral("benchOthersText"));
  m_others->setWordWrap(true);
  auto* othersRow = new QHBoxLayout(m_othersBox);
  othersRow->setContentsMargins(0, 0, 0, 0);
  othersRow->addWidget(m_othersIcon);
  othersRow->addWidget(m_others, 1);
  m_othersBox->hide();

  // Two rows that fit into a narrow window; Run is always in sight.
  m_model->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  m_model->setMaximumWidth(460);
  auto* first = new QHBoxLayout;
  auto* second = new QHBoxLayout;
  for (auto* row : {first, second}) row->setSpacing(8);
  first->addWidget(m_modelLabel);
  first->addWidget(m_model, 1);
  first->addWidget(m_browse);
  first->addStretch();
  first->addWidget(m_cancel);
  first->addWidget(m_run);
  m_device->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_device->setMinimumContentsLength(12);
  m_device->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  m_device->setMaximumWidth(340);
  second->addWidget(m_precisionLabel);
  second->addWidget(m_precision);
  second->addSpacing(12);
  second->addWidget(m_deviceLabel);
  second->addWidget(m_device, 1);
  second->addStretch();
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 16, 16, 16);
  column->setSpacing(12);
  column->addLayout(first);
  column->addLayout(second);
  column->addWidget(m_hint);
  column->addWidget(m_othersBox);
  column->addWidget(m_warningBox);

  connect(m_model, &QComboBox::currentIndexChanged, this, &BenchSetup::fillPrecisions);
  connect(m_browse, &QPushButton::clicked, this, &BenchSetup::chooseFile);
  connect(m_precision, &QComboBox::currentIndexChanged, this, &BenchSetup::updateHint);
  connect(m_device, &DevicePicker::deviceChanged, this, [this] {
    Q_EMIT deviceChanged();
    updateHint();
  });
  connect(m_run, &QPushButton::clicked, this, [this] { Q_EMIT runRequested(request()); });
  connect(m_cancel, &QPushButton::clicked, this, [this] {
    m_cancel->setEnabled(false);  // one click is enough; the run ends within a second
    Q_EMIT cancelRequested();
  });
  retranslate();
  setRunning(false);
}

QWidget* BenchSetup::firstField() const { return m_model; }

void BenchSetup::setLoadedModel(const QString& name, const QString& path) {
  m_loadedName = name;
  m_loadedPath = path;
  fillModels();
}

void BenchSetup::setPowerSource(const QString& source) {
  m_powerSource = source;
  m_warningBox->setVisible(source.contains(u"battery", Qt::CaseInsensitive));
}

void BenchSetup::setOthers(double others, int processors) {
  m_othersNow = others;
  m_processors = processors;
  fillOthers();
}

void BenchSetup::fillOthers() {
  if (m_othersNow < 0) {
    return;
  }
  const int threads = m_threads > 0 ? m_threads : engine::physicalCores();
  const bool busy = engine::disturbs(m_othersNow, threads, m_processors);
  m_othersIcon->setIconName(busy ? QStringLiteral("warning") : QStringLiteral("ok"));
  m_others->setText(busy ? tr("Other programs use %1 of the processor now: the figures would be too low. Close them first, if you can.")
                               .arg(formatPercent(m_othersNow / qMax(1, m_processors)))
                         : tr("No other program needs much of the processor: a good moment to measure."));
  m_othersBox->setProperty("busy", busy);
  m_othersBox->show();  // stays, so that nothing moves when it changes
}

void BenchSetup::setEarlier(std::optional<engine::BenchReport> report) {
  m_earlier = std::move(report);
  updateHint();
}

QString BenchSetup::expectedTime() const {
  double bytes = 0, parameters = 0;
  const int kind = m_model->currentData(kKindRole).toInt();
  const QString value = m_model->currentData(kValueRole).toString();
  if (kind == Synthetic) {
    if (const auto shape = engine::officialShape(value.toStdString())) {
      parameters = static_cast<double>(shape->parameters());
      const auto rows = engine::planMemory(*shape, std::string(engine::traits(static_cast<engine::DType>(m_precision->currentData().toInt())).name));
      if (rows) {
        for (const auto& row : *rows) bytes += engine::isLookedUp(row.component) ? 0 : static_cast<double>(row.bytes);
      }
    }
  } else if (kind == Guide) {
    bytes = parameters = 6e6;
  } else {  // nearly all of a file is weights of two bytes
    bytes = static_cast<double>(QFileInfo(value).size());
    parameters = bytes / 2;
  }
  return timeRangeText(rookery::app::expectedTime(request(), bytes, parameters, m_earlier ? &*m_earlier : nullptr));
}

void BenchSetup::setRunning(bool running) {
  m_running = running;
  m_run->setEnabled(!running);
  m_cancel->setEnabled(running);
  m_cancel->setVisible(running);
  m_run->setVisible(!running);
  m_model->setEnabled(!running);
  m_browse->setEnabled(!running);
  m_device->setEnabled(!running);
  m_precision->setEnabled(!running && m_precision->count() > 1);
}

engine::BenchRequest BenchSetup::request() const {
  engine::BenchRequest request = m_protocol;
  request.threads = m_threads;
  request.strategy = m_device->deviceId().toStdString();
  const QString value = m_model->currentData(kValueRole).toString();
  switch (m_model->currentData(kKindRole).toInt()) {
    case Synthetic:
      request.syntheticShape = value.toStdString();
      break;
    case Loaded:
    case File:
      request.modelPath = std::filesystem::path(value.toStdU16String());
      break;
    default:
      request.guide = true;
  }
  if (const auto precision = m_precision->currentData(); precision.isValid()) {
    request.precision = static_cast<engine::DType>(precision.toInt());
  }
  return request;
}

QString BenchSetup::subject() const {
  QString what = m_precision->currentData().isValid() ? tr("%1, %2").arg(m_model->currentText(), m_precision->currentText()) : m_model->currentText();
  if (const auto* device = m_device->device(); device != nullptr && !device->isCpu()) {
    what = tr("%1, %2").arg(what, deviceTitle(*device));
  }
  return what;
}

void BenchSetup::fillModels() {
  const QSignalBlocker block(m_model);  // the precisions follow once, at the end
  const auto kind = m_model->currentData(kKindRole);
  const auto value = m_model->currentData(kValueRole);
  m_model->clear();
  const auto add = [this](const QString& text, Kind kind_, const QString& value_) {
    m_model->addItem(displayName(text), kind_);
    m_model->setItemData(m_model->count() - 1, value_, kValueRole);
  };
  if (!m_loadedPath.isEmpty()) {
    add(tr("Loaded: %1").arg(displayName(m_loadedName)), Loaded, m_loadedPath);
  }
  if (!m_chosenFile.isEmpty()) {
    add(modelNameOf(m_chosenFile), File, m_chosenFile);
  }
  add(tr("%1 (built in)").arg(guideName()), Guide, {});
  m_model->insertSeparator(m_model->count());
  auto shapes = engine::officialShapeNames();
  std::stable_sort(shapes.begin(), shapes.end(), [](const std::string& a, const std::string& b) {
    const auto generation = [](const std::string& name) { return name.substr(0, name.find('-')); };
    // The newest generation first, the smallest model of it first.
    return generation(a) != generation(b) ? generation(a) > generation(b) : engine::officialShape(a)->parameters() < engine::officialShape(b)->parameters();
  });
  for (const auto& name : shapes) {
    const QString shape = QString::fromStdString(name);
    add(tr("Synthetic %1").arg(shapeTitle(shape)), Synthetic, shape);
  }
  int index = -1;
  for (int i = 0; i < m_model->count(); ++i) {
    const bool same = kind.isValid() ? m_model->itemData(i, kKindRole) == kind && m_model->itemData(i, kValueRole) == value
                                     : m_model->itemData(i, kValueRole).toString() == u"rwkv7-0.1b";
    if (same) {
      index = i;
    }
  }
  m_model->setCurrentIndex(qMax(index, 0));
  fillPrecisions();
}

void BenchSetup::chooseFile() {
  const QString path = Dialogs::instance().openFile(this, tr("Choose a model to measure"), QFileInfo(m_chosenFile).path(),
                                                    tr("RWKV models (%1);;All files (*)").arg(modelFilePatterns()));
  if (path.isEmpty()) {
    return;
  }
  m_chosenFile = path;
  fillModels();
  for (int i = 0; i < m_model->count(); ++i) {
    if (m_model->itemData(i, kKindRole) == File) {
      m_model->setCurrentIndex(i);
    }
  }
}

void BenchSetup::fillPrecisions() {
  const auto before = m_precision->currentData();
  const int kind = m_model->currentData(kKindRole).toInt();
  m_precision->clear();
  if (kind != Synthetic) {
    m_precision->addItem(tr("as in the file"));
  }
  if (kind != Guide) {
    for (const auto type : kPrecisions) {
      const auto name = engine::traits(type).name;
      m_precision->addItem(QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size())), static_cast<int>(type));
    }
  }
  // A choice is kept between synthetic shapes; a file starts as it came.
  const int kept = before.isValid() && kind == m_precisionKind ? m_precision->findData(before) : -1;
  m_precisionKind = kind;
  m_precision->setCurrentIndex(qMax(0, kept));
  m_precision->setEnabled(!m_running && m_precision->count() > 1);
  updateHint();
}

QString BenchSetup::whatIsMeasured() const {
  const int kind = m_model->currentData(kKindRole).toInt();
  if (kind == Guide) {
    return tr("The small model that comes with Rookery, too small to tell how big models will run.");
  }
  const auto shape = kind == Synthetic ? engine::officialShape(m_model->currentData(kValueRole).toString().toStdString()) : std::nullopt;
  if (!shape || !m_precision->currentData().isValid()) {
    return tr("Measures this file as it is.");
  }
  engine::ModelInfo info;
  info.shape = *shape;
  info.container = engine::Container::Synthetic;
  info.dtype = static_cast<engine::DType>(m_precision->currentData().toInt());
  const auto need = engine::estimateLoad(info, info.dtype).total();
  const auto* device = m_device->device();
  const bool onGpu = device != nullptr && !device->isCpu();
  const auto available = onGpu ? device->memoryBytes : engine::availableBytes();
  QString text = tr("Random weights in the official shape, no download: %1 million parameters, about %2 of memory.")
                     .arg(QLocale().toString(static_cast<double>(shape->parameters()) / 1e6, 'f', 0), formatBytes(need));
  if (available > 0 && need > available) {
    const QString more =
        onGpu ? tr("That is more than the %1 that the device has.") : tr("That is more than the %1 that are free now.");
    text = joinSentences({text, more.arg(formatBytes(available))});
  }
  return text;
}

void BenchSetup::updateHint() {
  m_hint->setText(
      joinSentences({whatIsMeasured(), expectedTime(), tr("The chat's model stays loaded and is not counted.")}));
}

void BenchSetup::retranslate() {
  m_modelLabel->setText(tr("&Model"));
  m_precisionLabel->setText(tr("&Precision"));
  m_deviceLabel->setText(tr("&Device"));
  m_device->setAccessibleName(tr("Device to measure"));
  m_model->setAccessibleName(tr("Model to measure"));
  m_precision->setAccessibleName(tr("Precision of the weights"));
  m_browse->setText(tr("&Browse…"));
  m_browse->setToolTip(plainToolTip(tr("Measure a model from a file")));
  m_run->setText(tr("&Run"));
  m_run->setToolTip(plainToolTip(tr("Measure reading and answering")));
  m_cancel->setText(tr("&Cancel"));
  m_warning->setText(tr("This computer runs on battery and may be slower than usual. The report will say so."));
  fillModels();
  fillOthers();
}

void BenchSetup::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
  }
  Card::changeEvent(event);
}

}  // namespace rookery::app
