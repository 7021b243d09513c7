#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes nfc.jsonl: texts full of combining marks and what Python's unicodedata makes of them (NFC).

    python3 make_nfc.py > nfc.jsonl     (minutes: Python sorts long runs of marks by exchanging neighbours)

A line is {"hex", "nfc_hex"}, or for long texts {"unit_hex", "times", "nfc_fnv1a"}: the unit repeated, and the 64-bit
FNV-1a hash of the result. Only characters that were there in Unicode 14 are used; those never change.
"""
import json
import random
import sys
import unicodedata


def nfc(text):
    return unicodedata.normalize("NFC", text).encode()


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def main():
    assert unicodedata.unidata_version >= "14"
    rng = random.Random(20)
    every = [chr(c) for c in range(sys.maxunicode + 1)
             if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c)) not in ("Cn", "Co")
             and (c < 0x1DF00 or unicodedata.combining(chr(c)) == 0)]
    marks = [c for c in every if unicodedata.combining(c) != 0]
    # What joins to its left without being a mark of a class, what is a composition, and plain letters.
    joining = [chr(c) for c in (0x09BE, 0x09D7, 0x0B3E, 0x0B56, 0x0B57, 0x0BBE, 0x0BD7, 0x0CC2, 0x0CD5, 0x0CD6, 0x0D3E, 0x0D57, 0x0DCF, 0x0DDF, 0x102E,
                                0x1161, 0x1175, 0x11A8, 0x11C2, 0x1B35, 0x110BA, 0x11127, 0x1133E, 0x11357, 0x114B0, 0x114BA, 0x114BD, 0x115AF, 0x11930)]
    composed = [c for c in every if unicodedata.decomposition(c) and not unicodedata.decomposition(c).startswith("<")]
    starters = list("aeiouAEIOU") + [chr(c) for c in (0x1100, 0x1112, 0xAC00, 0xD788, 0x4E00, 0x9FFF, 0x0627, 0x09C7, 0x0B47, 0x0DD9, 0x1025, 0x03B1, 0x0438)]

    def emit(text):
        print(json.dumps({"hex": text.encode().hex(), "nfc_hex": nfc(text).hex()}))

    for _ in range(150):
        pools = [rng.choice([marks, joining, composed, starters, every]) for _ in range(rng.randint(1, 12))]
        emit("".join(rng.choice(pool) for pool in pools))
    for length in (2, 31, 300):
        emit("".join(rng.choice(marks) for _ in range(length)))
        emit("e" + "".join(rng.choice(marks) for _ in range(length)) + "\u1100\u1161\u11a8z")
    for unit in ("".join(rng.choice(marks) for _ in range(200)), "\u0301\u0323", "e\u0323\u0302", "\u1100\u1161\u11a8",
                 "".join(rng.choice(joining + composed + starters + marks) for _ in range(300)), "\u4e00\u0327\u0301x\u0301", "\u0344"):
        times = 1_100_000 // len(unit.encode()) + 1
        print(json.dumps({"unit_hex": unit.encode().hex(), "times": times, "nfc_fnv1a": f"{fnv1a(nfc(unit * times)):016x}"}))


main()
