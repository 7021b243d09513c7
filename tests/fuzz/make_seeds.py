# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 make_seeds.py FOLDER: inputs for fuzzers to start from, FOLDER/pth and so on: what no mutation finds by
itself. All of it is made here, without any package; torch's classes are only names in the pickles."""

import io
import json
import pathlib
import pickle
import struct
import sys
import zipfile

WIDTH = 16


class Global:
    """Pickled as MODULE.NAME."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickled as a call of a Global; `state`: what BUILD hands over, `new`: as the making of an object."""

    def __init__(self, function, *arguments, state=None, new=False):
        self.function, self.arguments, self.state, self.new = function, arguments, state, new


class Storage:
    def __init__(self, kind, key, elements, whole=False):
        self.kind, self.key, self.elements, self.whole = kind, key, elements, whole


class Pickler(pickle._Pickler):  # the one in Python, which can be taught
    dispatch = dict(pickle._Pickler.dispatch)

    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", Global("torch", value.kind), value.key, "cpu", value.elements) + (
                (None,) if value.whole else ()
            )

    def save_global_of(self, value):
        module, name = value.module, value.name
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + module.encode() + b"\n" + name.encode() + b"\n")

    def save_call(self, value):
        self.save(value.function)
        self.save(tuple(value.arguments))
        self.write(pickle.NEWOBJ if value.new else pickle.REDUCE)
        if value.state is not None:
            self.save(value.state)
            self.write(pickle.BUILD)

    dispatch[Global] = save_global_of
    dispatch[Call] = save_call


def dumps(value, protocol=2):
    out = io.BytesIO()
    Pickler(out, protocol).dump(value)
    return out.getvalue()


