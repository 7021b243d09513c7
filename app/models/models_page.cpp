// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/models_page.h"

#include <QDir>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QListView>
#include <QMimeData>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "inference/model_title.h"
#include "inference/inference_worker.h"
#include "models/model_details.h"
#include "models/model_list.h"
#include "rookery/ledger.h"
#include "settings/device_picker.h"
#include "settings/settings.h"
#include "support/dialogs.h"
#include "support/model_files.h"
#include "theme/card.h"
#include "theme/icons.h"

namespace rookery::app {

namespace {
constexpr int kSideBySide = 860, kLeastList = 160;

QStringList modelFilesOf(const QMimeData* data) {
  QStringList files;
  for (const auto& url : data->urls()) {
    if (url.isLocalFile() && QFileInfo(url.toLocalFile()).isFile()) {
      files << url.toLocalFile();
    }
  }
  return files;
}
}  // namespace

ModelsPage::ModelsPage(Settings* settings, QWidget* parent)
    : PageWidget(parent),
      m_settings(settings),
      m_list(new ModelListModel(this)),
      m_details(new ModelDetails),
      m_view(new QListView),
      m_heading(makeHeading(HeadingLevel::Page)),
      m_hint(new MutedLabel),
      m_dropText(new MutedLabel),
      m_dropCard(new Card),
      m_open(new QPushButton),
      m_addFolder(new QPushButton),
      m_scan(new QPushButton),
      m_modelsFolder(new QPushButton) {
  setObjectName(QStringLiteral("modelsPage"));
  setAcceptDrops(true);
  m_view->setObjectName(QStringLiteral("modelList"));
  m_view->setModel(m_list);
  m_view->setItemDelegate(new ModelDelegate(m_view));
  m_view->setFrameShape(QFrame::NoFrame);
  m_view->setMouseTracking(true);
  m_view->setUniformItemSizes(true);
  m_view->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_open->setObjectName(QStringLiteral("modelsOpen"));
  m_open->setIcon(lineIcon(QStringLiteral("file")));
  m_addFolder->setObjectName(QStringLiteral("modelsAddFolder"));
  m_addFolder->setIcon(lineIcon(QStringLiteral("folder")));
  m_scan->setObjectName(QStringLiteral("modelsScan"));
  m_scan->setIcon(lineIcon(QStringLiteral("refresh")));
  m_modelsFolder->setObjectName(QStringLiteral("modelsFolder"));
  m_modelsFolder->setIcon(lineIcon(QStringLiteral("folder-open")));
  m_modelsFolder->setFlat(true);
  m_hint->setWordWrap(true);
  m_hint->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_dropText->setObjectName(QStringLiteral("modelsDrop"));
  m_dropText->setWordWrap(true);

  auto* top = new QHBoxLayout;
  top->addWidget(m_heading, 1);
  top->addWidget(m_open);
  top->addWidget(m_addFolder);
  top->addWidget(m_scan);

  auto* listCard = new Card;
  auto* listColumn = new QVBoxLayout(listCard);
  listColumn->setContentsMargins(4, 8, 4, 8);
  listColumn->addWidget(m_view, 1);
  auto* dropRow = new QHBoxLayout(m_dropCard);
  dropRow->setContentsMargins(16, 12, 16, 12);
  dropRow->setSpacing(12);
  dropRow->addWidget(new IconLabel(QStringLiteral("drop"), 28));
  dropRow->addWidget(m_dropText, 1);
  auto* left = new QVBoxLayout;
  left->setSpacing(12);
  left->addWidget(listCard, 1);
  left->addWidget(m_dropCard);
  m_view->setMinimumHeight(kLeastList);
  m_middle = new QHBoxLayout;
  m_middle->setSpacing(16);
  m_middle->addLayout(left, 11);
  m_middle->addWidget(m_details, 10);
  auto* bottom = new QHBoxLayout;
  bottom->addWidget(m_hint, 1);
  bottom->addWidget(m_modelsFolder, 0, Qt::AlignTop);

  auto* content = new QWidget;
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(16);
  column->addLayout(top);
  column->addLayout(m_middle, 1);
  column->addLayout(bottom);
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->addWidget(makePageScroll(content, QWIDGETSIZE_MAX, this));

  connect(m_open, &QPushButton::clicked, this, &ModelsPage::chooseFile);
  connect(m_scan, &QPushButton::clicked, this, &ModelsPage::rescan);
  connect(m_addFolder, &QPushButton::clicked, this, [this] {
    const QString folder = Dialogs::instance().chooseFolder(this, tr("Choose a folder with models"), QDir::homePath());
    if (!folder.isEmpty()) {
      m_settings->setModelFolders(m_settings->modelFolders() << folder);
    }
  });
  connect(m_modelsFolder, &QPushButton::clicked, this, [this] {
    QDir().mkpath(m_settings->modelsFolder());
    Dialogs::instance().openUrl(m_settings->modelsFolder());
  });
  connect(m_settings, &Settings::modelFoldersChanged, this, &ModelsPage::rescan);
  connect(&m_catalog, &ModelCatalog::entryRead, this, &ModelsPage::entryRead);
  connect(&m_catalog, &ModelCatalog::scanFinished, this, [this] {
    m_list->keepOnly(m_seen);
    m_scan->setEnabled(true);
  });
  connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this, &ModelsPage::showCurrent);
  connect(m_view, &QListView::activated, this, [this](const QModelIndex& index) {
    const auto* entry = m_list->entry(index);
    if (entry != nullptr && entry->canLoad() && !isLoaded(entry->path)) {
      Q_EMIT loadRequested(entry->path);
    }
  });
  connect(m_details, &ModelDetails::loadRequested, this, &ModelsPage::loadRequested);
  connect(m_details, &ModelDetails::chatRequested, this, &ModelsPage::chatRequested);
  connect(m_details, &ModelDetails::stateChatRequested, this, &ModelsPage::stateChatRequested);
  connect(&m_catalog, &ModelCatalog::scanFinished, this, &ModelsPage::tellStates);
  connect(m_details, &ModelDetails::cancelRequested, this, &ModelsPage::cancelRequested);
  connect(m_details, &ModelDetails::showInFolderRequested, this,
          [](const QString& path) { Dialogs::instance().openUrl(QFileInfo(path).path()); });
  connect(m_details, &ModelDetails::removeRequested, this, &ModelsPage::removeFile);
  connect(m_details, &ModelDetails::vocabularyRequested, this, &ModelsPage::chooseVocabulary);
  connect(m_details, &ModelDetails::ownVocabularyRequested, this, [this](const QString& path) { setVocabulary(path, {}); });
  DevicePicker* picker = m_details->picker();
  picker->setChoice(m_settings->device());
  connect(picker, &DevicePicker::chosen, m_settings, &Settings::setDevice);
  connect(m_settings, &Settings::deviceChanged, picker, [this, picker] { picker->setChoice(m_settings->device()); });
  connect(picker, &DevicePicker::deviceChanged, this, &ModelsPage::showMemory);
  connect(m_details, &ModelDetails::loadOnCpuRequested, this, [this](const QString& path) {
    m_settings->setDevice(cpuChoice());
    Q_EMIT loadRequested(path);
  });
  showMemory();
  retranslate();
  select({});
}

