#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the RWKV-5.0 and 5.1 cases of tests/data/rwkv5: tiny random models and what the official implementation
computes from them. Needs Python 3.9+, torch (CPU; 2.2.2 was used), numpy and the `rwkv` package 0.8.32:

    RWKV_JIT_ON=0 python make_vectors.py OUTPUT_FOLDER

Each case is a folder like those of tests/golden/models: model.pth (official names, shapes and order, bf16),
manifest.json, vectors.safetensors (names as in tests/golden/README.md). The official loader folds ln0 into the
embedding in the dtype of the file, so the vectors are made from the same weights stored as fp32.
"""
import json
import os
import struct
import sys
import tempfile

os.environ.setdefault("RWKV_JIT_ON", "0")
os.environ["RWKV_CUDA_ON"] = "0"

import torch
from rwkv.model import RWKV

LAYERS, WIDTH, HEADS, FFN, VOCAB = 2, 48, 3, 80, 131
POSITIONS = [0, 1, 7, 31, 63]


def make_weights(version, log_first, generator):
    """Spread as the official initialisation spreads them, so that the state matters. Order as the training code has it."""

    def normal(*shape, scale=1.0):
        return torch.randn(*shape, generator=generator) * scale

    def uniform(*shape, low=0.0, high=1.0):
        return torch.rand(*shape, generator=generator) * (high - low) + low

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


def clone(state):
    return [tensor.clone() for tensor in state]


def token_by_token(model, tokens, state=None):
    rows = []
    for token in tokens:
        logits, state = model.forward([token], state)
        rows.append(logits.clone())
    return torch.stack(rows), state


def write_safetensors(path, tensors):
    header, data, at = {}, b"", 0
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": {torch.float32: "F32", torch.int32: "I32"}[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [at, at + len(raw)]}
        data += raw
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def make_case(folder, name, version, log_first, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = make_weights(version, log_first, generator)
    model = load(weights)
    assert f"{float(model.version):.1f}" == version, model.version
    tokens = torch.randint(0, VOCAB, (64,), generator=generator).tolist()
    after = torch.randint(0, VOCAB, (8,), generator=generator).tolist()

    rows, state = token_by_token(model, tokens)
    gpt, gpt_state = model.forward(tokens, None, full_output=True)
    resumed, _ = model.forward(after, clone(state))
    greedy, gaps, logits, running = [], [], rows[-1], clone(state)
    for _ in range(32):
        top = torch.topk(logits, 2)
        gaps.append(float(top.values[0] - top.values[1]))
        greedy.append(int(top.indices[0]))
        logits, running = model.forward([greedy[-1]], running)

    case = os.path.join(folder, name)
    os.makedirs(case, exist_ok=True)
    torch.save(weights, os.path.join(case, "model.pth"))
    tensors = {"T64.tokens": torch.tensor(tokens, dtype=torch.int32), "T64.rnn.logits": rows[POSITIONS],
               "T64.gpt.logits": gpt[POSITIONS], "T64.gpt.logits_last": gpt[-1],
               "resume.tokens": torch.tensor(after, dtype=torch.int32), "resume.gpt.logits_last": resumed,
               "greedy.tokens": torch.tensor(greedy, dtype=torch.int32)}
    for layer in range(LAYERS):
        for at, part in enumerate(["att_xx", "att_kv", "ffn_xx"]):
            tensors[f"T64.rnn.state.{part}.{layer}"] = state[layer * 3 + at].float()
    write_safetensors(os.path.join(case, "vectors.safetensors"), tensors)
    manifest = {
        "case": name, "architecture": f"RWKV-{version}", "version": version, "n_layer": LAYERS, "n_embd": WIDTH,
        "n_head": HEADS, "head_size": WIDTH // HEADS, "dim_ffn": FFN, "vocab_size": VOCAB,
        "reference": {"package": "rwkv", "version": "0.8.32", "strategy": "cpu fp32", "torch": torch.__version__},
        "sequences": {"T64": {"tokens": tokens, "positions": POSITIONS}},
        "resume": {"after": "T64", "tokens": after},
        "greedy": {"prompt": "T64", "tokens": greedy, "smallest_top1_top2_gap": min(gaps)},
        "measured": {"gpt_vs_rnn_max_abs": float((gpt - rows).abs().max()),
                     "gpt_vs_rnn_max_abs_state": max(float((a - b).abs().max()) for a, b in zip(state, gpt_state)),
                     "state_max_abs": max(float(s.abs().max()) for s in state), "logits_std": float(rows.std())},
        "tolerance": {"logits_fp32": 1e-4, "state_fp32": 1e-3},
    }
    with open(os.path.join(case, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
    print(name, manifest["measured"], "greedy gap", min(gaps))
    assert min(gaps) > 10 * manifest["tolerance"]["logits_fp32"], "too near to compare greedy text: take another seed"
    assert 0 not in greedy, "the end of the text, which generators may be told never to draw: take another seed"


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    make_case(folder, "v50_tiny", "5.0", False, 50)
    make_case(folder, "v50_log", "5.0", True, 500)
    make_case(folder, "v51_tiny", "5.1", False, 511)


if __name__ == "__main__":
    main()
