# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the exported guide the evaluation questions and checks the key words of its greedy answers.

    python evaluate.py                      # eval/questions.jsonl -> eval/results.md
    python evaluate.py --ask "What is a state?" "and how big is it?"
    python evaluate.py --reference reference.json

The weights are those of the fp16 file, computed with in float32 by NumPy, token by token, from
the GGUF file alone (tokenizer included); it shares no code with the training model.
"""
import argparse
import ast
import json
import os

import numpy as np

import data
import gguf_file as gguf
from make_vocab import Tokenizer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, weight, bias, eps=1e-5):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight + bias


class Guide:
    """RWKV-7, one token at a time."""

    def __init__(self, path):
        self.keys, self.t = gguf.read(path)
        self.tok = Tokenizer([b""] + [ast.literal_eval('b"""' + s.replace('"', '\\"') + '"""')
                                      for s in self.keys["tokenizer.ggml.tokens"][1:]])
        self.layers = self.keys["rwkv7.block_count"]
        self.width = self.keys["rwkv7.embedding_length"]

    def start(self):
        C, H = self.width, self.width // 64
        return [[np.zeros(C, np.float32), np.zeros((H, 64, 64), np.float32), np.zeros(C, np.float32)]
                for _ in range(self.layers)]

    def step(self, token, state):
        """Feeds one token, changes `state`, returns the logits."""
        H = self.width // 64
        norm = lambda name, x: layer_norm(x, self.t[name + ".weight"], self.t[name + ".bias"])
        x = norm("token_embd_norm", self.t["token_embd.weight"][token])
        v_first = None
        for i in range(self.layers):
            w = lambda name: self.t[f"blk.{i}.{name}.weight"]
            low = lambda x, name, act=lambda z: z: w(f"time_mix_{name}2") @ act(w(f"time_mix_{name}1") @ x)
            y = norm(f"blk.{i}.attn_norm", x)
            d, state[i][0] = state[i][0] - y, y
            xr, xw, xk, xv, xa, xg = y + d * w("time_mix_lerp_fused").reshape(6, -1)
            r, k, v = w("time_mix_receptance") @ xr, w("time_mix_key") @ xk, w("time_mix_value") @ xv
            decay = np.exp(-0.606531 * sigmoid(w("time_mix_w0") + low(xw, "w", np.tanh)))
            a = sigmoid(w("time_mix_a0") + low(xa, "a"))
            g = low(xg, "g", sigmoid)
            if i == 0:
                v_first = v
            else:
                v = v + (v_first - v) * sigmoid(w("time_mix_v0") + low(xv, "v"))
            kk = (k * w("time_mix_k_k")).reshape(H, 64)
            kk = kk / np.maximum(np.sqrt((kk * kk).sum(-1, keepdims=True)), 1e-12)
            k = k * (1 + (a - 1) * w("time_mix_k_a"))
            r, k, v, a, decay = (z.reshape(H, 64) for z in (r, k, v, a, decay))
            s = state[i][1]  # [head, value, key]
            sa = (s * -kk[:, None, :]).sum(-1)
            s = s * decay[:, None, :] + sa[:, :, None] * (kk * a)[:, None, :] + v[:, :, None] * k[:, None, :]
            state[i][1] = s
            y = (s * r[:, None, :]).sum(-1)
            y = layer_norm(y, w("time_mix_ln").reshape(H, 64), self.t[f"blk.{i}.time_mix_ln.bias"].reshape(H, 64),
                           64e-5)
            y = y + (r * k * w("time_mix_r_k").reshape(H, 64)).sum(-1, keepdims=True) * v
            x = x + w("time_mix_output") @ (y.reshape(-1) * g)
            y = norm(f"blk.{i}.attn_norm_2", x)
            d, state[i][2] = state[i][2] - y, y
            h = np.maximum(w("channel_mix_key") @ (y + d * w("channel_mix_lerp_k")), 0)
            x = x + w("channel_mix_value") @ (h * h)
        return self.t["output.weight"] @ norm("output_norm", x)

    def answer(self, prompt, state, limit=150):
        """Greedy tokens after `prompt` until token 0 (not fed) or the text "\\n\\nUser:"."""
        for token in self.tok.encode(prompt):
            logits = self.step(token, state)
        out, gap = [], np.inf
        while len(out) < limit:
            first, second = np.partition(logits, -2)[[-1, -2]]
            gap = min(gap, float(first - second))
            token = int(logits.argmax())
            if token == 0:
                break
            out.append(token)
            if "\n\nUser:" in self.tok.decode(out):
                break
            logits = self.step(token, state)
        return out, token == 0, gap

    def ask(self, questions):
        """Answers of one chat, each turn going on from the state of the one before."""
        state, texts = self.start(), []
        for n, q in enumerate(questions):
            out, _, _ = self.answer(("\n\n" if n else "") + f"User: {q}\n\nAssistant:", state)
            texts.append(self.tok.decode(out).strip())
        return texts


def passes(answer, must):
    answer = answer.lower()
    return all(any(word.lower() in answer for word in group) for group in must)


def evaluate(guide, path):
    rows = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            e = json.loads(line)
            text = guide.ask([e["q"]])[0]
            rows.append((e["q"], text, e["must"], passes(text, e["must"])))
    return rows


def report(rows, model):
    good = sum(ok for *_, ok in rows)
    lines = ["# Result of the guide's evaluation", "",
             f"{good} of {len(rows)} greedy answers contain their key words.",
             f"Weights: `{model}` (fp16, computed in float32). Made by `python evaluate.py`; the questions and key words",
             "are in `questions.jsonl`, which was committed before the final training run.", "",
             "| | Question | Greedy answer | Key words |", "|---|---|---|---|"]
    cell = lambda s: s.replace("|", "\\|").replace("\n", " ")
    for q, text, must, ok in rows:
        words = " and ".join(" or ".join(g) for g in must)
        lines.append(f"| {'ok' if ok else '**no**'} | {cell(q)} | {cell(text)} | {cell(words)} |")
    return "\n".join(lines) + "\n"


def reference(guide, prompts):
    """Token ids that a correct engine reproduces: prompt, greedy answer, smallest top-1 to top-2 distance."""
    cases = []
    for prompt in prompts:
        state = guide.start()
        out, ended, gap = guide.answer(prompt, state)
        cases.append({"prompt": prompt, "prompt_ids": guide.tok.encode(prompt), "answer_ids": out,
                      "answer": guide.tok.decode(out), "ends_with_token_0": ended, "smallest_gap": round(gap, 4)})
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=os.path.join(data.HERE, "guide.gguf"))
    parser.add_argument("--questions", default=os.path.join(data.HERE, "eval", "questions.jsonl"))
    parser.add_argument("--out", help="write the table here (default with the committed questions: eval/results.md)")
    parser.add_argument("--ask", nargs="+", metavar="QUESTION")
    parser.add_argument("--reference", metavar="FILE")
    args = parser.parse_args()
    guide = Guide(args.model)
    if args.ask:
        for q, a in zip(args.ask, guide.ask(args.ask)):
            print(f"User: {q}\nAssistant: {a}\n")
        return
    if args.reference:
        with open(os.path.join(data.HERE, "eval", "reference_prompts.json"), encoding="utf-8") as f:
            cases = reference(guide, json.load(f))
        with open(args.reference, "w", encoding="utf-8") as f:
            f.write("[\n" + ",\n".join(" " + json.dumps(c) for c in cases) + "\n]\n")
        print(f"{len(cases)} cases, smallest distance {min(c['smallest_gap'] for c in cases)}")
        return
    rows = evaluate(guide, args.questions)
    for q, text, must, ok in rows:
        if not ok:
            print(f"- {q}\n    {text}\n    wants {must}")
    print(f"{sum(ok for *_, ok in rows)} of {len(rows)}")
    out = args.out or os.path.join(data.HERE, "eval", "results.md")
    with open(out, "w", encoding="utf-8") as f:
        f.write(report(rows, os.path.basename(args.model)))


if __name__ == "__main__":
    main()
