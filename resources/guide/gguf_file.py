# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes and reads the few parts of GGUF v3 that the guide needs (F32 and F16 tensors)."""
import struct

import numpy as np

ALIGNMENT = 32
U32, I32, F32, STRING, ARRAY = 4, 5, 6, 8, 9
DTYPES = {0: np.dtype("<f4"), 1: np.dtype("<f2")}


def _string(s):
    raw = s.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], value)


def write(path, metadata, tensors):
    """`metadata`: [(key, type, value)], lists become arrays; `tensors`: [(name, array)], row-major shapes."""
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
    for key, kind, value in metadata:
        out += _string(key)
        if isinstance(value, list):
            out += struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(_value(kind, v) for v in value)
        else:
            out += struct.pack("<I", kind) + _value(kind, value)
    offset = 0
    for name, array in tensors:
        code = next(c for c, d in DTYPES.items() if d == array.dtype)
        dims = array.shape[::-1]
        out += _string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims) + struct.pack("<IQ", code, offset)
        offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    out += b"\0" * (-len(out) % ALIGNMENT)
    for _, array in tensors:
        raw = np.ascontiguousarray(array).tobytes()
        out += raw + b"\0" * (-len(raw) % ALIGNMENT)
    with open(path, "wb") as f:
        f.write(out)
    return len(out)


def read(path):
    """Returns (metadata dict, {name: float32 array})."""
    with open(path, "rb") as f:
        raw = f.read()
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, raw, at)
        at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def string():
        nonlocal at
        n = take("Q")
        at += n
        return raw[at - n:at].decode("utf-8")

    def value(kind):
        if kind == STRING:
            return string()
        if kind == ARRAY:
            inner, n = take("I"), take("Q")
            return [value(inner) for _ in range(n)]
        return take({U32: "I", I32: "i", F32: "f"}[kind])

    assert raw[:4] == b"GGUF", path
    at = 4
    version, n_tensors, n_keys = take("I"), take("Q"), take("Q")
    assert version == 3
    metadata = {}
    for _ in range(n_keys):
        key = string()
        metadata[key] = value(take("I"))
    infos = []
    for _ in range(n_tensors):
        name, n_dims = string(), take("I")
        dims = [take("Q") for _ in range(n_dims)]
        infos.append((name, dims[::-1], DTYPES[take("I")], take("Q")))
    base = -(-at // ALIGNMENT) * ALIGNMENT
    tensors = {}
    for name, shape, dtype, offset in infos:
        n = int(np.prod(shape))
        tensors[name] = np.frombuffer(raw, dtype, n, base + offset).reshape(shape).astype(np.float32)
    return metadata, tensors
