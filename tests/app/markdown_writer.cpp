// SPDX-License-Identifier: GPL-3.0-or-later
#include "markdown_writer.h"

namespace rookery::app::test {
namespace {

Written same(const QString& text) { return {text, text}; }
QString u8(const char* text) { return QString::fromUtf8(text); }

QStringList lines(const char* text) { return u8(text).split(u'\n', Qt::SkipEmptyParts); }

const QStringList& english() {
  static const QStringList list = u8(
      "raven nest state model token window answer river stone quiet morning light paper early number table letter winter "
      "garden music north seven better simple under after because almost memory speed prompt layer weight engine chart "
      "Tuesday London Alice I you they don't it's well-known re-read e.g. however, indeed; (maybe) \"quoted\" naïve café Straße").split(u' ');
  return list;
}
const QStringList& chinese() {
  static const QStringList list = u8(
      "乌鸦 巢穴 状态 模型 窗口 回答 河流 石头 安静 早晨 光线 纸张 数字 表格 字母 冬天 花园 音乐 北方 更好 简单 因为 几乎 记忆 速度 提示 "
      "图层 权重 引擎 图表 星期二 北京 我们 他们 “引用” （可能） 例如： 但是， 其实； 《书名》 第一章 什么？ 真的！ 请注意。 首先、 其次… —— 日本語 カタカナ 한국어").split(u' ');
  return list;
}

/// Each of these is shown exactly as it is written.
const QStringList& literals() {
  static const QStringList list = lines(R"(2*3*4 = 24
8547*47854*744574*4
a*b*c
n*(n+1)*(2n+1)/6
2**10 = 1024
x**2 + y**2
5 * 3 * 2
3 x 4 = 12
12*x-3*y
1~2
2~3次
5~7天
10~20 km and 30~40 km
H~2~O
~/notes and ~/bin
≈~5
__init__.py
__name__
__FILE__
snake_case_names
_private_name
self._value_1
max_tokens_per_second
MAX_SIZE_T
*.txt
*.cpp and *.h
"*.py" and "*.js"
src/*.h,src/*.cpp
lib/**/x
C:\_temp\(old)\*.txt
C:\Users\name\_cache_\
\\server\share\a_b_c
D:\data\*.*
\{1, 2\}
a\\b
\n and \t
\d+\.\d*
\alpha + \beta_1
[1, 2)
[a, b]
x[i][j]
f[i](x)
a[0] = b[1]
[1]
[^2]
[manual][1]
(see [3])
[x](y)
[docs](docs/a.md)
![local](a.png)
$5 and $10
$HOME and $PATH
US$3
$1,000.50
100 $
$x
a $ b
<b>
</div>
<br>
<T>
vector<int>
x < y > z
x <= y
a & b
AT&T
R&D;
&NotEqual;
&lbrace;
&Tab;
&foo;
C#
C++
#tag
#1
@name
a@b.org
50%
1,234.56
-5
+7
±3
3.14e-10
1/2
10:30
2023-11-05
1. 
(1)
1)
i.e.
^_^
:-)
T_T
¯\_(ツ)_/¯
*
**
_
~
~~
|
||
a|b
|x|
!
!!
...
--
---x
=
==
=>
->
<-
>=
!=
&&
©
🐦
👩‍💻
🇨🇳
e = mc²
H₂O
½
“
”
½*½
if (a[i] * b[j] > 0)
w0 * x0 + w1 * x1
rm -rf *
SELECT * FROM t
****
\
\\
C:\
www.example.org
ftp://example.org/x
http://
https:// 
file:///etc/hosts)");
  return list;
}

/// Signs that could begin a span, and signs that could end one: a text with both would really be unclear.
const QStringList& openings() {
  static const QStringList list = lines("f(*args, **kwargs)\nint *p\n*note\n**warning\n(*this\nchar **argv\n[*] x\n~~struck\n_unclosed phrase\n__unclosed phrase\n[open\n![open\n`\n``\n$x_1");
  return list;
}
const QStringList& closings() {
  static const QStringList list = lines("note*\n5*\n(*^_^*)\nf***\n/usr/lib/*_test_*\nyear**\nclosed~~\nid_\nx]\n](y)\n`\nx_1$");
  return list;
}

const QStringList& addresses() {
  static const QStringList list = lines(R"(https://example.org
https://example.org/a_b_c
http://localhost:8080
http://localhost:8080/x?a=1
https://example.org/wiki/A_(b)
https://example.org/?q=1&r=2
https://example.org/~user/
https://a-b.example.org/x%20y#z
http://127.0.0.1:11434/api)");
  return list;
}

const QStringList& formulas() {
  static const QStringList list = lines(R"($x$
$x_1 * y_2 * z$
$a_i*b_i*c_i$
$\frac{a}{b}$
$|x|$
$E = mc^2$
$[0, 1)$
$\alpha_{1}~\beta_{2}$
$$x_1 + x_2$$
$$\sum_{i=1}^{n} i*i*i$$
\(x_1*y_2\)
\(\_a\_\)
\[ \int_0^1 x_2*y_2*z dx \]
\[a*b*c\])");
  return list;
}

struct Source {
  const char *language, *text;
};
const Source kSources[] = {
    {"cpp", "int main() {\n  int *p = &a[0], *q = p;\n  return *p * *q; // **not bold**\n}"},
    {"c", "#include <stdio.h>\n#define X(a) a##_t\nchar c = '\\n';\nwhile (*s++ = *t++);"},
    {"python", "def f(*args, **kwargs):\n    __name__ = 'x'\n\n    return 2 ** 10 * 3  # a comment\n"},
    {"js", "const f = (a) => `${a}*${a}`;\n// - no list\n[1, 2].map(x => x * 2);"},
    {"rust", "fn f<'a>(x: &'a str) -> Option<&'a str> {\n    let y = *x;\n    Some(x)\n}"},
    {"bash", "for f in *.txt; do\n  echo \"$f\" | sed 's/\\*/_/g' >> $HOME/x_y_z\ndone\n# comment"},
    {"sql", "SELECT * FROM a_b_c WHERE x <> 'y' -- comment\nAND z LIKE '%_\\_%';"},
    {"html", "<table>\n  <tr><td>&nbsp;*a*</td></tr>\n</table>"},
    {"md", "# title\n\n- item\n| a | b |\n|-|-|\n| 1 | 2 |\n[1]: https://example.org\n---\n> q\n1. x\n\\[ y \\]\n$$\nz\n$$"},
    {"make", "all: a.o b.o\n\t$(CC) -o $@ $^\n\n%.o: %.c\n\t@echo __$*__"},
    {"", "plain text ~~~ with * signs\n    indented\n\ttab\n中文 **注释**"},
    {"json", "{\"a\": [1, 2], \"b_c_d\": \"\\u00e9\\\\\"}"},
};

}  // namespace

QString MarkdownWriter::word() {
  const bool han = m_language == Language::Chinese || (m_language == Language::Mixed && chance(50));
  return one(han ? chinese() : english());
}

Written MarkdownWriter::words(int count) {
  Written out;
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += same(m_language == Language::Chinese ? QString() : QStringLiteral(" "));
    out += same(word());
  }
  return out;
}

