# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 pack_seeds.py CORPUS_FOLDER SEEDS_FILE: inputs of a fuzzer's corpus (after its -merge=1) as one file, see
replay.cpp."""
import pathlib
import sys

inputs = sorted((f.read_bytes() for f in pathlib.Path(sys.argv[1]).iterdir()), key=lambda b: (len(b), b))
with open(sys.argv[2], "wb") as out:
    for data in inputs:
        out.write(len(data).to_bytes(4, "little") + data)
print(len(inputs), "inputs,", pathlib.Path(sys.argv[2]).stat().st_size, "bytes")
