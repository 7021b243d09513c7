#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# llama.cpp's mixes for quantised models choose finer types by the names of the tensors of Transformers (attn_v, ffn_down),
# which RWKV does not have. So every tensor of an RWKV-7 in Q4_K_M is that of Q4_K_S, those of Q3_K_M and Q3_K_L are those of
# Q3_K_S, and those of Q5_K_M those of Q5_K_S. And MXFP4_MOE, which is for mixtures of experts, makes a file without any
# MXFP4: its matrices are Q8_0. With cyllama 0.2.18, which has llama.cpp's own llama_model_quantize, and a random model of
# 12 layers.
. "$(dirname "$0")/common.sh"
install cyllama==0.2.18 gguf==0.19.0 numpy==2.4.6
python "$here/tiny_rwkv7_gguf.py" "$place/model.gguf" "" 256 12
seen=$(python - "$place" 2>/dev/null <<'PYTHON'
import sys
import numpy as np
from cyllama.llama.llama_cpp import LlamaModelQuantizeParams, model_quantize
from gguf import GGUFReader

folder = sys.argv[1]
numbers = {"Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17,
           "MXFP4_MOE": 38}


def quantised(name):
    parameters = LlamaModelQuantizeParams()
    parameters.ftype = numbers[name]
    model_quantize(f"{folder}/model.gguf", f"{folder}/{name}.gguf", parameters)
    return {t.name: (t.tensor_type.name, np.array(t.data).tobytes()) for t in GGUFReader(f"{folder}/{name}.gguf").tensors}


for less, more in (("Q3_K_S", "Q3_K_M"), ("Q3_K_S", "Q3_K_L"), ("Q4_K_S", "Q4_K_M"), ("Q5_K_S", "Q5_K_M")):
    a, b = quantised(less), quantised(more)
    print(less, more, sum(a[name] == b[name] for name in a), "of", len(a), "tensors")
print("MXFP4_MOE", *sorted({kind for kind, _ in quantised("MXFP4_MOE").values()}))
PYTHON
)
line() { grep "^$1" <<< "$seen"; }
same "Q3_K_S and M" "$(line 'Q3_K_S Q3_K_M')" "Q3_K_S Q3_K_M 342 of 342 tensors"
same "Q3_K_S and L" "$(line 'Q3_K_S Q3_K_L')" "Q3_K_S Q3_K_L 342 of 342 tensors"
same "Q4_K_S and M" "$(line 'Q4_K_S Q4_K_M')" "Q4_K_S Q4_K_M 342 of 342 tensors"
same "Q5_K_S and M" "$(line 'Q5_K_S Q5_K_M')" "Q5_K_S Q5_K_M 342 of 342 tensors"
same "types of MXFP4_MOE" "$(line MXFP4_MOE)" "MXFP4_MOE F32 Q8_0"
finish