Written MarkdownWriter::literal() {
  if (m_signs != Signs::Spans && chance(30)) return same(one(m_signs == Signs::Openings ? openings() : closings()));
  return same(one(literals()));
}

Written MarkdownWriter::span() {
  if (m_signs != Signs::Spans) return same(one(addresses()));
  const Written inside = words(1 + below(3));
  const QString address = one(addresses());
  switch (below(16)) {
    case 0: case 1: case 2: return {u"**" + inside.said + u"**", inside.shown};
    case 3: return {u"*" + inside.said + u"*", inside.shown};
    case 4: return {u"~~" + inside.said + u"~~", inside.shown};
    case 5: return {u"***" + inside.said + u"***", inside.shown};
    case 6: {
      const QString code = one(lines("x\na*b*c\n__init__\n**kwargs\nC:\\a\\_b\n&amp;\n<b>\n[a](b)\n$x$\n~~x~~\na | b\nhttps://example.org\n\\(x\\)"));
      return {u"`" + code + u"`", code};
    }
    case 7: return {QStringLiteral("``a ` b``"), QStringLiteral("a`b")};
    case 8: return {u"[" + inside.said + u"](" + address + u")", inside.shown};
    case 9: return {u"![" + inside.said + u"](" + address + u" \"a title\")", inside.shown};
    case 10: return {u"<" + address + u">", address};
    case 11: return same(address);
    case 12: return same(one(formulas()));
    case 13: {
      const QStringList entity = one(lines("&amp; &\n&lt; <\n&gt; >\n&quot; \"\n&#65; A\n&#x4e2d; 中\n&hellip; …\n&times; ×")).split(u' ');
      return {entity[0], entity[1]};
    }
    case 14: {
      const QStringList escaped = one(lines("\\* *\nsnake\\_case snake_case\n\\$5 $5\n\\` `\n2\\*3\\*4 2*3*4")).split(u' ');
      return {escaped[0], escaped[1]};
    }
    default: return {u"**`" + QStringLiteral("x_y") + u"`**", QStringLiteral("x_y")};
  }
}