class Storages:
    """Hands out tensors and remembers their bytes."""

    def __init__(self, kind="FloatStorage", item=4):
        self.kind, self.item, self.bytes = kind, item, {}

    def tensor(self, *shape, fill=1):
        count = 1
        strides = []
        for size in reversed(shape):
            strides.insert(0, count)
            count *= size
        key = str(len(self.bytes))
        self.bytes[key] = bytes([fill]) * (count * self.item)
        return Call(
            Global("torch._utils", "_rebuild_tensor_v2"),
            Storage(self.kind, key, count),
            0,
            shape,
            tuple(strides),
            False,
            Call(Global("collections", "OrderedDict")),
        )

    def legacy(self, value, protocol=2):
        parts = [
            dumps(0x1950A86A20F9469CFC6C, protocol),
            dumps(1001, protocol),
            dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2}}, protocol),
            dumps(value, protocol),
            dumps(list(self.bytes), protocol),
        ]
        for data in self.bytes.values():
            parts += [struct.pack("<Q", len(data) // self.item), data]
        return b"".join(parts)

    def zipped(self, value, protocol=2, extra=()):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
            file.writestr("m/data.pkl", dumps(value, protocol))
            file.writestr("m/byteorder", "little")
            for key, data in self.bytes.items():
                file.writestr("m/data/" + key, data)
            for name, data in extra:
                file.writestr(name, data)
        return out.getvalue()


def model(storages, prefix=""):
    """RWKV-7, one layer, one head, vocabulary of two."""
    c, t = WIDTH, storages.tensor
    names = {
        "emb.weight": t(2, c),
        "head.weight": t(2, c),
        "blocks.0.ffn.key.weight": t(2, c),
        "blocks.0.ffn.value.weight": t(c, 2),
        "blocks.0.att.r_k": t(1, c),
    }
    one, square, low = t(c), t(c, c), t(c, 2)
    names |= {f"blocks.0.att.{n}.weight": square for n in ("receptance", "key", "value", "output")}
    names |= {f"blocks.0.att.{n}1": low for n in "wag"} | {f"blocks.0.att.{n}2": t(2, c) for n in "wag"}
    for norm in ("ln_out", "blocks.0.ln0", "blocks.0.ln1", "blocks.0.ln2", "blocks.0.att.ln_x"):
        names |= {norm + ".weight": one, norm + ".bias": one}
    names |= {
        "blocks.0." + n: one
        for n in (
            "att.x_r",
            "att.x_w",
            "att.x_k",
            "att.x_v",
            "att.x_a",
            "att.x_g",
            "att.w0",
            "att.a0",
            "att.k_k",
            "att.k_a",
            "ffn.x_k",
        )
    }
    return {prefix + name: tensor for name, tensor in names.items()}


def with_state_dict_metadata(entries):
    """How torch saves an nn.Module's state: an OrderedDict whose attributes hold the versions of the modules."""
    return Call(
        Global("collections", "OrderedDict"),
        [list(item) for item in entries.items()],
        state={"_metadata": Call(Global("collections", "OrderedDict"))},
    )


def pth_seeds():
    # Bare pickles: the target puts them beside the storages "0" (64 bytes) and "1" (6).
    float0, half1 = Storage("FloatStorage", "0", 16), Storage("HalfStorage", "1", 3)
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    none = Call(Global("collections", "OrderedDict"))

    def tensor(storage=float0, offset=0, shape=(4, 4), strides=(4, 1)):
        return Call(rebuild, storage, offset, shape, strides, False, none)

    typed = Call(
        Global("torch._utils", "_rebuild_tensor_v3"),
        Storage("UntypedStorage", "0", 64),
        0,
        (64,),
        (1,),
        False,
        none,
        Global("torch", "float8_e4m3fn"),
    )
    values = {
        "plain": {"emb.weight": tensor(), "b": tensor(half1, 0, (3,), (1,))},
        "views": {
            "turned": tensor(strides=(1, 4)),
            "repeated": tensor(strides=(0, 1)),
            "scalar": tensor(shape=(), strides=()),
            "part": tensor(offset=4, shape=(2, 2)),
        },
        "parameter": {"p": Call(Global("torch._utils", "_rebuild_parameter"), tensor(), True, none)},
        "of a class": {
            "p": Call(
                Global("torch._tensor", "_rebuild_from_type_v2"),
                rebuild,
                Global("torch.nn.parameter", "Parameter"),
                (float0, 0, (4,), (1,), False, none),
                {},
            )
        },
        "typed": {"t": typed, "odd": Call(Global("torch._utils", "_rebuild_sparse_tensor"), 1, (2,))},
        "metadata": with_state_dict_metadata({"a": tensor()}),
        "checkpoint": {
            "state_dict": {"emb.weight": tensor(), "blocks.0.att.r_k": tensor()},
            "epoch": 3,
            "loss": 0.5,
            "name": "x",
            "optimizer": {
                "state": {0: {"step": 1, "exp_avg": tensor()}},
                "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.99)}],
            },
            "args": Call(Global("argparse", "Namespace"), state={"n": 1}, new=True),
        },
        "two models": {"model": {"emb.weight": tensor()}, "ema": {"emb.weight": tensor()}},
        "wrapped": {"module.emb.weight": tensor(), "module.blocks.0.att.r_k": tensor()},
        "adapter": {"emb.weight": tensor(), "blocks.0.att.key.lora_A": tensor(), "blocks": {"0": {"lora_B": tensor()}}},
        "converted": {"_strategy": "cpu fp32", "_version": "0.7", "_rescale_layer": 0, "emb.weight": tensor()},
        "list": [tensor(), tensor(), tensor()],
        "tuple": (tensor(), (tensor(), [tensor()])),
        "tensor": tensor(),
        "shared": [tensor()] * 3,
        "values": {
            "e": tensor(),
            "n": Call(
                Global("numpy._core.multiarray", "scalar"),
                Call(Global("numpy", "dtype"), "f8", False, True, state=(3, "<")),
                b"12345678",
            ),
            "d": Call(Global("collections", "defaultdict"), Global("builtins", "dict")),
            "s": {1, 2},
            "f": frozenset({1}),
            "b": bytearray(b"x"),
            "by": b"y",
            "l": 1 << 70,
            "i": -5,
            "none": None,
            "t": True,
            "u": "ä" * 300,
            "h": Call(Global("_codecs", "encode"), "\x80", "latin1"),
            "date": Call(Global("datetime", "datetime"), b"\x07\xea\x0b\x1d\0\0\0\0\0\0"),
            "size": Call(Global("torch", "Size"), (1, 2)),
        },
        "code": {"e": tensor(), "c": Call(Global("os", "system"), "true")},
        "whole view": {"v": tensor(Storage("FloatStorage", "0", 16, whole=True))},
        "object": Call(Global("my.module", "Net"), state={"w": tensor()}, new=True),
        "state rwkv-tl": {"tmix": [{"x": tensor(), "rnn": tensor()}], "cmix": [{"x": tensor()}]},
        "deep": {"a": {"b": {"c": {"d": [[[[tensor()]]]]}}}},
    }
    out = [dumps(value, protocol) for value in values.values() for protocol in (1, 2, 4, 5)]
    for protocol in (2, 3, 4, 5):
        for kind, item in (("HalfStorage", 2), ("BFloat16Storage", 2)):
            storages = Storages(kind, item)
            whole = model(storages)
            out += [storages.legacy(whole, protocol), storages.zipped(whole, protocol)]
    storages = Storages("HalfStorage", 2)
    checkpoint = {"state_dict": model(storages, "model."), "global_step": 7}
    out += [
        storages.legacy(checkpoint),
        storages.zipped(
            checkpoint, 5, [("m/.format_version", "1"), ("m/.storage_alignment", "64"), ("m/version", "3\n")]
        ),
    ]
    return out


def safetensors(entries, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (kind, shape, raw) in entries.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def state_seeds():
    c = WIDTH
    shift, matrix = b"\0\x3c" * c, b"\0\x38" * (c * c)
    files = [
        safetensors(
            {
                "att_x_prev.0": ("F16", (c,), shift),
                "att_kv.0": ("F16", (1, c, c), matrix),
                "ffn_x_prev.0": ("F16", (c,), shift),
            },
            {
                "rookery.model": "m",
                "rookery.fingerprint": "f",
                "rookery.tokens": "12",
                "rookery.chat": "yes",
                "rookery.generation": "7",
            },
        ),
        safetensors(
            {"att_xx.0": ("F16", (c,), shift), "att_kv.0": ("F16", (1, c, c), matrix), "ffn_xx.0": ("F16", (c,), shift)}
        ),
        safetensors({"blocks.0.att.time_state": ("F16", (1, c, c), matrix)}),
    ] + [
        safetensors(
            {
                "tmix_shift": ("F16", (1, b, 1, c), shift * b),
                "wkv": ("F16", (1, b, 1, c, c), matrix * b),
                "cmix_shift": ("F16", (1, b, 1, c), shift * b),
            },
            {"format": "rwkv-state", "version": "1", "kind": "tuned"},
        )
        for b in (1, 2)
    ]
    for arranged in (
        lambda x, kv, y: [x, kv, y],
        lambda x, kv, y: (x, kv, y),
        lambda x, kv, y: {"state": [x, kv, y]},
        lambda x, kv, y: {"blocks.0.att.time_state": kv, "beside": [x, y]},
        lambda x, kv, y: {"tmix": [{"x": x, "rnn": kv}], "cmix": [{"x": y}]},
    ):
        t = Storages("HalfStorage", 2)
        value = arranged(t.tensor(c), t.tensor(1, c, c), t.tensor(c))
        files += [t.legacy(value), t.zipped(value, 5)]
    four = Storages("FloatStorage", 4)
    files.append(four.zipped([four.tensor(c) for _ in range(5)]))
    return files


def gguf(keys, tensors):
    def text(value):
        return struct.pack("<Q", len(value.encode())) + value.encode()

    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, (kind, value) in keys.items():
        out += text(key) + struct.pack("<I", kind) + (text(value) if kind == 8 else value)
    for name, shape, kind, offset in tensors:
        out += (
            text(name)
            + struct.pack("<I", len(shape))
            + struct.pack(f"<{len(shape)}Q", *shape)
            + struct.pack("<IQ", kind, offset)
        )
    return out + bytes(-len(out) % 32) + bytes(256)


def gguf_seeds():
    tokens = ["", *(f"\\x{i:02x}" for i in range(256)), "ab", "[PAD258]"]
    listed = struct.pack("<IQ", 8, len(tokens)) + b"".join(struct.pack("<Q", len(t)) + t.encode() for t in tokens)
    types = struct.pack("<IQ", 5, len(tokens)) + struct.pack(f"<{len(tokens)}i", *([3] + [6] * 256 + [1, 5]))
    named = {
        "general.architecture": (8, "rwkv7"),
        "rwkv7.block_count": (4, struct.pack("<I", 1)),
        "rwkv7.attention.layer_norm_epsilon": (6, struct.pack("<f", 1e-5)),
    }
    vocabulary = {"tokenizer.ggml.model": (8, "rwkv"), "tokenizer.ggml.tokens": (9, listed)}
    one = [("token_embd.weight", (16, 2), 0, 0)]
    return [
        gguf(vocabulary, []),
        gguf(named | vocabulary | {"tokenizer.ggml.token_type": (9, types)}, one),
        gguf(named, one + [("extra", (256,), 16, 0), ("blk.0.attn_norm.weight", (16,), 250, 0)]),
        gguf(named, [("extra", (256,), 39, 0)]),
    ]


def vocabulary_seeds():
    text = b"".join(b"%d %s %d\n" % (i + 1, repr(bytes([i])).encode(), 1) for i in range(256))
    words = [
        (257, "'ab'", 2),
        (258, "'\\u00e4'", 2),
        (260, '"it\'s"', 4),
        (300, "b'\\xff\\xfe'", 2),
        (65530, "'\\n\\n'", 2),
    ]
    text += "".join(f"{i} {literal} {length}\n" for i, literal, length in words).encode()
    table = {str(i + 1): chr(i) if i < 128 else [i] for i in range(256)} | {"257": "ab", "258": "ä", "300": [255, 254]}
    as_json = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    prints = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    letters = {b: chr(b) for b in prints} | {
        b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in prints)
    }
    ids = {letters[b]: b + 1 for b in range(256)} | {"ab": 257, "abc": 258}
    level = {"type": "ByteLevel", "add_prefix_space": False}

    def tokenizer(merges, normalizer):
        return json.dumps(
            {
                "added_tokens": [
                    {"id": 0, "content": "<|end|>", "special": True},
                    {"id": 300, "content": "  ", "normalized": True},
                ],
                "normalizer": normalizer,
                "pre_tokenizer": level,
                "decoder": level,
                "model": {"type": "BPE", "vocab": ids, "merges": merges},
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()

    return [
        text,
        text.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + text,
        as_json,
        tokenizer(["a b", "ab c"], {"type": "NFC"}),
        tokenizer([["a", "b"], ["ab", "c"]], None),
    ]


def folder_seeds():
    whole = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}, "metadata": {"total_size": 32}}
    config = {"num_hidden_layers": 2, "hidden_size": 2, "head_dim": 64, "norm_eps": 1e-5, "tie_word_embeddings": True}
    wrong = {"weight_map": {"a": "b.safetensors", "c": "../c.safetensors"}}
    return [
        json.dumps(value).encode()
        for value in (whole, config, whole | config, wrong, {"weight_map": {"a": "c.safetensors"}})
    ]


def main():
    folder = pathlib.Path(sys.argv[1])
    made = {
        "pth": pth_seeds(),
        "state": state_seeds(),
        "gguf": gguf_seeds(),
        "vocabulary": vocabulary_seeds(),
        "folder": folder_seeds(),
    }
    for name, seeds in made.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i, seed in enumerate(seeds):
            (folder / name / f"made_{i:03}").write_bytes(seed)
        print(name, len(seeds), "inputs, the largest of", max(map(len, seeds)), "bytes")


main()
