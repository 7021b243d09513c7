// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings/settings_page.h"

#include <QComboBox>
#include <QDateTime>
#include <QDir>
#include <QDoubleSpinBox>
#include <QEvent>
#include <QGridLayout>
#include <QListWidget>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QVBoxLayout>
#include <cmath>
#include <limits>

#include "chat/sampling_panel.h"
#include "inference/engine_text.h"
#include "inference/device_list.h"
#include "rookery/version.h"
#include "settings/device_picker.h"
#include "settings/language.h"
#include "settings/settings.h"
#include "storage/chat_store.h"
#include "support/dialogs.h"
#include "support/format.h"
#include "support/plain_text.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {

namespace {
constexpr int kContentWidth = 860;
constexpr int kLabelWidth = 140;
constexpr int kFieldWidth = 220;
constexpr int kColumnSpacing = 12;
constexpr int kMostThreads = 256;
constexpr int kBinRows = 8;
constexpr qsizetype kMostInPath = 300;  // characters

/// "~/models" for a folder in the user's home: shorter, and a picture of the page does not tell the user's name.
QString shortPath(const QString& folder) {
  const QString home = QDir::homePath();
  return displayName(QDir::toNativeSeparators(folder.startsWith(home + u'/') ? u'~' + folder.mid(home.size()) : folder), kMostInPath);
}

/// As high as its rows, at most `rows` of them.
void fitHeight(QListWidget* list, int rows = std::numeric_limits<int>::max()) {
  int height = 2;
  for (int i = 0; i < std::min(list->count(), rows); ++i) {
    height += list->sizeHintForRow(i);
  }
  list->setFixedHeight(qMax(height, 28));
}

QListWidget* plainList(const char* name) {
  auto* list = new QListWidget;
  list->setObjectName(QLatin1String(name));
  list->setFrameShape(QFrame::NoFrame);
  list->setWordWrap(true);
  list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  return list;
}
}  // namespace

SettingsPage::SettingsPage(Settings* settings, QWidget* parent)
    : PageWidget(parent), m_settings(settings), m_heading(makeHeading(HeadingLevel::Page)) {
  setObjectName(QStringLiteral("settingsPage"));
  auto* content = new QWidget;
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(16);
  column->addWidget(m_heading);
  buildGeneral(addGroup(m_general, column));
  buildChats(addGroup(m_chats, column));
  buildMemory(addGroup(m_memoryHeading, column));
  buildCompute(addGroup(m_compute, column));
  buildStorage(addGroup(m_storage, column));
  buildBin(addGroup(m_binHeading, column));
  buildPrivacy(addGroup(m_privacy, column));
  buildAbout(addGroup(m_about, column));
  column->addStretch();
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->addWidget(makePageScroll(content, kContentWidth, this));
  retranslate();
}

SettingsPage::~SettingsPage() = default;

QVBoxLayout* SettingsPage::addGroup(Label*& heading, QVBoxLayout* column) {
  auto* card = new Card;
  auto* inside = new QVBoxLayout(card);
  inside->setContentsMargins(20, 16, 20, 16);
  inside->setSpacing(12);
  heading = makeHeading(HeadingLevel::Section);
  inside->addWidget(heading);
  column->addWidget(card);
  return inside;
}

QWidget* SettingsPage::firstField() const { return m_language; }

void SettingsPage::buildGeneral(QVBoxLayout* column) {
  m_language = new QComboBox;
  m_language->setObjectName(QStringLiteral("settingLanguage"));
  m_language->setFixedWidth(kFieldWidth);
  m_theme = new QComboBox;
  m_theme->setObjectName(QStringLiteral("settingTheme"));
  m_theme->setFixedWidth(kFieldWidth);
  m_languageLabel = new Label;
  m_languageLabel->setBuddy(m_language);
  m_themeLabel = new Label;
  m_themeLabel->setBuddy(m_theme);
  auto* grid = new QGridLayout;
  grid->setVerticalSpacing(8);
  grid->addWidget(m_languageLabel, 0, 0);
  grid->addWidget(m_language, 0, 1);
  grid->addWidget(m_themeLabel, 1, 0);
  grid->addWidget(m_theme, 1, 1);
  grid->setColumnMinimumWidth(0, kLabelWidth);
  grid->setColumnStretch(2, 1);
  column->addLayout(grid);
  connect(m_language, &QComboBox::activated, this, [this] { m_settings->setLanguage(m_language->currentData().toString()); });
  connect(m_theme, &QComboBox::activated, this, [this] { m_settings->setTheme(static_cast<ThemeChoice>(m_theme->currentData().toInt())); });
}