Written MarkdownWriter::sentence(int count) {
  Written out = words(1);  // so that no line begins with a sign by chance
  bool latin = true;
  for (int i = 0; i < count; ++i) {
    const int kind = below(100);
    // In Chinese a span stands between the words without a blank.
    const bool close = m_language == Language::Chinese && kind >= 80;
    const Written next = kind < 60 ? words(1 + below(3)) : kind < 80 ? literal() : span();
    const bool glued = close && !next.said.startsWith(u'<') && !next.said.startsWith(u'$') && !next.said.startsWith(u'\\') &&
                       !next.said.startsWith(u'&') && !next.said.startsWith(u's') && !next.said.startsWith(u'2') &&
                       !next.said.startsWith(u'h') && latin;
    out += same(glued ? QString() : QStringLiteral(" "));
    out += next;
    latin = kind < 60;
    if (glued) out += same(one(chinese()));
  }
  return out;
}

Written MarkdownWriter::paragraph() {
  Written out;
  const int count = 1 + below(4);
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += same(QStringLiteral("\n"));
    out += sentence(2 + below(5));
  }
  return out;
}

Written MarkdownWriter::heading() {
  Written title = words(2 + below(3));
  if (chance(20)) return same(QStringLiteral("#") + title.said);
  if (chance(20)) return {title.said + u"\n" + QString(title.said.size(), u'='), title.shown};
  if (chance(30)) {
    title += same(QStringLiteral(" "));
    title += span();
  }
  return {QString(1 + below(6), u'#') + u' ' + title.said + (chance(10) ? u" #" : u""), title.shown};
}

Written MarkdownWriter::items(int depth, const QString& indent) {
  Written out;
  const int count = 1 + below(4);
  const bool ordered = chance(50);
  int number = depth > 0 || chance(70) ? 1 : below(2100);  // only 1 begins a list directly under text
  const QString sign = ordered ? one({QStringLiteral("."), QStringLiteral(")")}) : one({QStringLiteral("-"), QStringLiteral("*"), QStringLiteral("+")});
  for (int i = 0; i < count; ++i) {
    QString mark = sign, shown = sign == u"+" ? sign : depth % 2 == 0 ? u8("•") : u8("◦");
    if (ordered) {
      mark = QString::number(number) + sign;
      if (chance(10) && (depth == 0 || i > 0)) mark.prepend(u'0');
      shown = mark;
      number += chance(80) ? 1 : below(50);
    }
    out += {indent + mark + u' ', shown};
    const QString inside = indent + QString(mark.size() + 1, u' ');
    if (!ordered && sign != u"+" && chance(15)) {
      const bool done = chance(50);
      out.said += done ? u"[x] " : u"[ ] ";
      out.shown.chop(1);
      out.shown += done ? u8("☑") : u8("☐");
    }
    if (!ordered && sign != u"+" && out.said.back() == u' ' && out.said[out.said.size() - 2] != u']' && chance(10)) {
      out.shown.chop(1);
      out.shown += sign + QStringLiteral("5 apples");  // looks like a sum: its sign stays
      out.said += QStringLiteral("5 apples");
    } else {
      out += sentence(1 + below(3));
    }
    if (chance(15)) out += {u"\n" + inside + QStringLiteral("more text"), QStringLiteral("more text")};
    out += same(QStringLiteral("\n"));
    if (depth < 2 && chance(25)) out += items(depth + 1, inside);
    else if (chance(8)) out += code(inside);
  }
  return out;
}

Written MarkdownWriter::list() {
  Written out = items(0, {});
  out.said.chop(1);
  return out;
}

Written MarkdownWriter::cell() {
  switch (below(9)) {
    case 0: return {QStringLiteral("`a \\| b`"), QStringLiteral("a|b")};
    case 1: return {QStringLiteral("one<br>two"), QStringLiteral("onetwo")};
    case 2: return same(QStringLiteral("$|x|$"));
    case 3: return {QStringLiteral("`p || q`"), QStringLiteral("p||q")};
    case 4: return same(QStringLiteral("2*3*4"));
    case 5: return {QStringLiteral("x \\| y"), QStringLiteral("x|y")};
    case 6: return same(QStringLiteral("$5"));
    case 7: return same(QStringLiteral("1~2"));
    default: return words(1 + below(2));
  }
}

