# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows that no evaluation question is a training question: the nearest training phrasings by shared words."""
import json
import os
import re

import data


def words(text):
    return set(re.findall(r"[a-z0-9.+_-]+", text.lower().rstrip("?.! ")))


def main():
    training = sorted({q for e in data.load() for t in e["turns"] for q in t["q"]})
    sets = [words(q) for q in training]
    with open(os.path.join(data.HERE, "eval", "questions.jsonl"), encoding="utf-8") as f:
        questions = [json.loads(line)["q"] for line in f]
    rows = []
    for q in questions:
        mine = words(q)
        best = max(range(len(sets)), key=lambda i: len(mine & sets[i]) / len(mine | sets[i]))
        rows.append((len(mine & sets[best]) / len(mine | sets[best]), q, training[best]))
    assert len(set(questions)) == len(questions)
    rows.sort(reverse=True)
    for overlap, q, nearest in rows[:12]:
        print(f"{overlap:.2f}  {q}  <->  {nearest}")
    print(f"{len(questions)} questions, mean overlap with the nearest training phrasing "
          f"{sum(r[0] for r in rows) / len(rows):.2f}, highest {rows[0][0]:.2f}")
    assert rows[0][0] < 0.6, "too near to a training phrasing"


if __name__ == "__main__":
    main()
