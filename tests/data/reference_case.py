# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts beside have in common: a case of the golden data (a folder like those of tests/golden/models) from
a model's weights and the official implementation that has loaded them."""
import json
import os
import struct

import torch

POSITIONS = [0, 1, 7, 31, 63]


def normal(generator, *shape, scale=1.0):
    return torch.randn(*shape, generator=generator) * scale


def uniform(generator, *shape, low=0.0, high=1.0):
    return torch.rand(*shape, generator=generator) * (high - low) + low


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


def make_case(folder, name, weights, model, generator, state_parts, shape, tolerance):
    """`shape`: what the manifest says of the model, vocab_size and n_layer among it; `state_parts`: of a layer's state."""
    vocab, layers = shape["vocab_size"], shape["n_layer"]
    tokens = torch.randint(0, vocab, (64,), generator=generator).tolist()
    after = torch.randint(0, vocab, (8,), generator=generator).tolist()

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
    for layer in range(layers):
        for at, part in enumerate(state_parts):
            tensors[f"T64.rnn.state.{part}.{layer}"] = state[layer * len(state_parts) + at].float()
    write_safetensors(os.path.join(case, "vectors.safetensors"), tensors)
    manifest = {
        "case": name, **shape,
        "reference": {"package": "rwkv", "version": "0.8.32", "strategy": "cpu fp32", "torch": torch.__version__},
        "sequences": {"T64": {"tokens": tokens, "positions": POSITIONS}},
        "resume": {"after": "T64", "tokens": after},
        "greedy": {"prompt": "T64", "tokens": greedy, "smallest_top1_top2_gap": min(gaps)},
        "measured": {"gpt_vs_rnn_max_abs": float((gpt - rows).abs().max()),
                     "gpt_vs_rnn_max_abs_state": max(float((a - b).abs().max()) for a, b in zip(state, gpt_state)),
                     "state_max_abs": max(float(s.abs().max()) for s in state), "logits_std": float(rows.std())},
        "tolerance": tolerance,
    }
    with open(os.path.join(case, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
    print(name, manifest["measured"], "greedy gap", min(gaps))
    assert min(gaps) > 10 * tolerance["logits_fp32"], "too near to compare greedy text: take another seed"
    assert 0 not in greedy, "the end of the text, which generators may be told never to draw: take another seed"
