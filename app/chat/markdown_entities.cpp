// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_entities.h"

#include <array>

#include "support/plain_text.h"

namespace rookery::app {
namespace {

struct Named {
  QStringView name;
  char16_t character;
};

constexpr std::array kNamed{
    Named{u"amp", u'&'},       Named{u"lt", u'<'},        Named{u"gt", u'>'},        Named{u"quot", u'"'},
    Named{u"apos", u'\''},     Named{u"nbsp", 0x00A0},    Named{u"ensp", 0x2002},    Named{u"emsp", 0x2003},
    Named{u"thinsp", 0x2009},  Named{u"hellip", 0x2026},  Named{u"ndash", 0x2013},   Named{u"mdash", 0x2014},
    Named{u"lsquo", 0x2018},   Named{u"rsquo", 0x2019},   Named{u"ldquo", 0x201C},   Named{u"rdquo", 0x201D},
    Named{u"laquo", 0x00AB},   Named{u"raquo", 0x00BB},   Named{u"bull", 0x2022},    Named{u"middot", 0x00B7},
    Named{u"copy", 0x00A9},    Named{u"reg", 0x00AE},     Named{u"trade", 0x2122},   Named{u"deg", 0x00B0},
    Named{u"times", 0x00D7},   Named{u"divide", 0x00F7},  Named{u"minus", 0x2212},   Named{u"plusmn", 0x00B1},
    Named{u"frac12", 0x00BD},  Named{u"sup2", 0x00B2},    Named{u"sup3", 0x00B3},    Named{u"ne", 0x2260},
    Named{u"le", 0x2264},      Named{u"ge", 0x2265},      Named{u"larr", 0x2190},    Named{u"rarr", 0x2192},
    Named{u"uarr", 0x2191},    Named{u"darr", 0x2193},    Named{u"rArr", 0x21D2},    Named{u"infin", 0x221E},
    Named{u"euro", 0x20AC},    Named{u"pound", 0x00A3},   Named{u"yen", 0x00A5},     Named{u"cent", 0x00A2},
    Named{u"sect", 0x00A7},    Named{u"para", 0x00B6},    Named{u"check", 0x2713},   Named{u"micro", 0x00B5},
};

constexpr qsizetype kLongest = 10;

std::optional<QString> numbered(QStringView digits) {
  const bool hex = digits.startsWith(u'x') || digits.startsWith(u'X');
  bool ok = false;
  const uint code = digits.sliced(hex ? 1 : 0).toUInt(&ok, hex ? 16 : 10);
  const bool shown = ok && code <= QChar::LastValidCodePoint && !QChar::isSurrogate(code) && !QChar::isNonCharacter(code) &&
                     QChar::category(code) != QChar::Other_Control && !turnsDirection(code) && code != QChar::LineSeparator && code != QChar::ParagraphSeparator;
  if (!shown) return std::nullopt;
  const char32_t character = code;
  return QString::fromUcs4(&character, 1);
}

}  // namespace

std::optional<Entity> entityAt(QStringView text) {
  const qsizetype end = text.first(std::min(text.size(), kLongest)).indexOf(u';');
  if (end < 3 || text.front() != u'&') return std::nullopt;
  const QStringView name = text.sliced(1, end - 1);
  if (name.front() == u'#') {
    if (auto character = numbered(name.sliced(1))) return Entity{*character, end + 1};
    return std::nullopt;
  }
  for (const Named& entity : kNamed) {
    if (entity.name == name) return Entity{QString(QChar(entity.character)), end + 1};
  }
  return std::nullopt;
}

}  // namespace rookery::app
