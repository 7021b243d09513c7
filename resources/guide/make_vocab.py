# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the guide's small trie vocabulary from its training data.

Ids: 0 is the end of text (no bytes), 1..256 are the single bytes (id k is byte k-1, as
in the World vocabulary), then pieces.  The tokenizer is the World one: at each place the
longest match.  The pieces are byte-pair merges inside words (a word may carry one leading
space); those that the longest match hardly uses are dropped, and the rest is refilled.

No piece holds a newline except the two listed in SPECIAL, and none goes on after
"User:" or "Assistant:", so the tokens of a prompt are always a prefix of the tokens of the
prompt plus its answer.

    python make_vocab.py --size 2560 --out vocab.json
"""
import argparse
import collections
import json
import os
import re

import data

SPECIAL = ["\n\n", "User:", "Assistant:"]
WORD = re.compile(r" ?[A-Za-z]+| ?[0-9]| ?[^A-Za-z0-9\s]+|\n\n|\s", re.ASCII)


class Tokenizer:
    """Longest match over a trie; `pieces[i]` are the bytes of id i."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.ids = {p: i for i, p in enumerate(pieces) if p}
        self.longest = max(map(len, pieces))

    @staticmethod
    def load(path):
        with open(path, encoding="utf-8") as f:
            return Tokenizer([bytes.fromhex(h) for h in json.load(f)["pieces_hex"]])

    def encode(self, text):
        raw, out, at = text.encode("utf-8") if isinstance(text, str) else text, [], 0
        while at < len(raw):
            for n in range(min(self.longest, len(raw) - at), 0, -1):
                i = self.ids.get(raw[at:at + n])
                if i is not None:
                    out.append(i)
                    at += n
                    break
        return out

    def decode(self, ids):
        return b"".join(self.pieces[i] for i in ids).decode("utf-8", "replace")


def corpus(entries, seed=1):
    """Word counts: every phrasing, and every answer as often as it has phrasings (at most 4)."""
    counts = collections.Counter()
    for e in entries:
        for turn in e["turns"]:
            for q in turn["q"]:
                for form in (" " + q, " " + q[:1].upper() + q[1:], " " + q.lower()):
                    counts.update(WORD.findall(form))
            for _ in range(min(4, len(turn["q"]))):
                counts.update(WORD.findall(" " + turn["a"]))
    return counts


def merges(counts, wanted):
    """Byte-pair merges inside the words of `counts`, in order, until `wanted` pieces exist."""
    words = [([bytes([b]) for b in w.encode("utf-8")], n) for w, n in counts.items()]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, (p, n) in enumerate(words):
        for a, b in zip(p, p[1:]):
            pairs[a, b] += n
            where[a, b].add(i)
    made = []
    seen = set()
    while len(made) < wanted and pairs:
        (a, b), n = max(pairs.items(), key=lambda x: (x[1], x[0]))
        if n < 3:
            break
        if a + b not in seen:
            seen.add(a + b)
            made.append(a + b)
        for i in list(where[a, b]):
            p, n = words[i]
            for x, y in zip(p, p[1:]):
                pairs[x, y] -= n
                where[x, y].discard(i)
                if pairs[x, y] <= 0:
                    del pairs[x, y]
            out, j = [], 0
            while j < len(p):
                if j + 1 < len(p) and p[j] == a and p[j + 1] == b:
                    out.append(a + b)
                    j += 2
                else:
                    out.append(p[j])
                    j += 1
            words[i] = (out, n)
            for x, y in zip(out, out[1:]):
                pairs[x, y] += n
                where[x, y].add(i)
    return made


def build(entries, size):
    base = [b""] + [bytes([i]) for i in range(256)] + [s.encode() for s in SPECIAL]
    counts = corpus(entries)
    made = [m for m in merges(counts, 2 * size) if m not in base]
    room = size - len(base)
    chosen = made[:room]
    for _ in range(6):  # drop what the longest match hardly uses, take the next merges instead
        tok = Tokenizer(base + chosen)
        used = collections.Counter()
        for w, n in counts.items():
            for i in tok.encode(w):
                used[i] += n
        dead = {tok.pieces[i] for i in range(len(base), len(tok.pieces)) if used[i] < 3}
        if not dead:
            break
        rest = [m for m in made if m not in set(chosen)]
        kept = [m for m in chosen if m not in dead]
        made = [m for m in made if m not in dead]
        chosen = kept + [m for m in rest if m not in dead][:room - len(kept)]
    return Tokenizer(base + sorted(chosen, key=lambda p: (len(p), p)))


def check(tok, entries):
    """Byte round trip, and the prompt's tokens are a prefix of the whole chat's tokens."""
    letters = tokens = 0
    for e in entries:
        text, ids = "", []
        for turn in e["turns"]:
            for q in turn["q"]:
                head = text + f"User: {q}\n\nAssistant:"
                whole = tok.encode(head + " " + turn["a"] + "\n\nUser: x")
                assert tok.encode(head) == whole[:len(tok.encode(head))], head
                answered = tok.encode(head + " " + turn["a"])
                assert answered == whole[:len(answered)], head
                assert tok.decode(whole) == head + " " + turn["a"] + "\n\nUser: x"
            text = head + " " + turn["a"] + "\n\n"
        letters += len(text)
        tokens += len(tok.encode(text))
    return letters / tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=2560)
    parser.add_argument("--out", default=os.path.join(data.HERE, "vocab.json"))
    args = parser.parse_args()
    entries = data.load()
    tok = build(entries, args.size)
    ratio = check(tok, entries)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump({"note": "id -> bytes (hex); 0 is the end of text; longest match",
                   "pieces_hex": [p.hex() for p in tok.pieces]}, f)
        f.write("\n")
    print(f"{len(tok.pieces)} ids from {len(entries)} entries, {ratio:.2f} bytes per token, "
          f"longest {tok.longest} bytes")


if __name__ == "__main__":
    main()
