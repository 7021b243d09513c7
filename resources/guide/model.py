# SPDX-License-Identifier: GPL-3.0-or-later
"""RWKV-7 in PyTorch, with the official tensor names, for training on a CPU.

`forward` takes token ids [B, T], starts from the empty state and returns logits
[B, T, V].  `python model.py --check-golden DIR` compares it with vectors of the
official implementation (see check_golden), `--check-op` checks the C++ operator.
"""
import argparse
import math
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

HEAD_SIZE = 64
GROUP_NORM_EPS = 64e-5
DECAY_SCALE = -0.606531  # -exp(-0.5)

_op = None


def load_op():
    """Builds wkv7.cpp on first use (cached by torch) and returns the module."""
    global _op
    if _op is None:
        from torch.utils.cpp_extension import load
        here = os.path.dirname(os.path.abspath(__file__))
        _op = load(name="rookery_guide_ops", sources=[os.path.join(here, "wkv7.cpp")],
                   extra_cflags=["-O3", "-march=native", "-ffast-math", "-fopenmp", "-std=c++17",
                                 "-mprefer-vector-width=512"],
                   extra_ldflags=["-fopenmp"])
    return _op


class Wkv7(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r, w, k, v, a, b):
        args = [t.float().contiguous() for t in (r, w, k, v, a, b)]
        y, saved = load_op().forward(*args)
        ctx.save_for_backward(*args, saved)
        return y

    @staticmethod
    def backward(ctx, dy):
        return tuple(load_op().backward(*ctx.saved_tensors, dy.float().contiguous()))


class ReluSquared(torch.autograd.Function):
    """relu(x)^2, keeping one tensor for the backward pass instead of three."""

    @staticmethod
    def forward(ctx, x):
        x = torch.relu(x)
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0] * 2


class Mix(torch.autograd.Function):
    """x + (previous - x) * m for every row of m, in one pass over memory."""

    @staticmethod
    def forward(ctx, x, m):
        ctx.save_for_backward(x, m)
        return tuple(load_op().mix_forward(x, m, torch.is_autocast_cpu_enabled()))

    @staticmethod
    def backward(ctx, *dout):
        return tuple(load_op().mix_backward(*ctx.saved_tensors, [d.contiguous() for d in dout]))


class Core(torch.autograd.Function):
    """Time mix between its matrices: decay, gates, normalised key, recurrence, group norm, bonus, output gate."""

    @staticmethod
    def forward(ctx, params, *rows):
        rows = [t.contiguous() for t in rows]
        out, saved = load_op().core_forward(rows, params)
        ctx.save_for_backward(params, saved, *rows)
        return out

    @staticmethod
    def backward(ctx, dout):
        params, saved, *rows = ctx.saved_tensors
        *grads, dparams = load_op().core_backward(rows, params, saved, dout.contiguous())
        return (dparams, *grads)


def wkv7_reference(r, w, k, v, a, b):
    """The same recurrence, token by token, in plain PyTorch (for tests)."""
    B, T, H, N = r.shape
    s = torch.zeros(B, H, N, N, dtype=r.dtype)  # [value, key]
    out = []
    for t in range(T):
        rt, wt, kt, vt, at, bt = (x[:, t] for x in (r, w, k, v, a, b))
        sa = (s @ at.unsqueeze(-1))
        s = s * wt.unsqueeze(-2) + sa @ bt.unsqueeze(-2) + vt.unsqueeze(-1) @ kt.unsqueeze(-2)
        out.append((s @ rt.unsqueeze(-1)).squeeze(-1))
    return torch.stack(out, 1)


def shift(x):
    """The previous token's row, zero for the first."""
    return F.pad(x, (0, 0, 1, -1))


