# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the guide model on a CPU.

    python train.py --minutes 25 --out out/guide.safetensors --log training_log.csv

Samples are chats in the official form ("User: q\\n\\nAssistant: a"); the loss counts the answers
and the end of text after them, and with a small weight the questions.  The phrasings in
eval/held_out.jsonl (one of every sixth entry) are only measured.  The learning rate warms up,
stays, and falls linearly to nearly 0.  Seeds are fixed; with --steps and --decay-from the
schedule is, too (--minutes makes it from the clock and prints both).
"""
import argparse
import csv
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import data
import gguf_file
from make_vocab import Tokenizer
from model import Rwkv7
from muon import Muon


def first_weights(path, model):
    """The weights of an exported guide.gguf, for a second stage that goes on from a shipped file."""
    keys, tensors = gguf_file.read(path)
    outer = {"token_embd.weight": "emb.weight", "token_embd_norm": "blocks.0.ln0", "output_norm": "ln_out",
             "output.weight": "head.weight"}
    inner = {"attn_norm_2": "ln2", "attn_norm": "ln1", "time_mix_ln": "att.ln_x", "channel_mix_lerp_k.weight": "ffn.x_k",
             "channel_mix_": "ffn.", "time_mix_": "att."}
    out = {}
    for name, tensor in tensors.items():
        if name.endswith("lerp_fused.weight"):
            layer = name.split(".")[1]
            out.update({f"blocks.{layer}.att.x_{x}": row for x, row in zip("rwkvag", tensor.reshape(6, -1))})
            continue
        for old, new in outer.items():
            if name.startswith(old):
                official = new + name[len(old):]
        if name.startswith("blk."):
            _, layer, rest = name.split(".", 2)
            old = next(o for o in inner if rest.startswith(o))
            rest = inner[old] + rest[len(old):]
            part = rest.removesuffix(".weight").removeprefix("att.")
            official = f"blocks.{layer}.{'att.' + part if len(part) == 2 or part in ('k_k', 'k_a', 'r_k') else rest}"
            if len(part) == 2 and part[1] in "12":
                tensor = tensor.T
        out[official] = tensor
    wanted = model.state_dict()
    return {n: torch.tensor(out[n].astype("float32")).reshape(t.shape) for n, t in wanted.items()}


def split(entries):
    """Takes the phrasings of eval/held_out.jsonl out of the training data; returns them with their answers."""
    with open(os.path.join(data.HERE, "eval", "held_out.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    turns = {e["id"]: e["turns"][0] for e in entries}
    for row in rows:
        turn = turns[row["id"]]
        turn["q"] = [q for q in turn["q"] if q != row["q"]]
    return [(row["q"], turns[row["id"]]["a"]) for row in rows]


class Samples:
    """An endless stream of batches (ids, targets), padded to the longest chat of each batch."""

    def __init__(self, entries, tok, tokens_per_batch, seed, short=False):
        self.rng = random.Random(seed)
        self.short = short
        self.tok, self.size = tok, tokens_per_batch
        self.singles = [(q, e["turns"][0]["q"], e["turns"][0]["a"]) for e in entries if len(e["turns"]) == 1
                        for q in e["turns"][0]["q"]]
        self.chats = [e["turns"] for e in entries if len(e["turns"]) > 1]
        self.order = []

    def single(self):
        if not self.order:
            self.order = list(range(len(self.singles)))
            self.rng.shuffle(self.order)
        return self.singles[self.order.pop()]

    def cut(self):
        """How many tokens of the last answer to train on; None for all."""
        if self.rng.random() >= (0.75 if self.short else 0.6):
            return None
        return self.rng.randint(5, 14) if self.short else self.rng.randint(8, 20)

    def chat(self, strength):
        rng = self.rng
        kind = rng.random()
        if kind < (0.62 if self.short else 0.45):
            pairs = [self.single()]
        elif kind < 0.9 or not self.chats:
            pairs = [self.single() for _ in range(rng.choice((2, 2, 3) if self.short else (2, 3, 3, 4)))]
        else:
            pairs = [self.single()] if rng.random() < 0.3 else []
            pairs += [(rng.choice(t["q"]), t["q"], t["a"]) for t in rng.choice(self.chats)]
            if rng.random() < 0.3:
                pairs.append(self.single())
        pairs = [(data.vary(rng, q, others, a, strength) if rng.random() < 0.85 else q, a) for q, others, a in pairs]
        return data.encode_chat(self.tok, pairs, leading_zero=rng.random() < 0.3,
                                cut=self.cut())

    def batches(self, strength=1.0):
        while True:
            pool = sorted((self.chat(strength) for _ in range(500)), key=lambda c: len(c[0]))
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


def groups(model, decay, muon):
    """Weight decay for matrices only; the decay bias w0 learns twice as fast (official trainer).

    Returns AdamW's groups and the matrices inside the blocks, which Muon takes (if asked to).
    """
    plain, heavy, fast, blocks = [], [], [], []
    for name, p in model.named_parameters():
        if name.endswith("att.w0"):
            fast.append(p)
        elif muon and p.dim() == 2 and name.startswith("blocks.") and name.endswith(".weight"):
            blocks.append(p)
        elif p.dim() == 2 and name.endswith(".weight"):
            heavy.append(p)
        else:
            plain.append(p)
    return [{"params": plain, "weight_decay": 0.0, "scale": 1.0},
            {"params": heavy, "weight_decay": decay, "scale": 1.0},
            {"params": fast, "weight_decay": 0.0, "scale": 2.0}], [{"params": blocks, "weight_decay": decay, "scale": 1.0}]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--embd", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=0, help="number of steps; 0: train for --minutes")
    parser.add_argument("--decay-from", type=int, help="the step from which the learning rate falls to nearly 0")
    parser.add_argument("--minutes", type=float, default=25, help="without --steps: time to train, by the clock")
    parser.add_argument("--init", metavar="FILE", help="begin with the weights of an earlier run")
    parser.add_argument("--short", action="store_true", help="more questions, less of each answer (second stage)")
    parser.add_argument("--hold", type=float, default=0.65, help="with --minutes: the share before the decay")
    parser.add_argument("--without", nargs="*", default=[], help="data files to leave out")
    parser.add_argument("--resume", metavar="FILE", help="go on from OUT.before-decay of an earlier run")
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--muon", type=int, default=1, help="Muon for the matrices inside the blocks; 0: AdamW for all")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--question-loss", type=float, default=0.1, help="weight of the questions' own tokens")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--bf16", type=int, default=1, help="bfloat16 autocast of the matrix products")
    parser.add_argument("--vocab", default=os.path.join(data.HERE, "vocab.json"))
    parser.add_argument("--out", default=os.path.join(data.HERE, "out", "guide.safetensors"))
    parser.add_argument("--log", default=os.path.join(data.HERE, "out", "training_log.csv"))
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_flush_denormal(True)
    tok = Tokenizer.load(args.vocab)
    entries = data.load(without=args.without)
    held = split(entries)
    samples = Samples(entries, tok, args.batch_tokens, args.seed, args.short)
    model = Rwkv7(len(tok.pieces), args.embd, args.layers, dropout=args.dropout).train()
    if args.init:
        model.load_state_dict(first_weights(args.init, model) if args.init.endswith(".gguf") else load_file(args.init))
    count = sum(p.numel() for p in model.parameters())
    print(f"{count} parameters, {len(entries)} entries, {len(samples.singles)} phrasings, {len(held)} held out",
          flush=True)
    for_adam, for_muon = groups(model, args.decay, args.muon)
    optimizers = [torch.optim.AdamW(for_adam, lr=args.lr, betas=(0.9, 0.99), eps=1e-9)]
    if args.muon:
        optimizers.append(Muon(for_muon, lr=args.lr))
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    log_file = open(args.log, "w", newline="", encoding="utf-8")
    log = csv.writer(log_file, lineterminator="\n")
    log.writerow(["step", "minutes", "tokens", "lr", "train_loss", "held_out_loss", "held_out_exact"])

    stream, warm = samples.batches(), 100
    begin, tokens, losses, step = time.time(), 0, [], 0
    if args.resume:
        saved = torch.load(args.resume)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        step, tokens = saved["step"], saved["tokens"]
        samples.rng.seed(args.seed + step)
        print(f"resumed after step {step}", flush=True)
    decay_from, limit = args.decay_from, args.minutes * 60
    while True:
        elapsed = time.time() - begin
        if step >= args.steps if args.steps else elapsed >= limit:
            break
        if not args.steps and decay_from is None and elapsed >= args.hold * limit:
            decay_from, decay_began = step, elapsed
            print(f"decay from step {step}", flush=True)
        if decay_from == step:
            torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step,
                        "tokens": tokens}, args.out + ".before-decay")
        lr = args.lr * min(1.0, (step + 1) / warm)
        if decay_from is not None and step >= decay_from:
            done = ((step - decay_from) / (args.steps - decay_from) if args.steps
                    else (elapsed - decay_began) / (limit - decay_began))
            lr *= 0.01 + 0.99 * (1 - done)
        for g in (g for optimizer in optimizers for g in optimizer.param_groups):
            g["lr"] = lr * g["scale"]
        ids, targets = next(stream)
        mask = targets >= 0
        # the questions count a little, too: it teaches which words go together
        also = F.pad(ids[:, 1:], (0, 1)) * ~mask
        wanted = mask | (also > 0) if args.question_loss else mask
        weight = torch.where(mask, 1.0, args.question_loss)[wanted]
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(args.bf16)):
            logits = model(ids, wanted)
        every = F.cross_entropy(logits.float(), torch.where(mask, targets, also)[wanted], reduction="none")
        loss = (every * weight).sum() / mask.sum()
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        losses.append((every.detach() * (weight == 1)).sum().item() / mask.sum().item())
        tokens += ids.numel()
        step += 1
        last = step == args.steps if args.steps else time.time() - begin >= limit
        if step % args.every == 0 or last:
            held_loss, exact = measure(model, tok, held) if step % (4 * args.every) == 0 or last else ("", "")
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
    print(f"{step} steps, decay from {decay_from}, {tokens} tokens, {(time.time() - begin) / 60:.1f} minutes "
          f"({time.process_time() / 60:.1f} minutes of CPU)", flush=True)


def save(model, path):
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, path)


if __name__ == "__main__":
    main()
