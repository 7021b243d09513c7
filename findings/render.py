# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the Markdown from standard input as HTML in one line: render.py md4c|cmark-gfm"""
import ctypes
import sys


def md4c(text):
    """md_html() of md4c, with MD_FLAG_TABLES and MD_FLAG_STRIKETHROUGH."""
    pieces = []
    output = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p)
    collect = output(lambda data, size, _: pieces.append(ctypes.string_at(data, size)))
    render = ctypes.CDLL("libmd4c-html.so.0").md_html
    render.argtypes = [ctypes.c_char_p, ctypes.c_uint, output, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    if render(text, len(text), collect, None, 0x0100 | 0x0200, 0) != 0:
        sys.exit("md4c failed")
    return b"".join(pieces).decode()


def cmark_gfm(text):
    import cmarkgfm

    return cmarkgfm.markdown_to_html_with_extensions(text.decode(), extensions=["table", "strikethrough"])


render = {"md4c": md4c, "cmark-gfm": cmark_gfm}[sys.argv[1]]
print("".join(render(sys.stdin.buffer.read()).split("\n")))