ModelsPage::~ModelsPage() = default;

QWidget* ModelsPage::firstField() const { return m_view; }

void ModelsPage::attach(DeviceList* devices) { m_details->picker()->attach(devices); }

void ModelsPage::attach(InferenceService* service) {
  auto job = std::make_shared<JobId>(0);
  connect(this, &ModelsPage::loadRequested, service, [this, service, job](const QString& path) {
    m_details->showLoading(path, service->runningWork());
    *job = service->load(requestFor(*m_settings, path));
  });
  connect(m_details, &ModelDetails::loadSharedRequested, service, [this, service, job](const QString& path, const QString& strategy) {
    m_details->showLoading(path, service->runningWork());
    ModelRequest request = requestFor(*m_settings, path);
    request.strategy = strategy;
    *job = service->load(request);
  });
  connect(this, &ModelsPage::cancelRequested, service, [service, job] { service->stop(*job); });
  connect(service, &InferenceService::loadProgress, this, [this, job](quint64 id, const engine::LoadProgress& progress) {
    if (id == *job) m_details->showProgress(progress);
  });
  connect(service, &InferenceService::modelLoaded, this, [this](quint64, const LoadedModel& model) {
    m_details->showLoadEnded();
    rememberLoaded(model);
  });
  connect(service, &InferenceService::loadFailed, this, [this, service, job](quint64 id, const engine::Error& error) {
    if (id == *job) m_details->showLoadError(error, service->lastLoadLeftCpu());
  });
  if (const auto& model = service->model()) rememberLoaded(*model);
}

