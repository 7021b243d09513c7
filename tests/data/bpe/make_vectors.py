#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the vectors of tests/engine/bpe_test.cpp with the `tokenizers` package (0.21.4).

  make_vectors.py train                 trains own_tokenizer.json on the texts of resources/guide/data
  make_vectors.py vectors JSON NAME     writes NAME_encode.jsonl and NAME_decode.jsonl for a tokenizer file

20b_*.jsonl are for 20B_tokenizer.json (SHA-256 56ac4821...985ade, see cmake/vocabularies.cmake), own_*.jsonl for
own_tokenizer.json. Lines: {"kind", "hex": text, "ids"} and {"ids", "hex": decoded text}; texts are UTF-8, because the
package takes nothing else.
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
MERGES = 400


def train():
    texts = []
    for path in sorted((HERE / "../../../resources/guide/data").resolve().glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            texts += row.get("q", []) + ([row["a"]] if "a" in row else [])
    # Words of more than one byte per letter, so that merges cross the bytes of a character.
    texts += ["Grüße aus Köln, schöne Straße", "Ελληνικά και άλλα", "Привет, как дела", "你好,世界。你们好", "ありがとう", "안녕하세요",
              "naïve café à la crème", "Việt Nam Å ångström"] * 20
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel()
    special = ["<|endoftext|>", "<|padding|>"]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=256 + len(special) + MERGES, special_tokens=[AddedToken(s, normalized=False) for s in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    # Added tokens that are looked for after normalisation, one inside another, one that normalisation makes.
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in (4, 3, 2)] + [AddedToken("A\u030angstrom", normalized=True)])
    # ... and one that is looked for before it, so that only this spelling is found.
    tokenizer.add_tokens([AddedToken("e\u0301!", normalized=False)])
    (HERE / "own_tokenizer.json").write_text(tokenizer.to_str(pretty=False) + "\n")


