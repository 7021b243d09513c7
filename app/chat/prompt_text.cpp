// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/prompt_text.h"

#include <QCoreApplication>
#include <QRegularExpression>
#include <algorithm>
#include <limits>

namespace rookery::app {
namespace {

constexpr qsizetype kMaxTitle = 48;
constexpr qsizetype kTitleHead = 2000;  // characters in which the first line is looked for: a message may be of any length
constexpr int kWorldVocabulary = 65'536;
constexpr std::size_t kAnswerStartTokens = 32 + engine::kMaxRoleName;  // more than "\n\nAssistant: <think>\n</think" has in any vocabulary

}  // namespace

std::vector<std::string> stopTextsOf(const AnswerRules& rules, bool usual) {
  std::vector<std::string> texts;
  if (usual) texts = engine::chatStopTexts(rules.roles);
  for (const QString& text : rules.stopTexts) texts.push_back(text.toStdString());
  return texts;
}

int limitFor(const AnswerRules& rules, std::size_t tokens) {
  if (rules.maxTokens <= 0) return 0;
  const auto most = static_cast<std::size_t>(rules.maxTokens);
  return static_cast<int>(std::min<std::size_t>((tokens / most + 1) * most, std::numeric_limits<int>::max()));
}

std::string certainText(const Tokens& tokens, const engine::Tokenizer& tokenizer, std::vector<std::string> stopTexts) {
  engine::Utf8Stream utf8;
  engine::StopScanner scanner(std::move(stopTexts));
  std::string text;
  for (const engine::TokenId token : tokens) text += scanner.push(utf8.push(tokenizer.bytesOf(token)));
  return text;
}

engine::Thinking thinkingFor(const LoadedModel& model) {
  static const QRegularExpression official(QStringLiteral("(?:^|[-_. ])g[01][a-z]?\\d?(?:[-_. ]|$)"), QRegularExpression::CaseInsensitiveOption);
  const bool thinks = !model.isGuide && engine::isRwkv7(model.info.shape.version) &&
                      model.info.shape.vocab == kWorldVocabulary &&
                      (official.match(model.name).hasMatch() || official.match(QString::fromStdString(model.info.name)).hasMatch());
  return thinks ? engine::Thinking::Fast : engine::Thinking::Auto;
}

std::string begunAnswer(const Tokens& prompt, const engine::Tokenizer& tokenizer, const engine::RoleNames& roles) {
  std::string end;
  for (std::size_t i = prompt.size() - std::min(prompt.size(), kAnswerStartTokens); i < prompt.size(); ++i) end += tokenizer.bytesOf(prompt[i]);
  const std::string role = "\n\n" + roles.assistant + ":";
  const std::size_t at = end.rfind(role);
  const std::size_t tag = at == std::string::npos ? at : end.find_first_not_of(' ', at + role.size());
  return tag == std::string::npos ? std::string() : end.substr(tag);
}

QString titleFrom(const QString& message) {
  QString line = QStringView(message).left(kTitleHead).toString().trimmed().section(u'\n', 0, 0).simplified();
  for (qsizetype i = 1; i < line.size(); ++i) {
    const bool end = QStringView(u".?!。？！").contains(line[i]);
    if (end && (i + 1 == line.size() || line[i + 1].isSpace() || line[i].unicode() > 0x7f)) {
      line.truncate(line[i] == u'.' ? i : i + 1);
      break;
    }
  }
  if (line.size() > kMaxTitle) {
    const qsizetype space = line.lastIndexOf(u' ', kMaxTitle);
    line = line.left(space > kMaxTitle / 2 ? space : kMaxTitle) + u'…';
  }
  return line.isEmpty() ? QCoreApplication::translate("Conversation", "New chat") : line;
}

}  // namespace rookery::app