void SettingsPage::buildChats(QVBoxLayout* column) {
  m_samplingHint = new MutedLabel;
  m_samplingHint->setWordWrap(true);
  m_sampling = new SamplingPanel(nullptr, SamplingPanel::Purpose::Defaults);
  m_sampling->setSampling(m_settings->sampler());
  m_sampling->setRules(m_settings->answerRules());
  m_sampling->setThinking(m_settings->thinking());
  m_sampling->setColumns(kLabelWidth, kColumnSpacing, kFieldWidth);
  m_resetSampling = new QPushButton;
  m_resetSampling->setObjectName(QStringLiteral("settingResetSampling"));
  m_resetSampling->setIcon(lineIcon(QStringLiteral("undo")));
  column->addWidget(m_samplingHint);
  column->addWidget(m_sampling);
  column->addWidget(m_resetSampling, 0, Qt::AlignLeft);
  connect(m_sampling, &SamplingPanel::samplingChanged, this, [this] { m_settings->setSampler(m_sampling->sampling()); });
  connect(m_sampling, &SamplingPanel::rulesChanged, this, [this] { m_settings->setAnswerRules(m_sampling->rules()); });
  connect(m_sampling, &SamplingPanel::thinkingChanged, this,
          [this] { m_settings->setThinking(m_sampling->thinking()); });
  connect(m_resetSampling, &QPushButton::clicked, this, [this] {
    m_sampling->setSampling({});
    m_sampling->setRules({});
    m_sampling->setThinking({});
    m_settings->setSampler({});
    m_settings->setAnswerRules({});
    m_settings->setThinking({});
  });
}

void SettingsPage::buildMemory(QVBoxLayout* column) {
  m_memoryUsed = new Label;
  m_memoryUsed->setObjectName(QStringLiteral("settingMemoryUsed"));
  m_memoryUsed->setWordWrap(true);
  m_memoryBar = new QProgressBar;
  m_memoryBar->setObjectName(QStringLiteral("settingMemoryBar"));
  m_memoryBar->setRange(0, 1000);
  m_memoryBar->setTextVisible(false);
  m_budget = new QDoubleSpinBox;
  m_budget->setObjectName(QStringLiteral("settingMemoryBudget"));
  m_budget->setRange(0.1, 1000);
  m_budget->setDecimals(1);
  m_budget->setSingleStep(0.5);
  m_budget->setFixedWidth(kFieldWidth);
  m_budget->setKeyboardTracking(false);  // while "20" is typed, "2" must not drop anything
  m_budget->setValue(static_cast<double>(m_settings->memoryBudget()) / 1e9);
  m_budgetLabel = new Label;
  m_budgetLabel->setBuddy(m_budget);
  m_memoryHint = new MutedLabel;
  m_memoryHint->setWordWrap(true);
  auto* grid = new QGridLayout;
  grid->setVerticalSpacing(4);
  grid->addWidget(m_budgetLabel, 0, 0);
  grid->addWidget(m_budget, 0, 1);
  grid->addWidget(m_memoryHint, 1, 1, 1, 2);
  grid->setColumnMinimumWidth(0, kLabelWidth);
  grid->setColumnStretch(2, 1);
  auto* used = new QHBoxLayout;
  used->setSpacing(12);
  used->addWidget(new IconLabel(QStringLiteral("memory"), 24), 0, Qt::AlignTop);
  auto* words = new QVBoxLayout;
  words->setSpacing(4);
  words->addWidget(m_memoryUsed);
  words->addWidget(m_memoryBar);
  used->addLayout(words, 1);
  column->addLayout(used);
  column->addLayout(grid);
  connect(m_budget, &QDoubleSpinBox::valueChanged, this, &SettingsPage::changeBudget);
}

