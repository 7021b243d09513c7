# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the guide model on a CPU.

    python train.py --minutes 25 --out out/guide.safetensors --log training_log.csv

Samples are chats in the official form ("User: q\\n\\nAssistant: a"); the loss counts only
the answers and the end of text after them.  One phrasing of every sixth entry is held out
and only measured.  Seeds are fixed; the number of steps is fixed by --steps (with --minutes
it is chosen after measuring the first steps, and printed, so that a run can be repeated).
"""
import argparse
import csv
import hashlib
import math
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import data
from make_vocab import Tokenizer
from model import Rwkv7


def split(entries):
    """Training turns and held-out (question, answer) pairs."""
    held = []
    for e in entries:
        if len(e["turns"]) == 1 and len(e["turns"][0]["q"]) >= 5:
            h = int(hashlib.sha256(e["id"].encode()).hexdigest(), 16)
            if h % 6 == 0:
                qs = e["turns"][0]["q"]
                i = (h // 6) % len(qs)
                held.append((qs[i], e["turns"][0]["a"]))
                e["turns"][0]["q"] = qs[:i] + qs[i + 1:]
    return held


class Samples:
    """An endless stream of batches (ids, targets), padded to the longest chat of each batch."""

    def __init__(self, entries, tok, tokens_per_batch, seed):
        self.rng = random.Random(seed)
        self.tok, self.size = tok, tokens_per_batch
        self.singles = [(q, e["turns"][0]["a"]) for e in entries if len(e["turns"]) == 1
                        for q in e["turns"][0]["q"]]
        self.chats = [e["turns"] for e in entries if len(e["turns"]) > 1]
        self.order = []

    def single(self):
        if not self.order:
            self.order = list(range(len(self.singles)))
            self.rng.shuffle(self.order)
        return self.singles[self.order.pop()]

    def chat(self, strength):
        rng = self.rng
        kind = rng.random()
        if kind < 0.3:
            pairs = [self.single()]
        elif kind < 0.88 or not self.chats:
            pairs = [self.single() for _ in range(rng.choice((2, 3, 3, 4)))]
        else:
            pairs = [self.single()] if rng.random() < 0.3 else []
            pairs += [(rng.choice(t["q"]), t["a"]) for t in rng.choice(self.chats)]
            if rng.random() < 0.3:
                pairs.append(self.single())
        pairs = [(data.vary(rng, q, strength) if rng.random() < 0.85 else q, a) for q, a in pairs]
        return data.encode_chat(self.tok, pairs, leading_zero=rng.random() < 0.3)

    def batches(self, strength=1.0):
        while True:
            pool = sorted((self.chat(strength) for _ in range(400)), key=lambda c: len(c[0]))
            made, now = [], []
            for c in pool:
                if now and (len(now) + 1) * len(c[0]) > self.size:
                    made.append(now)
                    now = []
                now.append(c)
            self.rng.shuffle(made)  # the last, unfinished batch of the longest chats is dropped at random
            if now and self.rng.random() < len(now) * len(now[-1][0]) / self.size:
                made.insert(self.rng.randrange(len(made) + 1), now)
            for batch in made:
                yield pad(batch)


def pad(batch):
    longest = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    targets = torch.full((len(batch), longest), -1, dtype=torch.long)
    for row, (i, t) in enumerate(batch):
        ids[row, :len(i)] = torch.tensor(i)
        targets[row, :len(t)] = torch.tensor(t)
    return ids, targets


@torch.no_grad()
def measure(model, tok, pairs):
    """Mean loss per answer token, and the share of answers whose greedy text is exactly right."""
    model.eval()
    loss = count = right = 0
    samples = sorted((data.encode_chat(tok, [p]) for p in pairs), key=lambda c: len(c[0]))
    for at in range(0, len(samples), 32):
        ids, targets = pad(samples[at:at + 32])
        mask = targets >= 0
        logits, want = model(ids, mask), targets[mask]
        loss += F.cross_entropy(logits, want, reduction="sum").item()
        count += want.numel()
        good = torch.ones(mask.shape, dtype=torch.bool)
        good[mask] = logits.argmax(-1) == want
        right += good.all(1).sum().item()
    model.train()
    return loss / max(1, count), right / max(1, len(samples))


def groups(model, decay):
    """Weight decay for matrices only; the decay bias w0 learns twice as fast (official trainer)."""
    plain, heavy, fast = [], [], []
    for name, p in model.named_parameters():
        if name.endswith("att.w0"):
            fast.append(p)
        elif p.dim() == 2 and name.endswith(".weight"):
            heavy.append(p)
        else:
            plain.append(p)
    return [{"params": plain, "weight_decay": 0.0, "scale": 1.0},
            {"params": heavy, "weight_decay": decay, "scale": 1.0},
            {"params": fast, "weight_decay": 0.0, "scale": 2.0}]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--embd", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--lr-end", type=float, default=2e-5)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--bf16", type=int, default=1, help="bfloat16 autocast of the matrix products")
    parser.add_argument("--vocab", default=os.path.join(data.HERE, "vocab.json"))
    parser.add_argument("--out", default=os.path.join(data.HERE, "out", "guide.safetensors"))
    parser.add_argument("--log", default=os.path.join(data.HERE, "out", "training_log.csv"))
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_flush_denormal(True)
    tok = Tokenizer.load(args.vocab)
    entries = data.load()
    held = split(entries)
    samples = Samples(entries, tok, args.batch_tokens, args.seed)
    model = Rwkv7(len(tok.pieces), args.embd, args.layers, dropout=args.dropout).train()
    count = sum(p.numel() for p in model.parameters())
    print(f"{count} parameters, {len(entries)} entries, {len(samples.singles)} phrasings, {len(held)} held out",
          flush=True)
    optimizer = torch.optim.AdamW(groups(model, args.decay), lr=args.lr, betas=(0.9, 0.99), eps=1e-9)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    log_file = open(args.log, "w", newline="", encoding="utf-8")
    log = csv.writer(log_file, lineterminator="\n")
    log.writerow(["step", "minutes", "tokens", "lr", "train_loss", "held_out_loss", "held_out_exact"])

    stream, warm = samples.batches(), 60
    steps, begin, tokens, losses = args.steps, time.time(), 0, []
    step = 0
    probe_tokens = probe_time = 0
    while True:
        if not steps and step == 12:
            steps = max(50, int((args.minutes * 60 - (time.time() - begin)) / ((time.time() - probe_time) / 10)))
            print(f"{steps} steps", flush=True)
        if step == 2:
            probe_time = time.time()
        if steps and step >= steps:
            break
        total = steps or 10 ** 6
        if step < warm:
            lr = args.lr * (step + 1) / warm
        else:
            lr = args.lr_end + (args.lr - args.lr_end) * 0.5 * (
                1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
        for g in optimizer.param_groups:
            g["lr"] = lr * g["scale"]
        ids, targets = next(stream)
        mask = targets >= 0
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(args.bf16)):
            logits = model(ids, mask)
        loss = F.cross_entropy(logits.float(), targets[mask])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        tokens += ids.numel()
        step += 1
        if step % args.every == 0 or step == steps:
            held_loss, exact = measure(model, tok, held) if step % (4 * args.every) == 0 or step == steps else ("", "")
            minutes = (time.time() - begin) / 60
            row = [step, f"{minutes:.2f}", tokens, f"{lr:.2e}", f"{sum(losses) / len(losses):.4f}",
                   held_loss and f"{held_loss:.4f}", exact != "" and f"{exact:.3f}" or ""]
            log.writerow(row)
            log_file.flush()
            print(*row, f"{tokens / minutes / 60:.0f} tokens/s", flush=True)
            losses = []
            if step % (8 * args.every) == 0:
                save(model, args.out)
    save(model, args.out)
    print(f"{(time.time() - begin) / 60:.1f} minutes, {tokens} tokens", flush=True)


def save(model, path):
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, path)


if __name__ == "__main__":
    main()
