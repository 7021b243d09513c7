# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the text on which docs/quantisation.md compares precisions: the guide model's chats, one phrasing each.

    python make_guide_text.py > guide_text.txt
"""
import json
import os
import sys

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "resources", "guide", "data")

for name in ("app", "engine", "extra", "more"):
    with open(os.path.join(DATA, name + ".jsonl"), encoding="utf-8") as lines:
        for i, line in enumerate(lines):
            entry = json.loads(line)
            if "turns" not in entry and "a" not in entry:
                continue
            for turn in entry.get("turns", [entry]):
                question = turn["q"] if isinstance(turn["q"], str) else turn["q"][i % len(turn["q"])]
                sys.stdout.write(f"User: {question}\n\nAssistant: {turn['a']}\n\n")