Written MarkdownWriter::table() {
  Written out;
  if (chance(30)) out += same(word() + QStringLiteral(":\n"));
  const int columns = 1 + below(5), rows = 1 + below(5);
  const int rulers = std::max(1, columns + below(3) - 1);
  const auto line = [&](int cells) {
    out.said += u'|';
    for (int i = 0; i < cells; ++i) {
      const Written text = cell();
      out += {u' ' + text.said + u" |", text.shown};
    }
    out.said += u'\n';
  };
  line(columns);
  out.said += u'|';
  for (int i = 0; i < rulers; ++i) out.said += one({QStringLiteral("-|"), QStringLiteral("--|"), QStringLiteral(":-|"), QStringLiteral("-:|"), QStringLiteral(":-:|"), QStringLiteral("---|"), QStringLiteral(" --- |")});
  out.said += u'\n';
  for (int i = 0; i < rows; ++i) line(chance(80) ? columns : 1 + below(7));
  out.said.chop(1);
  if (chance(20)) out += same(u'\n' + word());
  return out;
}

Written MarkdownWriter::code(const QString& indent) {
  const Source& source = kSources[below(static_cast<int>(std::size(kSources)))];
  const QString text = u8(source.text), fence = QString(3 + below(2), one({QStringLiteral("`"), QStringLiteral("~")}).front());
  Written out{indent + fence + (fence.front() == u'~' ? QString() : u8(source.language)) + u'\n', {}};
  for (const QString& line : text.split(u'\n')) out += {line.isEmpty() ? QStringLiteral("\n") : indent + line + u'\n', line};
  out.said += indent + fence + u'\n';
  return out;
}

Written MarkdownWriter::formula() {
  const QString body = one(lines("x_1 * x_2 * x_3\na &= b \\\\\n\\frac{1}{2}"));
  const QString more = one({QStringLiteral("- c_1*d_1*e"), QStringLiteral("+ 3"), QStringLiteral("= 4"), QStringLiteral("1. x"), QStringLiteral("> 5"), QStringLiteral("\n= 6")});
  const QString text = body + u'\n' + more;
  switch (below(3)) {
    case 0: return same(u"$$\n" + text + u"\n$$");
    case 1: return same(u"\\[\n" + text + u"\n\\]");
    default: return same(u"\\begin{align}\n" + text + u"\n\\end{align}");
  }
}

Written MarkdownWriter::quote() {
  Written out;
  const int count = 1 + below(3);
  for (int i = 0; i < count; ++i) {
    const Written line = sentence(2);
    out += {(i > 0 ? u"\n> " : u"> ") + line.said, line.shown};
  }
  return out;
}

Written MarkdownWriter::rule() {
  const Written before = paragraph();
  if (chance(50)) return {one({QStringLiteral("---"), QStringLiteral("***"), QStringLiteral("- - -"), QStringLiteral("___")}), {}};
  return {before.said + u".\n---\n" + QStringLiteral("after"), before.shown + u".after"};
}

Written MarkdownWriter::sum() {
  return same(one(lines("12 + 30 = 42\n>= 5 apples\n>5 apples\n#1 is best\n-5 + 3\n+5\n*5\n== x\n>>> print(1)\n1.5 apples\n2023.5\n10.\n3.x\n1、one\n（1）one\n①one\n--x\n/* a */\n** a\n_ a")));
}

Written MarkdownWriter::definitions() {
  Written out;
  const int count = 1 + below(3);
  for (int i = 1; i <= count; ++i) {
    out += same((i > 1 ? QStringLiteral("\n") : QString()) + (chance(70) ? QStringLiteral("[%1]: ").arg(i) : QStringLiteral("[^%1]: ").arg(i)) + one(addresses()));
  }
  return out;
}

Written MarkdownWriter::block() {
  switch (below(20)) {
    case 0: case 1: return heading();
    case 2: case 3: case 4: case 5: return list();
    case 6: case 7: case 8: return table();
    case 9: return code({});
    case 10: case 11: return formula();
    case 12: return quote();
    case 13: return rule();
    case 14: return sum();
    case 15: return definitions();
    default: return paragraph();
  }
}

Written MarkdownWriter::answer() {
  m_language = static_cast<Language>(below(3));
  m_signs = chance(60) ? Signs::Spans : chance(50) ? Signs::Openings : Signs::Closings;
  Written out;
  const int count = 1 + below(5);
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += same(QStringLiteral("\n\n"));
    out += block();
  }
  if (chance(50)) out.said += u'\n';
  return out;
}

}  // namespace rookery::app::test
