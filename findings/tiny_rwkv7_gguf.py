# SPDX-License-Identifier: GPL-3.0-or-later
# tiny_rwkv7_gguf.py FILE TEMPLATE [WIDTH LAYERS]: a random RWKV-7 (width 64, two layers) with a vocabulary of bytes and the
# given chat template.
import sys

import numpy as np
from gguf import GGUFWriter

path, template = sys.argv[1], sys.argv[2]
width, layers = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 3 else (64, 2)
hidden, rank, head, vocabulary = 4 * width, 32, 32, 300
generator = np.random.default_rng(1)


def random(*shape):
    return (generator.standard_normal(shape) * 0.1).astype(np.float32)


def byte_text(value):
    return chr(value) if 32 < value < 127 and value != 92 else f"\\x{value:02x}"


file = GGUFWriter(path, "rwkv7")
file.add_block_count(layers)
file.add_context_length(1024)
file.add_embedding_length(width)
file.add_feed_forward_length(hidden)
file.add_layer_norm_eps(1e-5)
file.add_wkv_head_size(head)
file.add_head_count(0)
file.add_decay_lora_rank(rank)
file.add_iclr_lora_rank(rank)
file.add_value_residual_mix_lora_rank(rank)
file.add_gate_lora_rank(rank)
file.add_tokenizer_model("rwkv")
tokens = ["<s>"] + [byte_text(value) for value in range(256)]
file.add_token_list(tokens + [f"unused{i}" for i in range(vocabulary - len(tokens))])
file.add_token_types([3] + [1] * (vocabulary - 1))
file.add_bos_token_id(0)
file.add_eos_token_id(0)
file.add_eot_token_id(0)
file.add_chat_template(template)


def norm(name):
    file.add_tensor(name + ".weight", np.ones(width, np.float32))
    file.add_tensor(name + ".bias", random(width))


file.add_tensor("token_embd.weight", random(vocabulary, width))
file.add_tensor("output.weight", random(vocabulary, width))
norm("token_embd_norm")
norm("output_norm")
for layer in range(layers):
    block = f"blk.{layer}."
    for name in ("attn_norm", "attn_norm_2", "time_mix_ln"):
        norm(block + name)
    file.add_tensor(block + "time_mix_lerp_fused.weight", random(6, 1, 1, width))
    for name in "wavg":
        if name != "g":
            file.add_tensor(f"{block}time_mix_{name}0.weight", random(width))
        file.add_tensor(f"{block}time_mix_{name}1.weight", random(rank, width))
        file.add_tensor(f"{block}time_mix_{name}2.weight", random(width, rank))
    for name in ("k_k", "k_a", "r_k"):
        file.add_tensor(f"{block}time_mix_{name}.weight", random(width))
    for name in ("key", "value", "receptance", "output"):
        file.add_tensor(f"{block}time_mix_{name}.weight", random(width, width))
    file.add_tensor(block + "channel_mix_lerp_k.weight", random(1, 1, width))
    file.add_tensor(block + "channel_mix_key.weight", random(hidden, width))
    file.add_tensor(block + "channel_mix_value.weight", random(width, hidden))
file.write_header_to_file()
file.write_kv_data_to_file()
file.write_tensors_to_file()
file.close()