void SettingsPage::buildBin(QVBoxLayout* column) {
  m_bin = plainList("settingBin");
  m_bin->setSelectionMode(QAbstractItemView::ExtendedSelection);
  m_binEmpty = new MutedLabel;
  m_binEmpty->setObjectName(QStringLiteral("settingBinEmpty"));
  m_binEmpty->setWordWrap(true);
  m_restore = new QPushButton;
  m_restore->setObjectName(QStringLiteral("settingRestore"));
  m_restore->setIcon(lineIcon(QStringLiteral("undo")));
  m_deleteForGood = new QPushButton;
  m_deleteForGood->setObjectName(QStringLiteral("settingDeleteForGood"));
  m_deleteForGood->setIcon(lineIcon(QStringLiteral("trash")));
  m_emptyBin = new QPushButton;
  m_emptyBin->setObjectName(QStringLiteral("settingEmptyBin"));
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(m_restore);
  buttons->addWidget(m_deleteForGood);
  buttons->addStretch();
  buttons->addWidget(m_emptyBin);
  column->addWidget(m_binEmpty);
  column->addWidget(m_bin);
  column->addLayout(buttons);
  connect(m_bin, &QListWidget::itemSelectionChanged, this, [this] {
    const bool any = !m_bin->selectedItems().isEmpty();
    m_restore->setEnabled(any);
    m_deleteForGood->setEnabled(any);
  });
  connect(m_restore, &QPushButton::clicked, this, [this] {
    for (const auto* item : m_bin->selectedItems()) {
      m_store->restoreFromBin(item->data(Qt::UserRole).toLongLong());
    }
    binChanged();
    Q_EMIT chatsChanged();
  });
  const auto purge = [this](const QList<QListWidgetItem*>& items) {
    if (items.isEmpty() || !Dialogs::instance().confirm(this, tr("Delete for good"),
                                                        tr("%n chat(s) will be deleted for good, with all messages. This cannot be undone.", nullptr,
                                                           static_cast<int>(items.size())),
                                                        tr("Delete for good"))) {
      return;
    }
    for (const auto* item : items) {
      m_store->deleteFromBin(item->data(Qt::UserRole).toLongLong());
    }
    binChanged();
  };
  connect(m_deleteForGood, &QPushButton::clicked, this, [this, purge] { purge(m_bin->selectedItems()); });
  connect(m_emptyBin, &QPushButton::clicked, this, [this, purge] { purge(m_bin->findItems(QStringLiteral("*"), Qt::MatchWildcard)); });
}

void SettingsPage::attach(ChatStore* store) {
  m_store = store;
  connect(store, &ChatStore::memoriesDropped, this, [this](int count) {
    m_memoriesDropped += count;
    fillMemory();
  });
}

void SettingsPage::attach(DeviceList* devices) {
  m_deviceList = devices;
  m_device->attach(devices);
  connect(devices, &DeviceList::changed, this, &SettingsPage::fillDevices);
  fillDevices();
}

void SettingsPage::binChanged() {
  fillBin();
  fillMemory();
}

void SettingsPage::fillMemory() {
  const auto budget = static_cast<quint64>(m_settings->memoryBudget());
  const auto used = m_store != nullptr && isVisible() ? static_cast<quint64>(qMax<qint64>(0, m_store->snapshotBytes())) : 0;
  QString text = tr("Used %1 of %2").arg(formatBytes(used), formatBytes(budget));
  if (m_memoriesDropped > 0) {
    text += QStringLiteral(" · ") + tr("%n old memories deleted since Rookery started, to stay within the limit", nullptr, m_memoriesDropped);
  }
  m_memoryUsed->setText(text);
  m_memoryBar->setValue(static_cast<int>(qMin(1000.0, 1000.0 * static_cast<double>(used) / static_cast<double>(budget))));
}

void SettingsPage::changeBudget(double gigabytes) {
  const auto wanted = static_cast<qint64>(std::llround(gigabytes * 1e9)), before = m_settings->memoryBudget();
  const qint64 used = m_store != nullptr && wanted < before ? m_store->snapshotBytes() : 0;
  const QSignalBlocker once(m_budget);  // an arrow that is held down goes on while the question is open
  const bool agreed =
      used <= wanted || Dialogs::instance().confirm(this, tr("Smaller limit"),
                                                    tr("The memory of your chats takes %1. With a limit of %2, about %3 of it is deleted now, the oldest "
                                                       "first. Your messages stay; chats that lose their memory are read again when you go on with them.")
                                                        .arg(formatBytes(static_cast<quint64>(used)), formatBytes(static_cast<quint64>(wanted)),
                                                             formatBytes(static_cast<quint64>(used - wanted))),
                                                    tr("Delete and set the limit"));
  if (agreed) {
    m_settings->setMemoryBudget(wanted);
  }
  m_budget->setValue(static_cast<double>(agreed ? wanted : before) / 1e9);
  fillMemory();
}

