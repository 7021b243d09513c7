#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The RWKV-4 of transformers 5.24.0 halves the output matrices of every sixth layer in place at the first forward pass in
# evaluation. Saved after that and loaded again, the file's matrices are halved once more, and the model answers otherwise:
# here its logits move by more than their own standard deviation. With torch 2.8.0 on the CPU, a random model of 12 layers.
. "$(dirname "$0")/common.sh"
install transformers==5.24.0 torch==2.8.0 numpy==2.4.6
seen=$(python - "$place/model" 2>/dev/null <<'PYTHON'
import sys
import torch
from transformers import RwkvConfig, RwkvForCausalLM

torch.manual_seed(0)
model = RwkvForCausalLM(RwkvConfig(vocab_size=50, hidden_size=32, attention_hidden_size=32, num_hidden_layers=12,
                                   context_length=64, rescale_every=6)).eval()
matrix = lambda m: m.rwkv.blocks[6].attention.output.weight
tokens = torch.tensor([[1, 2, 3]])
with torch.no_grad():
    fresh = matrix(model).clone()
    before = model(tokens).logits
    ratios = [(matrix(model) / fresh).mean().item()]
    model.save_pretrained(sys.argv[1])
    again = RwkvForCausalLM.from_pretrained(sys.argv[1]).eval()
    after = again(tokens).logits
    ratios.append((matrix(again) / fresh).mean().item())
print(*ratios, "other logits" if (before - after).abs().max() > before.std() else "the same logits")
PYTHON
)
same "of the matrix in use, then and again" "$seen" "0.5 0.25 other logits"
finish
