// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/prompt_text.h"

#include <QCoreApplication>

namespace rookery::app {
namespace {

constexpr qsizetype kMaxTitle = 48;

}  // namespace

std::string certainText(const Tokens& tokens, const engine::Tokenizer& tokenizer, bool stopTexts) {
  engine::Utf8Stream utf8;
  engine::StopScanner scanner(stopTexts ? engine::chatStopTexts() : std::vector<std::string>());
  std::string text;
  for (const engine::TokenId token : tokens) text += scanner.push(utf8.push(tokenizer.bytesOf(token)));
  return text;
}

QString titleFrom(const QString& message) {
  QString line = message.trimmed().section(u'\n', 0, 0).simplified();
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
