// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_link.h"

#include <algorithm>

#include "chat/markdown_entities.h"

namespace rookery::app {
namespace {

constexpr qsizetype kLongestTarget = 2'000;

bool isAsciiWord(QChar c) { return c.unicode() < 128 && c.isLetterOrNumber(); }

/// The scheme and the signs behind it; 0 if there is none that can be opened.
qsizetype schemeLength(QStringView text) {
  for (const QStringView scheme : {QStringView(u"https://"), QStringView(u"http://")}) {
    if (text.startsWith(scheme, Qt::CaseInsensitive)) return scheme.size();
  }
  return 0;
}

bool isAddressSign(QChar c) {
  return isAsciiWord(c) || QStringView(u"-._~:/?#@!$&'()*+,;=%").contains(c);
}

qsizetype skipBlanks(QStringView text, qsizetype at) {
  while (at < text.size() && text[at].isSpace()) ++at;
  return at;
}

}  // namespace

qsizetype addressLength(QStringView text, QChar before) {
  const qsizetype host = schemeLength(text);
  if (host == 0 || host >= text.size() || isAsciiWord(before)) return 0;
  qsizetype end = host;
  if (text[end] == u'[') {  // [::1]
    while (end < text.size() && (isAsciiWord(text[end]) || QStringView(u"[:.").contains(text[end]))) ++end;
    if (end >= text.size() || text[end] != u']') return 0;
    ++end;
  } else if (!isAsciiWord(text[end])) {
    return 0;
  }
  while (end < text.size()) {
    if (text[end] == u'*' && text.sliced(end).startsWith(u"**")) break;
    // Words of other scripts are part of an address only where they are expected: ?q=... and /wiki/...
    const bool foreign = text[end].isLetter() && text[end].unicode() > 127;
    if (!isAddressSign(text[end]) &&
        !(foreign && (text[end - 1] == u'=' || text.first(end).endsWith(u"/wiki/") || text[end - 1].unicode() > 127))) {
      break;
    }
    ++end;
  }
  // What ends the sentence, and a bracket that was opened before.
  qsizetype open = text.first(end).count(u')') - text.first(end).count(u'(');
  while (end > host) {
    const QChar last = text[end - 1];
    if (last == u')') {
      if (open <= 0) break;
      --open;
    } else if (!QStringView(u".,:;!?'*_~&").contains(last)) {
      break;
    }
    --end;
  }
  return end > host ? end : 0;
}

QString decodedAddress(QStringView written) {
  QString address;
  for (qsizetype i = 0; i < written.size();) {
    if (written[i] == u'&') {
      if (const auto entity = entityAt(written.sliced(i))) {
        address += entity->text;
        i += entity->size;
        continue;
      }
    }
    if (written[i] == u'\\' && i + 1 < written.size() && QStringView(u"()[]_*~&\\<>").contains(written[i + 1])) ++i;
    address += written[i++];
  }
  return address;
}

std::optional<LinkTarget> targetAt(QStringView text) {
  if (!text.startsWith(u'(')) return std::nullopt;
  text = text.first(std::min(text.size(), kLongestTarget));
  qsizetype begin = skipBlanks(text, 1), end = begin;
  QStringView address;
  if (begin < text.size() && text[begin] == u'<') {
    end = text.indexOf(u'>', begin);
    if (end < 0) return std::nullopt;
    address = text.sliced(begin + 1, end - begin - 1);
    ++end;
  } else {
    int depth = 0;
    for (; end < text.size() && !text[end].isSpace(); ++end) {
      if (text[end] == u'\\' && end + 1 < text.size()) ++end;
      else if (text[end] == u'(') ++depth;
      else if (text[end] == u')' && --depth < 0) break;
    }
    end = std::min(end, text.size());
    address = text.sliced(begin, end - begin);
  }
  if (schemeLength(address) == 0 && !address.startsWith(u"mailto:")) return std::nullopt;
  if (address.contains(u'\n') || address.size() <= schemeLength(address)) return std::nullopt;
  LinkTarget target{decodedAddress(address), {}, 0};
  qsizetype close = skipBlanks(text, end);
  if (close > end && close < text.size() && QStringView(u"\"'").contains(text[close])) {
    const qsizetype quote = text.indexOf(text[close], close + 1);
    if (quote < 0) return std::nullopt;
    target.title = text.sliced(close + 1, quote - close - 1).toString();
    close = skipBlanks(text, quote + 1);
  }
  if (close >= text.size() || text[close] != u')') return std::nullopt;
  target.size = close + 1;
  return target;
}

}  // namespace rookery::app