class TimeMix(nn.Module):
    def __init__(self, n_embd, n_layer, layer, ranks):
        super().__init__()
        C, H = n_embd, n_embd // HEAD_SIZE
        self.layer = layer
        p = lambda *shape: nn.Parameter(torch.zeros(*shape))
        for name in "rwkvag":
            setattr(self, "x_" + name, p(1, 1, C))
        for name in ("w", "a", "v", "g"):
            if name == "v" and layer == 0:
                continue
            D = ranks[name]
            if name != "g":
                setattr(self, name + "0", p(1, 1, C))
            setattr(self, name + "1", p(C, D))
            setattr(self, name + "2", p(D, C))
        self.k_k = p(1, 1, C)
        self.k_a = p(1, 1, C)
        self.r_k = p(H, HEAD_SIZE)
        for name in ("receptance", "key", "value", "output"):
            setattr(self, name, nn.Linear(C, C, bias=False))
        self.ln_x = nn.GroupNorm(H, C, eps=GROUP_NORM_EPS)
        self.init(n_layer)

    @torch.no_grad()
    def init(self, n_layer):
        """As the official trainer initialises x070."""
        C, layer = self.x_r.shape[-1], self.layer
        up = layer / max(1, n_layer - 1)
        down = 1.0 - layer / n_layer
        i = torch.arange(C).float()
        ddd = (i / C).view(1, 1, C)
        self.x_r.copy_(1 - ddd ** (0.2 * down))
        self.x_w.copy_(1 - ddd ** (0.9 * down))
        self.x_k.copy_(1 - ddd ** (0.7 * down))
        self.x_v.copy_(1 - ddd ** (0.7 * down))
        self.x_a.copy_(1 - ddd ** (0.9 * down))
        self.x_g.copy_(1 - ddd ** (0.2 * down))
        linear = i / (C - 1) - 0.5
        z = ((i % HEAD_SIZE) - (HEAD_SIZE - 1) / 2) / ((HEAD_SIZE - 1) / 2)
        zigzag = z * z.abs()
        decay = -6 + 6 * (i / (C - 1)) ** (1 + up ** 0.3)
        self.w0.copy_((decay + 0.5 + zigzag * 2.5).view(1, 1, C))
        self.a0.copy_((-0.19 + zigzag * 0.3 + linear * 0.4).view(1, 1, C))
        for name in ("w2", "a2", "v2", "g2"):
            if hasattr(self, name):
                nn.init.orthogonal_(getattr(self, name), gain=0.1)
        if hasattr(self, "v0"):
            self.v0.copy_((0.73 - linear * 0.4).view(1, 1, C))
        self.k_k.copy_((0.71 - linear * 0.1).view(1, 1, C))
        self.k_a.fill_(1.02)
        self.r_k.fill_(-0.04)
        bound = 0.5 / math.sqrt(C)
        self.receptance.weight.uniform_(-bound, bound)
        self.key.weight.uniform_(-0.1 * bound, 0.1 * bound)
        self.value.weight.uniform_(-bound, bound)
        self.output.weight.zero_()
        self.ln_x.weight.fill_(((1 + layer) / n_layer) ** 0.7)

    def forward(self, x, v_first, fused):
        if fused:
            C = x.shape[-1]
            mixes = torch.cat([getattr(self, "x_" + n) for n in "rwkvag"]).view(6, C)
            xr, xw, xk, xv, xa, xg = Mix.apply(x, mixes)
            r, k, v = self.receptance(xr), self.key(xk), self.value(xv)
            none = v.new_empty(0)
            v_first = none if self.layer == 0 else v_first
            lv = none if self.layer == 0 else xv @ self.v1 @ self.v2
            v0 = torch.zeros_like(self.w0) if self.layer == 0 else self.v0
            params = torch.cat([p.reshape(1, C) for p in (self.w0, self.a0, v0, self.k_k, self.k_a, self.r_k,
                                                          self.ln_x.weight, self.ln_x.bias)])
            y = Core.apply(params, r, k, v, torch.tanh(xw @ self.w1) @ self.w2, xa @ self.a1 @ self.a2, lv,
                           torch.sigmoid(xg @ self.g1) @ self.g2, v_first)
            return self.output(y), v if self.layer == 0 else v_first
        return self.plain(x, v_first)

    def plain(self, x, v_first):
        """The same, written out; used by the tests."""
        B, T, C = x.shape
        heads = lambda t: t.view(B, T, -1, HEAD_SIZE)
        d = shift(x) - x
        mix = lambda m: torch.addcmul(x, d, m)
        r = self.receptance(mix(self.x_r))
        w = torch.tanh(mix(self.x_w) @ self.w1) @ self.w2
        w = torch.exp(DECAY_SCALE * torch.sigmoid((self.w0 + w).float()))
        k = self.key(mix(self.x_k))
        xv = mix(self.x_v)
        v = self.value(xv)
        if self.layer == 0:
            v_first = v
        else:
            v = v + (v_first - v) * torch.sigmoid(self.v0 + xv @ self.v1 @ self.v2)
        a = torch.sigmoid(self.a0 + mix(self.x_a) @ self.a1 @ self.a2)
        g = torch.sigmoid(mix(self.x_g) @ self.g1) @ self.g2
        kk = F.normalize(heads(k * self.k_k), dim=-1, p=2.0, eps=1e-12)
        k = k * (1 + (a - 1) * self.k_a)
        rh, kh, vh = heads(r), heads(k), heads(v)
        y = Wkv7.apply(rh, heads(w), kh, vh, -kk, kk * heads(a))
        # the group norm `ln_x`, as a layer norm per head (its backward is much faster on a CPU)
        y = F.layer_norm(y, (HEAD_SIZE,), eps=GROUP_NORM_EPS).view(B, T, C)
        y = torch.addcmul(self.ln_x.bias, y, self.ln_x.weight)
        y = y + ((rh * kh * self.r_k).sum(-1, keepdim=True) * vh).view(B, T, C)
        return self.output(y * g), v_first


