#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the RWKV-5.0 and 5.1 cases of tests/data/rwkv5: tiny random models and what the official implementation
computes from them. Needs Python 3.9+, torch (CPU; 2.2.2 was used), numpy and the `rwkv` package 0.8.32:

    RWKV_JIT_ON=0 python make_vectors.py OUTPUT_FOLDER

Each case is a folder like those of tests/golden/models: model.pth (official names, shapes and order, bf16),
manifest.json, vectors.safetensors (names as in tests/golden/README.md). The official loader folds ln0 into the
embedding in the dtype of the file, so the vectors are made from the same weights stored as fp32.
"""
import os
import sys
import tempfile

os.environ.setdefault("RWKV_JIT_ON", "0")
os.environ["RWKV_CUDA_ON"] = "0"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import torch
import reference_case
from rwkv.model import RWKV

LAYERS, WIDTH, HEADS, FFN, VOCAB = 2, 48, 3, 80, 131


def make_weights(version, log_first, generator):
    """Spread as the official initialisation spreads them, so that the state matters. Order as the training code has it."""

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
        for mix in ["k", "v", "r"] + (["g"] if version == "5.1" else []):
            w[b + f"att.time_mix_{mix}"] = uniform(1, 1, WIDTH)
        w[b + "att.time_decay"] = uniform(HEADS, low=-5.0, high=-1.0)
        if log_first:  # the oldest files: the logarithm of the bonus
            w[b + "att.time_first"] = uniform(HEADS, low=-1.0, high=0.5)
        else:
            w[b + "att.time_faaaa"] = uniform(HEADS, low=0.3, high=1.5)
        for name in ["receptance", "key", "value", "output"] + (["gate"] if version == "5.1" else []):
            w[b + f"att.{name}.weight"] = normal(WIDTH, WIDTH, scale=WIDTH**-0.5)
        w[b + "att.ln_x.weight"] = 1 + normal(WIDTH, scale=0.1)
        w[b + "att.ln_x.bias"] = normal(WIDTH, scale=0.1)
        w[b + "ffn.time_mix_k"] = uniform(1, 1, WIDTH)
        w[b + "ffn.time_mix_r"] = uniform(1, 1, WIDTH)
        w[b + "ffn.key.weight"] = normal(FFN, WIDTH, scale=WIDTH**-0.5)
        w[b + "ffn.receptance.weight"] = normal(WIDTH, WIDTH, scale=WIDTH**-0.5)
        w[b + "ffn.value.weight"] = normal(WIDTH, FFN, scale=FFN**-0.5)
    w["ln_out.weight"] = 1 + normal(WIDTH, scale=0.1)
    w["ln_out.bias"] = normal(WIDTH, scale=0.1)
    w["head.weight"] = normal(VOCAB, WIDTH, scale=WIDTH**-0.5)
    return {name: tensor.bfloat16() for name, tensor in w.items()}


def load(weights):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.pth")
        torch.save({name: tensor.float() for name, tensor in weights.items()}, path)
        return RWKV(model=path, strategy="cpu fp32", verbose=False)


def make_case(folder, name, version, log_first, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = make_weights(version, log_first, generator)
    model = load(weights)
    assert f"{float(model.version):.1f}" == version, model.version
    shape = {"architecture": f"RWKV-{version}", "version": version, "n_layer": LAYERS, "n_embd": WIDTH,
             "n_head": HEADS, "head_size": WIDTH // HEADS, "dim_ffn": FFN, "vocab_size": VOCAB}
    reference_case.make_case(folder, name, weights, model, generator, ["att_xx", "att_kv", "ffn_xx"], shape,
                             {"logits_fp32": 1e-4, "state_fp32": 1e-3})


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    make_case(folder, "v50_tiny", "5.0", False, 50)
    make_case(folder, "v50_log", "5.0", True, 500)
    make_case(folder, "v51_tiny", "5.1", False, 511)


if __name__ == "__main__":
    main()