void SettingsPage::fillBin() {
  m_bin->clear();
  if (m_store != nullptr && isVisible()) {
    for (const auto& chat : m_store->bin()) {
      auto* item = new QListWidgetItem(lineIcon(QStringLiteral("chat")),
                                       tr("%1 · deleted on %2").arg(displayName(chat.title), QLocale().toString(chat.updated.date(), QLocale::ShortFormat)), m_bin);
      item->setData(Qt::UserRole, chat.id);
    }
  }
  const bool empty = m_bin->count() == 0;
  m_binEmpty->setVisible(empty);
  for (QWidget* widget : std::initializer_list<QWidget*>{m_bin, m_restore, m_deleteForGood, m_emptyBin}) {
    widget->setVisible(!empty);
  }
  m_restore->setEnabled(false);
  m_deleteForGood->setEnabled(false);
  fitHeight(m_bin, kBinRows);
}

void SettingsPage::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  binChanged();
}

void SettingsPage::buildCompute(QVBoxLayout* column) {
  m_threads = new QSpinBox;
  m_threads->setObjectName(QStringLiteral("settingThreads"));
  m_threads->setRange(0, kMostThreads);
  m_threads->setFixedWidth(kFieldWidth);
  m_threads->setValue(m_settings->threads());
  m_threadsLabel = new Label;
  m_threadsLabel->setBuddy(m_threads);
  m_threadsHint = new MutedLabel;
  m_threadsHint->setWordWrap(true);
  auto* grid = new QGridLayout;
  grid->setVerticalSpacing(8);
  m_device = new DevicePicker;
  m_device->setChoice(m_settings->device());
  m_deviceLabel = new Label;
  m_deviceLabel->setBuddy(m_device);
  grid->addWidget(m_deviceLabel, 0, 0);
  grid->addWidget(m_device, 0, 1, 1, 2);
  grid->addWidget(m_threadsLabel, 1, 0);
  grid->addWidget(m_threads, 1, 1);
  grid->addWidget(m_threadsHint, 2, 1, 1, 2);
  grid->setColumnMinimumWidth(0, kLabelWidth);
  grid->setColumnStretch(2, 1);
  column->addLayout(grid);
  m_devicesLabel = new Label;
  m_devices = plainList("settingDevices");
  m_devices->setSelectionMode(QAbstractItemView::NoSelection);
  m_devicesLabel->setBuddy(m_devices);
  column->addWidget(m_devicesLabel);
  column->addWidget(m_devices);
  connect(m_threads, &QSpinBox::valueChanged, m_settings, &Settings::setThreads);
  connect(m_device, &DevicePicker::chosen, m_settings, &Settings::setDevice);
  connect(m_settings, &Settings::deviceChanged, this, [this] { m_device->setChoice(m_settings->device()); });
}

void SettingsPage::buildStorage(QVBoxLayout* column) {
  const auto& paths = m_settings->paths();
  const QStringList folders{paths.data, m_settings->modelsFolder(), m_settings->reportsFolder(), paths.config, paths.state, paths.cache};
  const char* names[] = {"openData", "openModels", "openReports", "openConfig", "openState", "openCache"};
  auto* grid = new QGridLayout;
  grid->setVerticalSpacing(4);
  grid->setHorizontalSpacing(12);
  for (int i = 0; i < folders.size(); ++i) {
    PathRow row{new Label, new MutedLabel, new QPushButton};
    row.path->setText(shortPath(folders[i]));
    row.path->setToolTip(plainToolTip(QDir::toNativeSeparators(folders[i])));
    row.path->setElided(true);
    row.open->setObjectName(QLatin1String(names[i]));
    row.open->setFlat(true);
    row.open->setIcon(lineIcon(QStringLiteral("folder-open")));
    connect(row.open, &QPushButton::clicked, this, [folder = folders[i]] {
      QDir().mkpath(folder);
      Dialogs::instance().openUrl(folder);
    });
    grid->addWidget(row.name, i, 0);
    grid->addWidget(row.path, i, 1);
    grid->addWidget(row.open, i, 2);
    m_paths << row;
  }
  grid->setColumnMinimumWidth(0, kLabelWidth);
  grid->setColumnStretch(1, 1);
  column->addLayout(grid);

  m_foldersLabel = new Label;
  m_folders = plainList("settingModelFolders");
  m_foldersLabel->setBuddy(m_folders);
  m_addFolder = new QPushButton;
  m_addFolder->setObjectName(QStringLiteral("settingAddFolder"));
  m_removeFolder = new QPushButton;
  m_removeFolder->setObjectName(QStringLiteral("settingRemoveFolder"));
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(m_addFolder);
  buttons->addWidget(m_removeFolder);
  buttons->addStretch();
  column->addWidget(m_foldersLabel);
  column->addWidget(m_folders);
  column->addLayout(buttons);
  connect(m_addFolder, &QPushButton::clicked, this, [this] {
    const QString folder = Dialogs::instance().chooseFolder(this, tr("Choose a folder with models"), QDir::homePath());
    if (!folder.isEmpty() && !m_settings->modelFolders().contains(folder)) {
      m_settings->setModelFolders(m_settings->modelFolders() << folder);
    }
  });
  connect(m_removeFolder, &QPushButton::clicked, this, [this] {
    if (const auto* item = m_folders->currentItem(); item != nullptr) {
      auto left = m_settings->modelFolders();
      left.removeAll(item->data(Qt::UserRole).toString());
      m_settings->setModelFolders(left);  // the list of folders only; no file is touched
    }
  });
  connect(m_folders, &QListWidget::currentRowChanged, this,
          [this] { m_removeFolder->setEnabled(m_folders->currentItem() != nullptr && m_folders->currentItem()->data(Qt::UserRole).isValid()); });
  connect(m_settings, &Settings::modelFoldersChanged, this, &SettingsPage::fillFolders);
}

