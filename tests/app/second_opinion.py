#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second opinion on data/answers.txt: what GitHub's own Markdown library shows of each text, beside what we show.

Not part of the test suite. Needs cmarkgfm, for example:
  python3 -m venv /tmp/opinion && /tmp/opinion/bin/pip install cmarkgfm==2025.10.22
  /tmp/opinion/bin/python tests/app/second_opinion.py
Prints, as a table, how many texts differ by each kind, and the texts with --texts. Fails if a difference is of no known kind.
"""
import html.parser
import pathlib
import re
import sys

import cmarkgfm

EXTENSIONS = ["table", "strikethrough", "autolink", "tasklist"]
LOOKS = {"strong": "b", "b": "b", "em": "i", "del": "s", "code": "c"}

# The first that matches the text gives the kind. The reason is what we do instead.
KINDS = [
    ("formulas", r"\\\(|\\\[|\$\$|\$[^\s$][^$\n]*\$|\\begin\{", "shown whole as their source; nothing in them is Markdown"),
    ("single tildes", r"(?<!~)~(?!~)", "a range (2~3) and a home folder are not struck out"),
    ("tables", r"(?m)^[ >]*[^\n]*\|[^\n]*\n[ >]*[|:\- ]*-[|:\- ]*$", "short rulers, tables under text and longer rows are tables; no cell is dropped; <br> breaks a line"),
    ("bold beside Chinese signs", r"\*\*[^*\n]*[\u3000-\u9fff\uac00-\ud7af\uff01-\uff60“”‘’%`][^*\n]*\*\*", "bold is bold between letters and signs of scripts without blanks"),
    ("links and images", r"(?m)!\[|\]\(|\]\[|^\[[^\]]+\]:", "definitions and foreign schemes stay text; an image is a link with its words"),
    ("bare addresses", r"https?://|www\.|\w@\w|ftp://", "only http, https; Chinese text behind an address is not part of it; no dot is wanted"),
    ("HTML", r"<[A-Za-z/!?][^>]*>", "tags are text"),
    ("entities", r"&#?\w+;", "those that people write are decoded, others stay"),
    ("asterisks and underscores", r"\*|_", "no italics or bold in words, products, globs and names"),
    ("backslashes", r"\\", "one before a bracket, a brace, a letter or another backslash stays"),
    ("headings and rules", r"(?m)^(#+ *|[=]{2,}|-{2,}|_{3,})$|^#", "an empty heading and a sign under text stay; a rule under a sentence makes it no heading"),
    ("quotes", r"(?m)^>", ">5, >= and >>> are no quotes"),
    ("numbers and signs of items", r"(?m)^ *(\d+[.)]|[-+*])( |$)", "every item has the number that was written; a sum keeps its signs"),
    ("code", r"`|~~~", "what stands in a span across lines keeps its lines; ~~~ and words are no code"),
    ("blanks", r"(?m)^ +\S|\t", "blanks before a line of text stay"),
]


class Shown(html.parser.HTMLParser):
    """Writes HTML in the notation of data/answers.txt."""

    def __init__(self):
        super().__init__()
        self.pieces = []  # text, look
        self.lists, self.open = [], []

    def write(self, text):
        look = tuple(sorted(set(self.open)))
        if self.pieces and self.pieces[-1][1] == look:
            self.pieces[-1] = (self.pieces[-1][0] + text, look)
        else:
            self.pieces.append((text, look))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in LOOKS and not (tag == "code" and "f" in self.open):
            self.open.append(LOOKS[tag])
        elif tag == "a":
            self.open.append("|" + attrs.get("href", ""))
        elif tag == "pre":
            self.open.append("f")
        elif re.fullmatch("h[1-6]", tag):
            self.write(tag + " ")
        elif tag == "ol":
            self.lists.append(int(attrs.get("start", 1)))
        elif tag == "ul":
            self.lists.append(None)
        elif tag == "li":
            number = self.lists[-1]
            self.write(f"{number}." if number is not None else "•" if len(self.lists) % 2 else "◦")
            if number is not None:
                self.lists[-1] += 1
        elif tag == "input":
            text, look = self.pieces.pop()
            self.pieces.append((text[:-1] + ("☑" if "checked" in attrs else "☐"), look))
        elif tag == "img":
            self.write(attrs.get("alt", ""))

    def handle_endtag(self, tag):
        if tag == "code" and "f" in self.open:
            return
        if tag in LOOKS:
            self.open.remove(LOOKS[tag])
        elif tag == "a":
            self.open = [look for look in self.open if not look.startswith("|")]
        elif tag == "pre":
            self.open.remove("f")
        elif tag in ("ol", "ul"):
            self.lists.pop()

    def handle_data(self, data):
        self.write(data)

    def shown(self):
        out = ""
        for text, look in self.pieces:
            for sign in ("c", "f", "s", "i", "b"):
                if sign in look:
                    text = "{" + sign + " " + text + "}"
            link = next((part[1:] for part in look if part.startswith("|")), "")
            out += "{" + link + "|" + text + "}" if link else text
        return out


def opinion(text):
    parser = Shown()
    parser.feed(cmarkgfm.github_flavored_markdown_to_html(text))
    parser.close()
    return parser.shown()


def plain(shown):
    """Without blanks and line breaks, and with the lines of a block of code as one."""
    return re.sub(r"\s|⏎", "", shown).replace("}{f", "")


def main():
    path = pathlib.Path(__file__).parent / "data" / "answers.txt"
    pairs = [t.split("\n%%%% shown\n") for t in path.read_text(encoding="utf-8").split("%%%% said\n") if t]
    count, examples, lines, unknown = {}, {}, 0, []
    for said, ours in pairs:
        theirs = opinion(said)
        if plain(ours) == plain(theirs):
            if "⏎" in ours:
                lines += 1
            continue
        kind = next((k for k, pattern, _ in KINDS if re.search(pattern, said)), None)
        if kind is None:
            unknown.append((said, ours, theirs))
            continue
        count[kind] = count.get(kind, 0) + 1
        examples.setdefault(kind, []).append((said, ours, theirs))
    print(f"{len(pairs)} texts; {sum(count.values())} differ, {lines} more only in their line breaks (ours stay).\n")
    print("| Kind | Texts | What we do |\n|---|--:|---|")
    for kind, _, reason in KINDS:
        if kind in count:
            print(f"| {kind} | {count[kind]} | {reason.replace('|', chr(92) + '|')} |")
    if "--texts" in sys.argv:
        for kind, found in examples.items():
            for said, ours, theirs in found:
                print(f"\n== {kind}\n{said}\n-- ours\n{ours.rstrip()}\n-- cmark-gfm\n{theirs.rstrip()}")
    for said, ours, theirs in unknown:
        print(f"\n== UNKNOWN\n{said}\n-- ours\n{ours}\n-- cmark-gfm\n{theirs}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