void ModelsPage::rememberLoaded(const LoadedModel& model) {
  m_loadedShape = model.info.shape;
  m_loadedFingerprint = model.fingerprint.toStdString();
  m_loadedName = model.name;
  setLoaded(model.isGuide ? QString() : model.path, toQString(model.device.id));
}

ModelRequest ModelsPage::requestFor(const Settings& settings, const QString& path) {
  ModelRequest request;
  request.kind = path.isEmpty() ? ModelRequest::Kind::Guide : ModelRequest::Kind::File;
  request.path = path;
  request.device = settings.device();
  // What was shared because the device had too little room is shared again, on that device.
  const QString shared = settings.lastStrategy();
  if (path == settings.lastModel() && shared.startsWith(request.device.id + QLatin1Char(' '))) request.strategy = shared;
  request.options.threads = settings.threads();
  request.options.vocabulary = std::filesystem::path(settings.vocabularyFor(path).toStdU16String());
  return request;
}

void ModelsPage::rescan() {
  m_seen.clear();
  m_scan->setEnabled(false);
  m_catalog.scan(m_settings->allModelFolders(), m_settings->modelFiles(), m_settings->vocabularies());
}

void ModelsPage::chooseFile() {
  const QString path = Dialogs::instance().openFile(this, tr("Open a model"), QDir::homePath(),
                                                    tr("RWKV models and states (%1);;All files (*)").arg(modelFilePatterns()));
  if (!path.isEmpty()) {
    addFile(path);
  }
}

void ModelsPage::addFile(const QString& path) {
  m_selectWhenRead = QFileInfo(path).absoluteFilePath();
  m_catalog.read(m_selectWhenRead, m_settings->vocabularyFor(m_selectWhenRead));
}

void ModelsPage::removeFile(const QString& path) {
  m_settings->removeModelFile(path);
  select({});
  m_list->remove(path);
  rescan();  // it may lie in a folder that is looked at
}

void ModelsPage::chooseVocabulary(const QString& modelPath) {
  const QString path = Dialogs::instance().openFile(this, tr("Choose the vocabulary"), QFileInfo(modelPath).path(),
                                                    tr("Vocabularies (*.txt *.json);;All files (*)"));
  if (!path.isEmpty()) {
    setVocabulary(modelPath, path);
  }
}

void ModelsPage::setVocabulary(const QString& modelPath, const QString& vocabulary) {
  m_settings->setVocabularyFor(modelPath, vocabulary);
  m_catalog.read(modelPath, vocabulary);
}

void ModelsPage::select(const QString& path) {
  if (const auto index = m_list->find(path); index.isValid()) {
    m_view->setCurrentIndex(index);
    showCurrent();
  }
}

void ModelsPage::setLoaded(const QString& path, const QString& deviceId) {
  m_loadedPath = path;
  m_loadedDevice = deviceId;
  m_anyLoaded = true;
  m_list->setLoaded(path, true);
  showCurrent();
}

void ModelsPage::entryRead(const ModelEntry& entry) {
  m_seen << entry.path;
  m_list->add(entry);
  if (entry.path == m_selectWhenRead) {
    m_selectWhenRead.clear();
    if (!entry.error || hasModelSuffix(entry.path)) {
      m_settings->addModelFile(entry.path);  // not a picture that was dropped by mistake
    }
    select(entry.path);
    if (entry.state) tellStates();
  } else if (entry.path == m_view->currentIndex().data(ModelListModel::PathRole).toString()) {
    showCurrent();
  }
}

void ModelsPage::showCurrent() {
  if (const auto* entry = m_list->entry(m_view->currentIndex())) {
    if (entry->state) m_details->setFitting(fitOfState(*entry));
    m_details->setEntry(*entry, isLoaded(entry->path), m_settings->modelFiles().contains(entry->path), memory());
  }
}