class ChannelMix(nn.Module):
    def __init__(self, n_embd, n_layer, layer, dim_ffn):
        super().__init__()
        self.x_k = nn.Parameter(torch.zeros(1, 1, n_embd))
        self.key = nn.Linear(n_embd, dim_ffn, bias=False)
        self.value = nn.Linear(dim_ffn, n_embd, bias=False)
        with torch.no_grad():
            ddd = (torch.arange(n_embd).float() / n_embd).view(1, 1, n_embd)
            self.x_k.copy_(1 - ddd ** ((1.0 - layer / n_layer) ** 4))
            bound = 0.5 / math.sqrt(n_embd)
            self.key.weight.uniform_(-bound, bound)
            self.value.weight.zero_()

    def forward(self, x, fused):
        mixed = Mix.apply(x, self.x_k[0])[0] if fused else torch.addcmul(x, shift(x) - x, self.x_k)
        k = self.key(mixed)
        return self.value(ReluSquared.apply(k))


class Block(nn.Module):
    def __init__(self, n_embd, n_layer, layer, dim_ffn, ranks):
        super().__init__()
        if layer == 0:
            self.ln0 = nn.LayerNorm(n_embd)
        self.ln1 = nn.LayerNorm(n_embd)
        self.ln2 = nn.LayerNorm(n_embd)
        self.att = TimeMix(n_embd, n_layer, layer, ranks)
        self.ffn = ChannelMix(n_embd, n_layer, layer, dim_ffn)

    def forward(self, x, v_first, fused, dropout):
        if hasattr(self, "ln0"):
            x = self.ln0(x)
        y, v_first = self.att(self.ln1(x), v_first, fused)
        x = x + F.dropout(y, dropout, self.training)
        x = x + F.dropout(self.ffn(self.ln2(x), fused), dropout, self.training)
        return x, v_first


