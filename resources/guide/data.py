# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the guide's training data (data/*.jsonl) and turns it into training samples."""
import glob
import json
import os
import random
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def load(folder=None):
    """All entries as {"id", "turns": [{"q": [...], "a": "..."}, ...]}, checked."""
    entries, seen = [], set()
    for path in sorted(glob.glob(os.path.join(folder or os.path.join(HERE, "data"), "*.jsonl"))):
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                if not line.strip():
                    continue
                e = json.loads(line)
                turns = e["turns"] if "turns" in e else [{"q": e["q"], "a": e["a"]}]
                where = f"{os.path.basename(path)}:{number}"
                assert e["id"] not in seen, f"{where}: id {e['id']} twice"
                seen.add(e["id"])
                for t in turns:
                    t["q"] = [q.strip() for q in t["q"]]
                    t["a"] = t["a"].strip()
                    assert t["q"] and t["a"] and all(t["q"]), where
                    assert "\n\n" not in t["a"] and not any("\n" in q for q in t["q"]), where
                entries.append({"id": e["id"], "turns": turns})
    return entries


BEFORE = ["please ", "hi, ", "hello, ", "hey ", "hey, ", "ok, ", "so ", "um, ", "quick question: ", "question: ",
          "can you tell me ", "could you tell me ", "please tell me ", "tell me ", "i want to know ",
          "i would like to know ", "do you know ", "i wonder ", "one more thing: ", "sorry, ", "and ", "well, ",
          "help: ", "excuse me, ", "just curious, ", "i am new here, ", "explain ", "now "]
AFTER = [" please", " please?", " thanks", ", thanks", " thank you", " in rookery", " in this app", " here",
         " exactly", " actually", " again", " then", " anyway", ", please explain", "...", "!", "??", " ?", " :)"]
# words that mean the same in this subject; any may stand for any other of its line
SAME = [line.split(",") for line in """
program,app,application,software
chat,conversation
chats,conversations
delete,remove,erase,throw away,get rid of
start,begin,launch
show,display,list
save,store,keep
saved,stored,kept
quick,fast
speed,performance
picture,image
folder,directory
folders,directories
answer,reply,response
answers,replies,responses
message,question
find,locate,see
big,large
small,little,tiny
computer,machine,pc
change,switch,set,alter
choose,select,pick
stop,halt,interrupt,cancel
need,require
needs,requires
broken,damaged,corrupt,corrupted
error,problem
internet,network,online
download,fetch,get
open,load
mean,stand for
explain,describe,tell me about
use,using
possible,allowed
memory,ram
hotkey,shortcut,key
terminal,command line,shell,console
what is,what's,whats
how do i,how can i,how to,how would i,how does one,what is the way to
where is,where's,where do i find,where can i find
can i,may i,is it possible to,could i,am i able to
is there,do you have,does it have
why is,why's,how come
does rookery,does it,does the app,will rookery
rookery,the app,this app,the program,this program
""".strip().splitlines()]
SWAPS = {}
for group in SAME:
    for word in group:
        SWAPS.setdefault(word, []).extend(w for w in group if w != word)
SWAP_RE = re.compile(r"\b(" + "|".join(sorted(map(re.escape, SWAPS), key=len, reverse=True)) + r")\b", re.I)
NEAR = {a: b for a, b in zip("qwertyuiopasdfghjklzxcvbnm", "wqretyuoipsadfghjlkxzcvbmn")}


def typo(rng, word):
    if len(word) < 4 or not word.isalpha():
        return word
    i = rng.randrange(1, len(word) - 1)
    kind = rng.random()
    if kind < 0.35:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind < 0.65:
        return word[:i] + word[i + 1:]
    if kind < 0.85:
        return word[:i] + word[i] + word[i:]
    return word[:i] + NEAR.get(word[i].lower(), word[i]) + word[i + 1:]


def vary(rng, q, strength=1.0):
    """One random rewording of a question: synonyms, dropped words, typos, case, politeness, punctuation."""
    chance = lambda p: rng.random() < p * strength
    if chance(0.5):
        q = SWAP_RE.sub(lambda m: rng.choice(SWAPS[m.group(0).lower()]) if rng.random() < 0.35 else m.group(0), q)
    if chance(0.35):
        words = q.split(" ")
        if len(words) > 3:
            drop = 0.15 if rng.random() < 0.7 else 0.3
            words = [w for w in words if rng.random() >= drop] or words
        q = " ".join(words)
    if chance(0.06):
        words = q.rstrip("?.! ").split(" ")
        i = rng.randrange(len(words))
        q = " ".join(words[i:] + words[:i])
    if chance(0.15):
        q = rng.choice(BEFORE) + (q[:1].lower() + q[1:] if rng.random() < 0.7 else q)
    if chance(0.12):
        q = q.rstrip("?.! ") + rng.choice(AFTER)
    if chance(0.25):
        words = q.split(" ")
        for _ in range(1 if rng.random() < 0.7 else 2):
            i = rng.randrange(len(words))
            words[i] = typo(rng, words[i])
        q = " ".join(words)
    kind = rng.random()
    if kind < 0.3 * strength:
        q = q.lower()
    elif kind < 0.33 * strength:
        q = q.upper()
    elif kind < 0.7 * strength:
        q = q[:1].upper() + q[1:]
    if chance(0.35):
        q = q.rstrip("?.! ")
        q += rng.choice(["", "", "?", ".", "?"])
    return q.strip() or "?"


def encode_chat(tok, chat, leading_zero=False):
    """Token ids and targets of a chat [(question, answer), ...].

    targets[i] is what the model shall say after ids[i], or -1 where nothing is learnt.
    After an answer the target is always 0 (end of text), also where the chat goes on with
    "\\n\\nUser:", because that is how the app goes on from a stored state.
    """
    ids, targets = ([0], [-1]) if leading_zero else ([], [])
    for n, (q, a) in enumerate(chat):
        head = tok.encode(("\n\n" if n else "") + f"User: {q}\n\nAssistant:")
        answer = tok.encode(" " + a)
        ids += head + answer
        targets += [-1] * (len(head) - 1) + answer + [0]
    return ids, targets
