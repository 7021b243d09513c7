#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the case of tests/data/rwkv7a: a tiny random RWKV-7a (RWKV-7 with DeepEmbed) and what the official
implementation computes from it. Needs Python 3.9+, torch (CPU; 2.8.0 was used), numpy and the `rwkv` package 0.8.32:

    python make_vectors.py OUTPUT_FOLDER

The case is a folder like those of tests/golden/models: model.pth (official names and shapes, bf16), manifest.json,
vectors.safetensors (names as in tests/golden/README.md). The package's strategy is "cpu fp32", so ln0 and s_emb_x are
folded into its tables in fp32: the vectors belong to the stored weights taken as exact numbers.
"""
import os
import sys
import tempfile

os.environ["RWKV_V7_ON"] = "1"
os.environ["RWKV_DE_VERSION"] = "1"
os.environ["RWKV_JIT_ON"] = "0"
os.environ["RWKV_CUDA_ON"] = "0"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import torch
import reference_case
from rwkv.model import RWKV

LAYERS, WIDTH, HEADS, FFN, VOCAB = 2, 48, 3, 80, 51
RANKS = {"w": 12, "a": 20, "v": 8, "g": 24}
DEEP = 32  # the package has this number in its code


def make_weights(generator):
    """Spread as the official initialisation spreads them, so that the state matters; the factors of DeepEmbed 1 +- 1."""

    def normal(*shape, **spread):
        return reference_case.normal(generator, *shape, **spread)

    def uniform(*shape, **spread):
        return reference_case.uniform(generator, *shape, **spread)

    w = {"emb.weight": normal(VOCAB, WIDTH, scale=0.5)}
    for i in range(LAYERS):
        b = f"blocks.{i}."
        for ln in ["ln1", "ln2"] + (["ln0"] if i == 0 else []):
            w[b + ln + ".weight"] = 1 + normal(WIDTH, scale=0.1)
            w[b + ln + ".bias"] = normal(WIDTH, scale=0.1)
        for mix in "rwkvag":
            w[b + f"att.x_{mix}"] = uniform(1, 1, WIDTH)
        offsets = {"w": uniform(1, 1, WIDTH, low=-6.0, high=0.0), "a": normal(1, 1, WIDTH, scale=0.5),
                   "v": 1 + normal(1, 1, WIDTH, scale=0.5)}
        for part, rank in RANKS.items():
            if part == "v" and i == 0:
                continue
            if part in offsets:
                w[b + f"att.{part}0"] = offsets[part]
            w[b + f"att.{part}1"] = normal(WIDTH, rank, scale=WIDTH**-0.5)
            w[b + f"att.{part}2"] = normal(rank, WIDTH, scale=rank**-0.5)
        w[b + "att.k_k"] = 0.85 + normal(1, 1, WIDTH, scale=0.1)
        w[b + "att.k_a"] = 1 + normal(1, 1, WIDTH, scale=0.1)
        w[b + "att.r_k"] = normal(HEADS, WIDTH // HEADS, scale=0.1)
        for name in ["receptance", "key", "value", "output"]:
            w[b + f"att.{name}.weight"] = normal(WIDTH, WIDTH, scale=WIDTH**-0.5)
        w[b + "att.ln_x.weight"] = 1 + normal(WIDTH, scale=0.1)
        w[b + "att.ln_x.bias"] = normal(WIDTH, scale=0.1)
        w[b + "ffn.x_k"] = uniform(1, 1, WIDTH)
        w[b + "ffn.key.weight"] = normal(FFN, WIDTH, scale=WIDTH**-0.5)
        w[b + "ffn.value.weight"] = normal(WIDTH, FFN, scale=FFN**-0.5)
        half = 0.5**0.5 * DEEP**-0.5  # table and s_emb_x make about half of a row each
        w[b + "ffn.s_emb.weight"] = normal(VOCAB, DEEP * DEEP, scale=half)
        w[b + "ffn.s_emb_x.weight"] = normal(DEEP * DEEP, WIDTH, scale=half * WIDTH**-0.5)
        w[b + "ffn.s0"] = 1 + normal(1, 1, FFN, scale=0.2)
        w[b + "ffn.s1"] = normal(WIDTH, DEEP, scale=WIDTH**-0.5)
        w[b + "ffn.s2"] = normal(DEEP, FFN, scale=DEEP**-0.5)
    w["ln_out.weight"] = 1 + normal(WIDTH, scale=0.1)
    w["ln_out.bias"] = normal(WIDTH, scale=0.1)
    w["head.weight"] = normal(VOCAB, WIDTH, scale=WIDTH**-0.5)
    return {name: tensor.bfloat16() for name, tensor in w.items()}


def load(weights):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model")
        torch.save(weights, path + ".pth")
        return RWKV(model=path, strategy="cpu fp32")


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(70)
    weights = make_weights(generator)
    shape = {"architecture": "RWKV-7a (x070 with DeepEmbed)", "version": "7a", "n_layer": LAYERS, "n_embd": WIDTH,
             "n_head": HEADS, "head_size": WIDTH // HEADS, "dim_ffn": FFN, "vocab_size": VOCAB, "lora": {**RANKS, "s": DEEP}}
    reference_case.make_case(sys.argv[1], "v7a_tiny", weights, load(weights), generator, ["att_x_prev", "att_kv", "ffn_x_prev"],
                             shape, {"logits_fp32": 1e-4, "state_fp32": 2e-4})


if __name__ == "__main__":
    main()