void SettingsPage::buildPrivacy(QVBoxLayout* column) {
  m_privacyText = new Label;
  m_privacyText->setWordWrap(true);
  auto* row = new QHBoxLayout;
  row->setSpacing(12);
  row->addWidget(new IconLabel(QStringLiteral("shield"), 28), 0, Qt::AlignTop);
  row->addWidget(m_privacyText, 1);
  column->addLayout(row);
}

void SettingsPage::buildAbout(QVBoxLayout* column) {
  m_aboutText = new Label;
  m_aboutText->setWordWrap(true);
  m_aboutButton = new QPushButton;
  m_aboutButton->setObjectName(QStringLiteral("settingAbout"));
  auto* row = new QHBoxLayout;
  row->setSpacing(12);
  row->addWidget(new IconLabel(QStringLiteral("raven"), 28), 0, Qt::AlignTop);
  row->addWidget(m_aboutText, 1);
  row->addWidget(m_aboutButton, 0, Qt::AlignTop);
  column->addLayout(row);
  connect(m_aboutButton, &QPushButton::clicked, this, &SettingsPage::aboutRequested);
}

void SettingsPage::fillChoices() {
  m_language->clear();
  m_language->addItem(tr("Same as the system"), QString());
  for (const auto& choice : Language::available()) {
    m_language->addItem(choice.name, choice.code);
  }
  m_language->setCurrentIndex(qMax(0, m_language->findData(m_settings->language())));
  m_theme->clear();
  m_theme->addItem(tr("Same as the system"), static_cast<int>(ThemeChoice::System));
  m_theme->addItem(tr("Light"), static_cast<int>(ThemeChoice::Light));
  m_theme->addItem(tr("Dark"), static_cast<int>(ThemeChoice::Dark));
  m_theme->setCurrentIndex(m_theme->findData(static_cast<int>(m_settings->theme())));
}

void SettingsPage::fillDevices() {
  m_devices->clear();
  if (m_deviceList == nullptr || !m_deviceList->isKnown()) {
    (new QListWidgetItem(lineIcon(QStringLiteral("refresh")), tr("Looking for devices…"), m_devices))->setFlags(Qt::NoItemFlags);
    fitHeight(m_devices);
    return;
  }
  for (const auto& device : m_deviceList->devices()) {
    QStringList parts{device.isCpu() ? displayName(toQString(device.name)) : deviceTitle(device), displayName(toQString(device.apiLevel))};
    if (!device.isCpu() && device.usable) {
      parts << displayName(toQString(device.driver));
    }
    if (device.memoryBytes > 0) {
      parts << formatBytes(device.memoryBytes);
    }
    if (!device.usable) {
      parts << tr("cannot be used: %1").arg(displayName(toQString(device.reason), kMostInPath));
    }
    parts.removeAll(QString());
    auto* item = new QListWidgetItem(lineIcon(device.usable ? QStringLiteral("cpu") : QStringLiteral("warning")),
                        displayName(toQString(device.id)) + QStringLiteral("   ") + parts.join(QStringLiteral(" · ")), m_devices);
    item->setToolTip(plainToolTip(deviceDetails(device)));
  }
  fitHeight(m_devices);
}