def cases(added):
    """(kind, text) of the cases; the same for every tokenizer except for its added tokens."""
    rng = random.Random(20)
    out = [("empty", "")]
    add = lambda kind, *texts: out.extend((kind, text) for text in texts)
    add("ascii", "Hello, world!", "The quick brown fox jumps over the lazy dog.", "a", "Q", "user@example.org, http://rwkv.com/?a=1&b=2#x",
        "CamelCase snake_case kebab-case SCREAMING_CASE", "...", "?!?!", "#include <vector>", "(a+b)*c == d; // why", "$1,234.56", "~`@#$%^&*()_+-=[]{}|\\;:'\",.<>/?")
    add("contraction", "it's don't we're I've I'm we'll he'd", "IT'S DON'T WE'RE", "'s's't're've'm'll'd", "''s", "' s", " 's", "x'", "rock'n'roll o'clock",
        "l'été d'hiver", "'ll'", "a'sb'tc'rd", "'re", "'r", "'v", "'l", "’s don’t")
    for n in range(1, 34):
        add("spaces", " " * n, "x" + " " * n + "y")
    add("whitespace", "\n", "\n\n", "\r\n", "\t", "\t\t x", "a\n\nb", "a \n b", "a\n  b", "  \n", " \t \n x", "\n ", " \n", "a\u00a0b", "\u00a0\u00a0b", "\u3000x",
        "\u2003\u2003x", "\u2028\u2029 x", "\u0085x", "\u1680 x", "\u200b x", "\ufeffx", "\x0b\x0cx", "\x1c\x1d\x1e\x1fx", "a  \u00a0 b", "\u202f\u205fx",
        "def f():\n    return 1\n\n\nclass A:\n        pass\n", "if x:\n\treturn\n", "1  2   3    4", "end   ", "end\n\n\n", "   start")
    add("digits", "0", "12", "123456789", "3.14159", "1,000,000", "x1y2z3", "2024-01-31T23:59:59Z", "٣٤٥", "१२३", "Ⅷ", "½ ⅓", "²³", "①②③", "1 2 3", " 42", "0x1F", "1e-5", "１２３")
    add("cjk", "你好,世界!", "今天天气很好。", "日本語のテキスト", "カタカナ ひらがな", "안녕하세요 세계", "한국어", "繁體中文與简体中文", "𠮷野家", "〇一二三", "「引用」、『』", "混合English和中文123", "ｶﾀｶﾅ", "각각 " + "각")
    add("emoji", "😀", "😀😃😄", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☺", "a😀b", " 😀 ", "1️⃣", "🫠", "🀄🂡", "🤷🏻‍♀️ ok")
    add("nfc", "e\u0301", "é", "cafe\u0301 café", "A\u030a Å \u212b", "\u1e69 s\u0323\u0307 s\u0307\u0323", "n\u0303o", "\u0344", "\u0958", "\u1100\u1161\u11a8", "\u1100\u1161",
        "\uac00\u11a8", "q\u0307\u0323", "q\u0323\u0307", "\u2126 \u03a9", "\u0340\u0341", "\ufb01 \ufb20", "\u0301abc", " \u0301", "a\u0315\u0300\u05ae\u0062", "\u0f71\u0f72", "\u09c7\u09be",
        "o\u0302\u0323 ộ", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\U0001d15e", "\u2adc", "\ufa1e \uf900 \U0002f800", "e\u0301\u0301\u0327", "x\u0300" * 30, "\u212a\u2000\u2001")
    add("scripts", "Привет, мир!", "Ελληνικά", "עברית שלום", "العربية مرحبا", "हिन्दी नमस्ते", "ไทยสวัสดี", "தமிழ்", "Tiếng Việt", "Ⴀⴀ Აა", "ᏣᎳᎩ", "ꓲꓳ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𐌰𐌱", "ªº", "ǅ ʰ ˀ", "ﷺ", "ﬀﬃ", "ߊߋ", "မြန်မာ", "ខ្មែរ")
    add("control", "\x00", "a\x00b", "\x01\x02\x7f", "\u0080\u009f", "\u200d\u200e\u202e", "\ue000\uf8ff", "\ufffd", "\ufffe\uffff", "\U0010ffff", "\u0378", "\u2060x")
    special = [t for t in added if t["special"]]
    for token in special:
        c = token["content"]
        add("special", c, c + c, "a" + c + "b", " " + c + " ", c[:-1], c[1:], c.upper(), c + "\n", "x " + c + " y " + c)
    for token in [t for t in added if not t["special"]][:6]:
        c = token["content"]
        add("added", c, c + c, "a" + c + "b", c + "\n" + c, c[:-1], "é" + c + "é")
    add("added", "Ångstrom", "A\u030angstrom", "\u212bngstrom", "Angstrom", "é!", "e\u0301!", "e\u0301!e\u0301")
    add("long", "a" * 1000, "ab" * 700, "the " * 300, "é" * 500, "的" * 400, "0" * 999, "\n" * 200, " " * 1000, "!" * 500, "😀" * 100, "aA1! " * 200)
    add("long", "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(2000)))
    add("long", "".join(rng.choice("aeiou tnrs") for _ in range(2000)))
    pieces = ["the", " The", "ing", " ", "  ", "\n", "\t", "'s", "'LL", "é", "e\u0301", "ß", "你", "好", "😀", "\u200d", "7", "42", ".", "...", "!?", "\u00a0", "_", "ℵ", "\u0301", "ñ", "Ω", "\u2126", "-", "\"", "<|", "|>", "a"]
    for _ in range(120):
        add("mixed", "".join(rng.choice(pieces) for _ in range(rng.randint(2, 24))))
    for _ in range(30):
        picked = [rng.choice([rng.randint(1, 0x7f), rng.randint(0x80, 0x7ff), rng.randint(0x800, 0xd7ff), rng.randint(0xe000, 0xffff), rng.randint(0x10000, 0x1f9ff)]) for _ in range(12)]
        add("random_code_points", "".join(map(chr, picked)))
    return out


def vectors(path, name):
    file = json.loads(pathlib.Path(path).read_text())
    tokenizer = Tokenizer.from_file(str(path))
    rng = random.Random(21)
    seen, decoded = set(), []
    with open(HERE / f"{name}_encode.jsonl", "w") as out:
        for kind, text in cases(file["added_tokens"]):
            if text in seen:
                continue
            seen.add(text)
            ids = tokenizer.encode(text).ids
            decoded.append(ids)
            out.write(json.dumps({"kind": kind, "hex": text.encode().hex(), "ids": ids}, separators=(",", ":")) + "\n")
    size = tokenizer.get_vocab_size()
    decoded = rng.sample(decoded, 40) + [[i] for i in rng.sample(range(size), 60)] + [[rng.randrange(size) for _ in range(8)] for _ in range(60)]
    decoded += [[0], [1], [0, size - 1, 1], [size - 1]]
    with open(HERE / f"{name}_decode.jsonl", "w") as out:
        for ids in decoded:
            text = tokenizer.decode(ids)  # leaves special tokens out
            if "\ufffd" not in text:      # the package replaces bytes that are no characters
                out.write(json.dumps({"ids": ids, "hex": text.encode().hex()}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train()
    else:
        vectors(sys.argv[2], sys.argv[3])
