// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings/settings.h"

#include <QDir>
#include <QRegularExpression>

namespace rookery::app {

namespace {
constexpr int kSettingsVersion = 1;
constexpr auto kVersion = "settings/version";
constexpr auto kLanguage = "ui/language";
constexpr auto kTheme = "ui/theme";
constexpr auto kThreads = "compute/threads";
constexpr auto kDevice = "compute/device";
constexpr auto kDeviceName = "compute/deviceName";
constexpr auto kModelFolders = "models/folders";
constexpr auto kModelFiles = "models/files";
constexpr auto kVocabularies = "models/vocabularies";  // model, vocabulary, model, vocabulary, ...
constexpr auto kMemoryBudget = "chat/memoryBudget";
constexpr qint64 kDefaultBudget = 2'000'000'000, kSmallestBudget = 100'000'000, kLargestBudget = 1'000'000'000'000;
constexpr auto kLastModel = "models/last";
constexpr auto kLastStrategy = "models/lastStrategy";
constexpr auto kUnfinishedLoad = "load/unfinishedDevice";
constexpr auto kUnfinishedLoadName = "load/unfinishedDeviceName";
constexpr auto kUnfinishedChat = "start/unfinishedChat";
constexpr auto kExportFolder = "bench/exportFolder";
constexpr auto kWindowGeometry = "window/geometry";
constexpr auto kChatListShown = "window/chatList";
constexpr auto kLongestAnswer = "answers/longest";
constexpr auto kUserRole = "answers/userRole";
constexpr auto kAssistantRole = "answers/assistantRole";
constexpr auto kStopTexts = "answers/stopTexts";
constexpr auto kThinking = "answers/thinking";
constexpr int kMaxThreads = 1024;

QString themeName(ThemeChoice choice) {
  switch (choice) {
    case ThemeChoice::Light: return QStringLiteral("light");
    case ThemeChoice::Dark: return QStringLiteral("dark");
    case ThemeChoice::System: break;
  }
  return QStringLiteral("system");
}
/// A float as a person would write it ("0.3"), not as its nearest double.
QString readable(float value) { return QString::number(static_cast<double>(value), 'g', 7); }

DeviceChoice readDevice(const QSettings& store, const char* idKey, const char* nameKey) {
  static const QRegularExpression known(QStringLiteral("^(cpu|(cuda|vulkan):[0-9]{1,3})$"));
  const QString id = store.value(QLatin1String(idKey)).toString();
  // The CPU, until the Vulkan backend has run on real cards; an empty choice would take the first of them.
  if (!known.match(id).hasMatch()) return cpuChoice();
  return {id, store.value(QLatin1String(nameKey)).toString()};
}
}  // namespace

Settings::Settings(const Paths& paths, QObject* parent)
    : QObject(parent),
      m_paths(paths),
      m_store(std::make_unique<QSettings>(paths.settingsFile(), QSettings::IniFormat)),
      m_state(std::make_unique<QSettings>(QDir(paths.state).filePath(QStringLiteral("window.ini")), QSettings::IniFormat)) {
  if (!m_store->contains(QLatin1String(kVersion))) {
    m_store->setValue(QLatin1String(kVersion), kSettingsVersion);
  }
}

Settings::~Settings() = default;

QString Settings::language() const { return m_store->value(QLatin1String(kLanguage)).toString(); }

void Settings::setLanguage(const QString& code) {
  if (code != language()) {
    m_store->setValue(QLatin1String(kLanguage), code);
    Q_EMIT languageChanged(code);
  }
}

ThemeChoice Settings::theme() const {
  const QString name = m_store->value(QLatin1String(kTheme)).toString();
  return name == themeName(ThemeChoice::Dark)    ? ThemeChoice::Dark
         : name == themeName(ThemeChoice::Light) ? ThemeChoice::Light
                                                 : ThemeChoice::System;
}

void Settings::setTheme(ThemeChoice choice) {
  if (choice != theme()) {
    m_store->setValue(QLatin1String(kTheme), themeName(choice));
    Q_EMIT themeChanged(choice);
  }
}

int Settings::threads() const { return qBound(0, m_store->value(QLatin1String(kThreads), 0).toInt(), kMaxThreads); }

void Settings::setThreads(int threads) {
  if (threads != this->threads()) {
    m_store->setValue(QLatin1String(kThreads), threads);
    Q_EMIT threadsChanged(threads);
  }
}

DeviceChoice Settings::device() const { return readDevice(*m_store, kDevice, kDeviceName); }

void Settings::setDevice(const DeviceChoice& choice) {
  if (choice != device()) {
    m_store->setValue(QLatin1String(kDevice), choice.id);
    m_store->setValue(QLatin1String(kDeviceName), choice.name);
    Q_EMIT deviceChanged();
  }
}

QStringList Settings::modelFolders() const { return m_store->value(QLatin1String(kModelFolders)).toStringList(); }

void Settings::setModelFolders(const QStringList& folders) {
  if (folders != modelFolders()) {
    m_store->setValue(QLatin1String(kModelFolders), folders);
    Q_EMIT modelFoldersChanged();
  }
}

QStringList Settings::allModelFolders() const {
  QStringList all{modelsFolder()};
  all += modelFolders();
  all.removeDuplicates();
  return all;
}

QStringList Settings::modelFiles() const { return m_store->value(QLatin1String(kModelFiles)).toStringList(); }

void Settings::addModelFile(const QString& path) {
  auto files = modelFiles();
  if (!files.contains(path)) {
    files.prepend(path);
    m_store->setValue(QLatin1String(kModelFiles), files);
  }
}

void Settings::removeModelFile(const QString& path) {
  auto files = modelFiles();
  if (files.removeAll(path) > 0) {
    m_store->setValue(QLatin1String(kModelFiles), files);
  }
}

QHash<QString, QString> Settings::vocabularies() const {
  const auto pairs = m_store->value(QLatin1String(kVocabularies)).toStringList();
  QHash<QString, QString> found;
  for (qsizetype i = 0; i + 1 < pairs.size(); i += 2) {
    found.insert(pairs[i], pairs[i + 1]);
  }
  return found;
}

QString Settings::vocabularyFor(const QString& modelPath) const { return vocabularies().value(modelPath); }

void Settings::setVocabularyFor(const QString& modelPath, const QString& vocabulary) {
  auto known = vocabularies();
  vocabulary.isEmpty() ? (void)known.remove(modelPath) : (void)known.insert(modelPath, vocabulary);
  QStringList pairs;
  for (auto it = known.cbegin(); it != known.cend(); ++it) {
    pairs << it.key() << it.value();
  }
  m_store->setValue(QLatin1String(kVocabularies), pairs);
}

qint64 Settings::memoryBudget() const {
  return qBound(kSmallestBudget, m_store->value(QLatin1String(kMemoryBudget), kDefaultBudget).toLongLong(), kLargestBudget);
}

void Settings::setMemoryBudget(qint64 bytes) {
  if (bytes != memoryBudget()) {
    m_store->setValue(QLatin1String(kMemoryBudget), bytes);
    Q_EMIT memoryBudgetChanged(memoryBudget());
  }
}

QString Settings::lastModel() const { return m_store->value(QLatin1String(kLastModel)).toString(); }
void Settings::setLastModel(const QString& path) { m_store->setValue(QLatin1String(kLastModel), path); }

QString Settings::lastStrategy() const { return m_store->value(QLatin1String(kLastStrategy)).toString(); }
void Settings::setLastStrategy(const QString& strategy) { m_store->setValue(QLatin1String(kLastStrategy), strategy); }

DeviceChoice Settings::unfinishedLoad() const { return readDevice(*m_state, kUnfinishedLoad, kUnfinishedLoadName); }

void Settings::setUnfinishedLoad(const DeviceChoice& device) {
  m_state->setValue(QLatin1String(kUnfinishedLoad), device.id);
  m_state->setValue(QLatin1String(kUnfinishedLoadName), device.name);
  m_state->sync();  // what comes next may be the end of the program, or of the whole system
}

qint64 Settings::unfinishedChat() const { return m_state->value(QLatin1String(kUnfinishedChat)).toLongLong(); }

void Settings::setUnfinishedChat(qint64 conversation) {
  m_state->setValue(QLatin1String(kUnfinishedChat), conversation);
  m_state->sync();
}

engine::SamplerSettings Settings::sampler() const {
  engine::SamplerSettings s;
  s.temperature = qBound(0.0F, m_store->value(QStringLiteral("sampler/temperature"), s.temperature).toFloat(), 5.0F);
  s.topP = qBound(0.0F, m_store->value(QStringLiteral("sampler/topP"), s.topP).toFloat(), 1.0F);
  s.topK = qMax(0, m_store->value(QStringLiteral("sampler/topK"), s.topK).toInt());
  s.presencePenalty = m_store->value(QStringLiteral("sampler/presencePenalty"), s.presencePenalty).toFloat();
  s.frequencyPenalty = m_store->value(QStringLiteral("sampler/frequencyPenalty"), s.frequencyPenalty).toFloat();
  s.penaltyDecay = qBound(0.0F, m_store->value(QStringLiteral("sampler/penaltyDecay"), s.penaltyDecay).toFloat(), 1.0F);
  return s;
}

void Settings::setSampler(const engine::SamplerSettings& s) {
  if (s == sampler()) {
    return;
  }
  m_store->setValue(QStringLiteral("sampler/temperature"), readable(s.temperature));
  m_store->setValue(QStringLiteral("sampler/topP"), readable(s.topP));
  m_store->setValue(QStringLiteral("sampler/topK"), s.topK);
  m_store->setValue(QStringLiteral("sampler/presencePenalty"), readable(s.presencePenalty));
  m_store->setValue(QStringLiteral("sampler/frequencyPenalty"), readable(s.frequencyPenalty));
  m_store->setValue(QStringLiteral("sampler/penaltyDecay"), readable(s.penaltyDecay));
  Q_EMIT answerDefaultsChanged();
}

AnswerRules Settings::answerRules() const {
  AnswerRules rules;
  rules.maxTokens = qMax(0, m_store->value(QLatin1String(kLongestAnswer), rules.maxTokens).toInt());
  const auto read = [this](const char* key, std::string& role) {
    const std::string name = m_store->value(QLatin1String(key)).toString().toStdString();
    if (engine::isRoleName(name)) role = name;
  };
  read(kUserRole, rules.roles.user);
  read(kAssistantRole, rules.roles.assistant);
  const QStringList stopTexts = m_store->value(QLatin1String(kStopTexts)).toStringList();
  for (const QString& text : stopTexts) {
    if (!text.isEmpty() && text.size() <= AnswerRules::kMaxStopText &&
        rules.stopTexts.size() < AnswerRules::kMaxStopTexts) {
      rules.stopTexts << text;
    }
  }
  return rules;
}

void Settings::setAnswerRules(const AnswerRules& rules) {
  if (rules == answerRules()) {
    return;
  }
  m_store->setValue(QLatin1String(kLongestAnswer), rules.maxTokens);
  m_store->setValue(QLatin1String(kUserRole), QString::fromStdString(rules.roles.user));
  m_store->setValue(QLatin1String(kAssistantRole), QString::fromStdString(rules.roles.assistant));
  m_store->setValue(QLatin1String(kStopTexts), rules.stopTexts);
  Q_EMIT answerDefaultsChanged();
}

std::optional<engine::Thinking> Settings::thinking() const {
  return thinkingFrom(m_store->value(QLatin1String(kThinking)).toString());
}

void Settings::setThinking(std::optional<engine::Thinking> thinking) {
  if (thinking == this->thinking()) {
    return;
  }
  m_store->setValue(QLatin1String(kThinking), thinkingWord(thinking));
  Q_EMIT answerDefaultsChanged();
}

QString Settings::exportFolder() const { return m_state->value(QLatin1String(kExportFolder)).toString(); }
void Settings::setExportFolder(const QString& folder) { m_state->setValue(QLatin1String(kExportFolder), folder); }

QByteArray Settings::windowGeometry() const { return m_state->value(QLatin1String(kWindowGeometry)).toByteArray(); }
void Settings::setWindowGeometry(const QByteArray& geometry) { m_state->setValue(QLatin1String(kWindowGeometry), geometry); }

bool Settings::chatListShown() const { return m_state->value(QLatin1String(kChatListShown), true).toBool(); }
void Settings::setChatListShown(bool shown) { m_state->setValue(QLatin1String(kChatListShown), shown); }

QString Settings::modelsFolder() const { return QDir(m_paths.data).filePath(QStringLiteral("models")); }
QString Settings::reportsFolder() const { return QDir(m_paths.data).filePath(QStringLiteral("reports")); }

}  // namespace rookery::app