/// A state that says whose it is fits that model alone. Of the guide and the model that is loaded the weights are known;
/// of another, which would have to be read whole, only whether the shape is right.
StateFit ModelsPage::fitOfState(const ModelEntry& entry) const {
  const engine::StateInfo& state = *entry.state;
  const bool isOfOne = !state.label.fingerprint.empty(), isGuideLoaded = m_anyLoaded && m_loadedPath.isEmpty();
  const bool fitsLoaded = m_loadedShape && state.fits(*m_loadedShape);
  if (entry.isOfGuide) return {{guideName()}, isGuideLoaded, true};
  if (isOfOne && fitsLoaded && state.belongsTo(m_loadedFingerprint)) return {{m_loadedName}, true, true};
  StateFit fit{{}, fitsLoaded, !isOfOne};
  if (!isOfOne && entry.fitsGuide) fit.models << guideName();
  for (const ModelEntry& model : m_list->entries()) {
    const bool isAnother = isOfOne && m_anyLoaded && model.path == m_loadedPath;
    if (model.info && state.fits(model.info->shape) && !isAnother) fit.models << model.name;
  }
  return fit;
}

void ModelsPage::tellStates() {
  std::vector<StateFileEntry> states;
  for (const ModelEntry& entry : m_list->entries()) {
    if (entry.state) states.push_back({entry.path, *entry.state});
  }
  Q_EMIT statesFound(states);
  showCurrent();  // what is shown may be a state, and the models that it fits are known now
}

bool ModelsPage::isLoaded(const QString& path) const {
  return m_anyLoaded && path == m_loadedPath && m_details->picker()->deviceId() == m_loadedDevice;
}

std::uint64_t ModelsPage::memory() const {
  const auto* device = m_details->picker()->device();
  return device != nullptr && !device->isCpu() ? device->memoryBytes : engine::availableBytes();
}

void ModelsPage::showMemory() {
  m_list->setAvailable(memory());
  showCurrent();
}

void ModelsPage::retranslate() {
  m_heading->setText(tr("Models"));
  m_open->setText(tr("&Open file…"));
  m_addFolder->setText(tr("&Add folder…"));
  m_scan->setText(tr("&Scan again"));
  m_modelsFolder->setText(tr("Open &models folder"));
  m_view->setAccessibleName(tr("Models on this computer"));
  m_dropText->setText(tr("Drop a model or a state (%1) anywhere on this page. The file stays where it is.", "%1: \".pth, .gguf\"")
                          .arg(u'.' + modelSuffixes().join(QStringLiteral(", ."))));
  m_hint->setText(tr("Where to get models: BlinkDL/rwkv7-g1 on Hugging Face, RWKV/rwkv7-g1 on ModelScope. "
                     "A name such as rwkv7-g1d-0.1b-20260129-ctx8192.pth gives the generation, training data, size, date and "
                     "length of the training texts. Rookery never downloads anything on its own."));
  m_list->retranslate();
}

void ModelsPage::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
  }
  QWidget::changeEvent(event);
}

void ModelsPage::showEvent(QShowEvent* event) {
  showMemory();
  rescan();
  QWidget::showEvent(event);
}

/// Side by side where both have room, else the details below the list.
void ModelsPage::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  m_middle->setDirection(width() < kSideBySide ? QBoxLayout::TopToBottom : QBoxLayout::LeftToRight);
}

void ModelsPage::dragEnterEvent(QDragEnterEvent* event) {
  if (!modelFilesOf(event->mimeData()).isEmpty()) {
    m_dropText->setForegroundRole(QPalette::Highlight);
    event->acceptProposedAction();
  }
}

void ModelsPage::dragLeaveEvent(QDragLeaveEvent* /*event*/) { m_dropText->setForegroundRole(QPalette::PlaceholderText); }

void ModelsPage::dropEvent(QDropEvent* event) {
  m_dropText->setForegroundRole(QPalette::PlaceholderText);
  for (const auto& path : modelFilesOf(event->mimeData())) {
    addFile(path);
  }
  event->acceptProposedAction();
}

}  // namespace rookery::app
