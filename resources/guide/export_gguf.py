# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the trained weights and the vocabulary as one fp16 GGUF file, laid out as llama.cpp does for `rwkv7`.

    python export_gguf.py --weights out/guide.safetensors --out guide.gguf

Matrices are F16; vectors, norms and the decay LoRA (w1, w2) are F32.  LoRA matrices are
transposed; ln0 is not folded into the embedding; layer 0's unused v0, v1, v2 are copies of
a0, a1, a2 because readers of this architecture expect them.
"""
import argparse
import os

import numpy as np
from safetensors.numpy import load_file

import data
import gguf_file as gguf
from make_vocab import Tokenizer

# As rookery-cli convert writes it (engine/src/convert/gguf_metadata.cpp).
CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% set text = m.content | trim %}Assistant:"
    "{% else %}"
    "{% set text = (m.content | replace('\\r\\n', '\\n')).split('\\n') | reject('equalto', '') | join('\\n') | trim %}"
    "{% if m.role == 'user' %}User:{% else %}System:{% endif %}{% endif %}{% if text %}{{ ' ' + text }}"
    "{% endif %}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n\\nAssistant:' }}{% if thinking == 'off' %}{{ ' <think></think' }}"
    "{% elif thinking == 'fast' %}{{ ' <think>\\n</think' }}{% elif thinking == 'on' %}{{ ' <think' }}"
    "{% endif %}{% endif %}"
)


def escaped(piece):
    """A token as Python-escaped text: what repr(bytes) prints between the quotes."""
    return repr(piece)[2:-1]


def metadata(weights, tok):
    n_layer = 1 + max(int(n.split(".")[1]) for n in weights if n.startswith("blocks."))
    last = f"blocks.{n_layer - 1}.att."
    rank = lambda x: weights[last + x + "1"].shape[1]
    u32, f32, string = gguf.U32, gguf.F32, gguf.STRING
    return n_layer, [
        ("general.architecture", string, "rwkv7"),
        ("general.type", string, "model"),
        ("general.name", string, "Rookery guide"),
        ("general.description", string, "A tiny RWKV-7 that answers questions about Rookery, and nothing else."),
        ("general.license", string, "GPL-3.0-or-later"),
        ("general.file_type", u32, 1),
        ("general.quantization_version", u32, 2),
        ("rwkv7.context_length", u32, 1048576),
        ("rwkv7.embedding_length", u32, weights["emb.weight"].shape[1]),
        ("rwkv7.block_count", u32, n_layer),
        ("rwkv7.feed_forward_length", u32, weights["blocks.0.ffn.key.weight"].shape[0]),
        ("rwkv7.attention.head_count", u32, 0),
        ("rwkv7.attention.layer_norm_epsilon", f32, 1e-5),
        ("rwkv7.wkv.head_size", u32, 64),
        ("rwkv7.attention.decay_lora_rank", u32, rank("w")),
        ("rwkv7.attention.iclr_lora_rank", u32, rank("a")),
        ("rwkv7.attention.value_residual_mix_lora_rank", u32, rank("v")),
        ("rwkv7.attention.gate_lora_rank", u32, rank("g")),
        ("tokenizer.ggml.model", string, "rwkv"),
        ("tokenizer.ggml.tokens", string, ["<s>"] + [escaped(p) for p in tok.pieces[1:]]),
        ("tokenizer.ggml.token_type", gguf.I32, [3] + [1] * (len(tok.pieces) - 1)),
        ("tokenizer.ggml.bos_token_id", u32, 0),
        ("tokenizer.ggml.eos_token_id", u32, 0),
        ("tokenizer.ggml.eot_token_id", u32, 0),
        ("tokenizer.chat_template", string, CHAT_TEMPLATE),
    ]


def tensors(weights, n_layer):
    w = {n: t.astype(np.float32) for n, t in weights.items()}
    half = lambda t: t.astype("<f2")
    flat = lambda t: t.reshape(-1).astype("<f4")
    out = [("token_embd.weight", half(w["emb.weight"])),
           ("token_embd_norm.weight", flat(w["blocks.0.ln0.weight"])),
           ("token_embd_norm.bias", flat(w["blocks.0.ln0.bias"]))]
    for i in range(n_layer):
        b, o = f"blocks.{i}.", f"blk.{i}."
        for ours, theirs in (("ln1", "attn_norm"), ("ln2", "attn_norm_2"), ("att.ln_x", "time_mix_ln")):
            out += [(o + theirs + ".weight", flat(w[b + ours + ".weight"])),
                    (o + theirs + ".bias", flat(w[b + ours + ".bias"]))]
        lerp = np.stack([w[b + "att.x_" + x].reshape(-1) for x in "rwkvag"])
        out.append((o + "time_mix_lerp_fused.weight", lerp.reshape(6, 1, 1, -1).astype("<f4")))
        for x in "wavg":
            source = "a" if x == "v" and i == 0 else x
            if x != "g":
                out.append((o + f"time_mix_{x}0.weight", flat(w[b + f"att.{source}0"])))
            for n in "12":
                t = w[b + f"att.{source}{n}"].T
                out.append((o + f"time_mix_{x}{n}.weight", t.astype("<f4") if x == "w" else half(t)))
        for x in ("k_k", "k_a", "r_k"):
            out.append((o + f"time_mix_{x}.weight", flat(w[b + "att." + x])))
        for x in ("receptance", "key", "value", "output"):
            out.append((o + f"time_mix_{x}.weight", half(w[b + f"att.{x}.weight"])))
        out.append((o + "channel_mix_lerp_k.weight", flat(w[b + "ffn.x_k"])))
        for x in ("key", "value"):
            out.append((o + f"channel_mix_{x}.weight", half(w[b + f"ffn.{x}.weight"])))
    return out + [("output_norm.weight", flat(w["ln_out.weight"])), ("output_norm.bias", flat(w["ln_out.bias"])),
                  ("output.weight", half(w["head.weight"]))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", default=os.path.join(data.HERE, "out", "guide.safetensors"))
    parser.add_argument("--vocab", default=os.path.join(data.HERE, "vocab.json"))
    parser.add_argument("--out", default=os.path.join(data.HERE, "guide.gguf"))
    args = parser.parse_args()
    weights = load_file(args.weights)
    tok = Tokenizer.load(args.vocab)
    assert len(tok.pieces) == weights["emb.weight"].shape[0]
    n_layer, keys = metadata(weights, tok)
    size = gguf.write(args.out, keys, tensors(weights, n_layer))
    print(f"{sum(t.size for t in weights.values())} parameters, {size} bytes")


if __name__ == "__main__":
    main()
