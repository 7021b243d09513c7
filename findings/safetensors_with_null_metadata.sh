#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# MLX 0.32.4 writes "__metadata__": null where it was given no metadata. The format's description knows an object of
# strings there; the safetensors package 0.8.0 reads null as none.
. "$(dirname "$0")/common.sh"
install mlx==0.32.4 mlx-cpu==0.32.4 safetensors==0.8.0 numpy==2.4.6
same "header by MLX" "$(python - "$place/a.safetensors" <<'PYTHON'
import struct, sys
import mlx.core as mx

mx.save_safetensors(sys.argv[1], {"weight": mx.zeros((2, 2))})
file = open(sys.argv[1], "rb")
print(file.read(struct.unpack("<Q", file.read(8))[0]).decode())
PYTHON
)" '{"__metadata__":null,"weight":{"data_offsets":[0,16],"dtype":"F32","shape":[2,2]}}'
same "metadata by safetensors" "$(python -c '
import sys
from safetensors import safe_open
print(safe_open(sys.argv[1], "np").metadata())' "$place/a.safetensors")" "None"
finish