class Rwkv7(nn.Module):
    def __init__(self, vocab, n_embd, n_layer, dim_ffn=None, ranks=None, dropout=0.0):
        super().__init__()
        ranks = ranks or {"w": 32, "a": 32, "v": 32, "g": 64}
        self.emb = nn.Embedding(vocab, n_embd)
        self.blocks = nn.ModuleList(
            [Block(n_embd, n_layer, i, dim_ffn or 4 * n_embd, ranks) for i in range(n_layer)])
        self.ln_out = nn.LayerNorm(n_embd)
        self.head = nn.Linear(n_embd, vocab, bias=False)
        self.dropout = dropout
        self.fused = True  # the C++ operators; else plain PyTorch around the recurrence
        with torch.no_grad():
            self.emb.weight.uniform_(-1e-4, 1e-4)
            gain = 0.5 * math.sqrt(max(1.0, vocab / n_embd))
            nn.init.orthogonal_(self.head.weight, gain=gain)

    @staticmethod
    def from_state_dict(tensors, dropout=0.0):
        """Builds the model whose sizes the tensors have; unused v0/v1/v2 of layer 0 are dropped."""
        tensors = {n: t.float() for n, t in tensors.items() if not n.startswith("blocks.0.att.v") or
                   n.endswith("value.weight")}
        vocab, n_embd = tensors["emb.weight"].shape
        n_layer = 1 + max(int(n.split(".")[1]) for n in tensors if n.startswith("blocks."))
        ranks = {x: tensors[f"blocks.{n_layer - 1}.att.{x}1"].shape[1] for x in "wavg"}
        model = Rwkv7(vocab, n_embd, n_layer, tensors["blocks.0.ffn.key.weight"].shape[0], ranks, dropout)
        own = model.state_dict()
        model.load_state_dict({n: t.reshape(own[n].shape) for n, t in tensors.items()})
        return model

    def forward(self, tokens, select=None):
        """Logits [B, T, V]; with `select` (a bool mask [B, T]) only of those rows, [n, V]."""
        x, v_first = self.emb(tokens), None
        for block in self.blocks:
            x, v_first = block(x, v_first, self.fused, self.dropout)
        if select is not None:
            x = x[select]
        return self.head(self.ln_out(x))


def check_op():
    """The C++ operator against the plain loop: outputs and all six gradients."""
    torch.manual_seed(1)
    worst = 0.0
    for B, T, H in ((2, 37, 3), (1, 16, 1), (3, 1, 2), (1, 100, 1)):
        shape = (B, T, H, HEAD_SIZE)
        kk = F.normalize(torch.randn(shape), dim=-1)
        base = [torch.randn(shape), torch.exp(DECAY_SCALE * torch.rand(shape)), torch.randn(shape) * 0.3,
                torch.randn(shape), -kk, kk * torch.rand(shape)]
        dy = torch.randn(shape)
        mine = [t.clone().requires_grad_() for t in base]
        theirs = [t.double().requires_grad_() for t in base]
        y, z = Wkv7.apply(*mine), wkv7_reference(*theirs)
        y.backward(dy)
        z.backward(dy.double())
        pairs = [(y, z)] + [(m.grad, t.grad) for m, t in zip(mine, theirs)]
        for got, want in pairs:
            worst = max(worst, ((got.double() - want).abs().max() / want.abs().max()).item())
    print(f"wkv7 operator: largest relative difference {worst:.1e}")
    model = Rwkv7(50, 128, 3)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    tokens, grads = torch.randint(0, 50, (3, 37)), []
    for fused in (True, False):
        model.fused = fused
        model.zero_grad()
        logits = model(tokens)
        F.cross_entropy(logits.view(-1, 50), tokens.roll(-1, 1).reshape(-1)).backward()
        grads.append([logits.detach()] + [p.grad.clone() for p in model.parameters()])
    fused = max(((a - b).abs().max() / b.abs().max().clamp_min(1e-8)).item() for a, b in zip(*grads))
    print(f"fused operators: largest relative difference of logits and gradients {fused:.1e}")
    return worst < 1e-5 and fused < 1e-3


@torch.no_grad()
def check_golden(folder):
    """`folder` holds model.safetensors and vectors.safetensors of an RWKV-7 test case."""
    from safetensors.torch import load_file
    model = Rwkv7.from_state_dict(load_file(os.path.join(folder, "model.safetensors"))).eval()
    vectors = load_file(os.path.join(folder, "vectors.safetensors"))
    worst = 0.0
    for name, positions in (("T64", [0, 1, 7, 31, 63]), ("T300", None)):
        if name + ".tokens" not in vectors:
            continue
        logits = model(vectors[name + ".tokens"].long()[None])[0]
        if positions:
            worst = max(worst, (logits[positions] - vectors[name + ".rnn.logits"]).abs().max().item())
        worst = max(worst, (logits[-1] - vectors[name + ".gpt.logits_last"]).abs().max().item())
    print(f"golden vectors: largest difference {worst:.1e}")
    return worst < 1e-4


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check-op", action="store_true")
    parser.add_argument("--check-golden", metavar="DIR")
    args = parser.parse_args()
    ok = True
    if args.check_op:
        ok = check_op() and ok
    if args.check_golden:
        ok = check_golden(args.check_golden) and ok
    sys.exit(0 if ok else 1)