void SettingsPage::fillFolders() {
  m_folders->clear();
  for (const auto& folder : m_settings->modelFolders()) {
    auto* item = new QListWidgetItem(lineIcon(QStringLiteral("folder")), shortPath(folder), m_folders);
    item->setData(Qt::UserRole, folder);
  }
  if (m_folders->count() == 0) {
    auto* item = new QListWidgetItem(tr("No other folders. The models folder above is always searched."), m_folders);
    item->setFlags(Qt::NoItemFlags);
  }
  m_removeFolder->setEnabled(false);
  fitHeight(m_folders);
}

void SettingsPage::retranslate() {
  m_heading->setText(tr("Settings"));
  m_general->setText(tr("General"));
  m_compute->setText(tr("Compute"));
  m_chats->setText(tr("How new chats answer"));
  m_samplingHint->setText(tr("New chats start with these settings. The panel on the right of the Chat page changes them for one chat."));
  m_resetSampling->setText(tr("Reset to defaults"));
  m_memoryHeading->setText(tr("Memory of chats"));
  m_memoryBar->setAccessibleName(tr("Share of the limit that is used"));
  m_budgetLabel->setText(tr("L&imit"));
  m_budget->setAccessibleName(tr("Limit for the memory of chats"));
  m_budget->setSuffix(tr(" GB"));
  m_memoryHint->setText(tr("What a model remembers of a chat is saved on disk, so that the chat can go on without being read again. "
                           "When the limit is reached, the oldest memories are deleted. Your messages are always kept."));
  m_binHeading->setText(tr("Deleted chats"));
  m_bin->setAccessibleName(tr("Deleted chats"));
  m_binEmpty->setText(tr("No deleted chats. They are kept here for 30 days."));
  m_restore->setText(tr("Re&store"));
  m_deleteForGood->setText(tr("&Delete for good"));
  m_emptyBin->setText(tr("Em&pty the bin"));
  m_storage->setText(tr("Storage"));
  m_privacy->setText(tr("Privacy"));
  m_about->setText(tr("About"));
  m_languageLabel->setText(tr("&Language"));
  m_themeLabel->setText(tr("&Theme"));
  m_threadsLabel->setText(tr("T&hreads"));
  m_threads->setSpecialValueText(tr("One per core (%1)").arg(engine::physicalCores()));
  m_threads->setAccessibleName(tr("Threads"));
  m_language->setAccessibleName(tr("Language"));
  m_theme->setAccessibleName(tr("Theme"));
  m_deviceLabel->setText(tr("R&un models on"));
  m_device->setAccessibleName(tr("Device that models run on"));
  m_threadsHint->setText(tr("Takes effect when the next model is loaded. Threads apply to the CPU only and do not change the answers."));
  m_devicesLabel->setText(tr("Devices"));
  m_devices->setAccessibleName(tr("Devices"));
  const QString names[] = {tr("Chats"), tr("Models"), tr("Benchmark runs"), tr("Settings"), tr("Logs and window"), tr("Cache")};
  for (int i = 0; i < m_paths.size(); ++i) {
    m_paths[i].name->setText(names[i]);
    m_paths[i].open->setText(tr("Open folder"));
    m_paths[i].open->setAccessibleName(tr("Open folder: %1").arg(names[i]));
  }
  m_foldersLabel->setText(tr("Other folders with &models"));
  m_folders->setAccessibleName(tr("Other folders with models"));
  m_addFolder->setText(tr("&Add folder…"));
  m_removeFolder->setText(tr("&Remove from the list"));
  m_privacyText->setText(tr("Nothing leaves this computer. No account, no telemetry, no check for updates. Models run here, chats and "
                            "reports are kept in the folders above, and Rookery opens no network connection by itself."));
  m_aboutText->setText(tr("Rookery %1, free software under the GNU General Public License, version 3 or later.")
                           .arg(QString::fromLatin1(engine::versionString())));
  m_aboutButton->setText(tr("About Rookery"));
  fillChoices();
  fillDevices();
  fillFolders();
  binChanged();
}

void SettingsPage::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
  }
  QWidget::changeEvent(event);
}

}  // namespace rookery::app
