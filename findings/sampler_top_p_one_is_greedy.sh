#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# In the rwkv package 0.8.32 a top_p of 1, which elsewhere means "no cut", draws the most likely token every time: the
# probabilities are summed as 32-bit floats, over the 65,536 tokens of the World vocabulary the sum never reaches 1, the
# search for the place where it does finds the first place, and only what is as likely as that token stays. 0.999999 does
# the same. Over 1,000 tokens it depends on the numbers. With torch 2.8.0 and numpy 2.4.6 on the CPU.
. "$(dirname "$0")/common.sh"
install rwkv==0.8.32 torch==2.8.0 numpy==2.4.6
draw() {
  python - "$@" <<'PYTHON'
import sys
import numpy, torch
from rwkv.utils import PIPELINE

count, seed, top_p = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
sampler = PIPELINE.__new__(PIPELINE)  # the sampler needs neither a model nor a vocabulary
logits = torch.randn(count, generator=torch.Generator().manual_seed(seed))
numpy.random.seed(1)
drawn = {sampler.sample_logits(logits, temperature=1.0, top_p=top_p) for _ in range(200)}
print("always the most likely" if drawn == {int(logits.argmax())} else "many" if len(drawn) > 100 else len(drawn))
PYTHON
}
same "65,536 tokens, top_p 0.99" "$(draw 65536 0 0.99)" "many"
same "65,536 tokens, top_p 0.999999" "$(draw 65536 0 0.999999)" "always the most likely"
same "65,536 tokens, top_p 1" "$(draw 65536 0 1)" "always the most likely"
same "1,000 tokens, top_p 1" "$(draw 1000 0 1)" "many"
same "1,000 other tokens, top_p 1" "$(draw 1000 1 1)" "always the most likely"
finish
