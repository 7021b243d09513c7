// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/records.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtEndian>
#include <algorithm>
#include <xxhash.h>

namespace rookery::app {
namespace {

const std::pair<engine::Thinking, QLatin1String> kThinkingWords[] = {
    {engine::Thinking::Auto, QLatin1String("plain")},
    {engine::Thinking::Fast, QLatin1String("fast")},
    {engine::Thinking::On, QLatin1String("think")},
};
const QLatin1String kThinkingKey("thinking"), kMaxTokensKey("maxTokens"), kUserKey("userRole"),
    kAssistantKey("assistantRole"), kStopKey("stopTexts"), kSystemKey("systemSince");

}  // namespace

QByteArray packTokens(const Tokens& tokens) {
  QByteArray bytes(static_cast<qsizetype>(tokens.size() * sizeof(quint32)), Qt::Uninitialized);
  if (tokens.empty()) return bytes;  // no data() to copy from
  qToLittleEndian<quint32>(tokens.data(), static_cast<qsizetype>(tokens.size()), bytes.data());
  return bytes;
}

Tokens unpackTokens(const QByteArray& bytes) {
  Tokens tokens(static_cast<std::size_t>(bytes.size()) / sizeof(quint32));
  if (tokens.empty()) return tokens;
  qFromLittleEndian<quint32>(bytes.constData(), static_cast<qsizetype>(tokens.size()), tokens.data());
  return tokens;
}

QString packSampling(const engine::SamplerSettings& s, const AnswerRules& rules,
                     std::optional<engine::Thinking> thinking, qint64 systemSince) {
  QJsonObject object{{QStringLiteral("temperature"), s.temperature}, {QStringLiteral("topP"), s.topP},
                           {QStringLiteral("topK"), s.topK}, {QStringLiteral("presence"), s.presencePenalty},
                           {QStringLiteral("frequency"), s.frequencyPenalty}, {QStringLiteral("decay"), s.penaltyDecay}};
  if (thinking) object.insert(kThinkingKey, thinkingWord(thinking));
  if (systemSince > 0) object.insert(kSystemKey, systemSince);
  const AnswerRules usual;
  if (rules.maxTokens != usual.maxTokens) object.insert(kMaxTokensKey, rules.maxTokens);
  if (rules.roles.user != usual.roles.user) object.insert(kUserKey, QString::fromStdString(rules.roles.user));
  if (rules.roles.assistant != usual.roles.assistant) object.insert(kAssistantKey, QString::fromStdString(rules.roles.assistant));
  if (!rules.stopTexts.isEmpty()) object.insert(kStopKey, QJsonArray::fromStringList(rules.stopTexts));
  return QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

engine::SamplerSettings unpackSampling(const QString& json) {
  const QJsonObject object = QJsonDocument::fromJson(json.toUtf8()).object();
  engine::SamplerSettings s;
  const auto read = [&object](const QString& key, float& value) {
    value = static_cast<float>(object.value(key).toDouble(static_cast<double>(value)));
  };
  read(QStringLiteral("temperature"), s.temperature);
  read(QStringLiteral("topP"), s.topP);
  s.topK = object.value(QStringLiteral("topK")).toInt(s.topK);
  read(QStringLiteral("presence"), s.presencePenalty);
  read(QStringLiteral("frequency"), s.frequencyPenalty);
  read(QStringLiteral("decay"), s.penaltyDecay);
  return s;
}

AnswerRules unpackRules(const QString& json) {
  const QJsonObject object = QJsonDocument::fromJson(json.toUtf8()).object();
  AnswerRules rules;
  rules.maxTokens = std::max(0, object.value(kMaxTokensKey).toInt(rules.maxTokens));
  const auto name = [&object](QLatin1String key, std::string& role) {
    const std::string found = object.value(key).toString().toStdString();
    if (engine::isRoleName(found)) role = found;
  };
  name(kUserKey, rules.roles.user);
  name(kAssistantKey, rules.roles.assistant);
  const QJsonArray stopTexts = object.value(kStopKey).toArray();
  for (const QJsonValue& value : stopTexts) {
    const QString text = value.toString();
    if (!text.isEmpty() && text.size() <= AnswerRules::kMaxStopText && rules.stopTexts.size() < AnswerRules::kMaxStopTexts) rules.stopTexts << text;
  }
  return rules;
}

std::optional<engine::Thinking> unpackThinking(const QString& json) {
  return thinkingFrom(QJsonDocument::fromJson(json.toUtf8()).object().value(kThinkingKey).toString());
}

qint64 unpackSystemSince(const QString& json) {
  return std::max<qint64>(0, QJsonDocument::fromJson(json.toUtf8()).object().value(kSystemKey).toInteger());
}

QString thinkingWord(std::optional<engine::Thinking> thinking) {
  for (const auto& [value, word] : kThinkingWords) {
    if (thinking == value) return word;
  }
  return {};
}

std::optional<engine::Thinking> thinkingFrom(const QString& word) {
  for (const auto& [value, name] : kThinkingWords) {
    if (word == name) return value;
  }
  return std::nullopt;
}

std::uint64_t chainHash(std::uint64_t hash, const engine::TokenId* tokens, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const quint32 little = qToLittleEndian(tokens[i]);
    hash = XXH3_64bits_withSeed(&little, sizeof little, hash);
  }
  return hash;
}

}  // namespace rookery::app
