# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the findings about Markdown: md4c 0.4.8 (Debian's packages, unpacked) and cmark-gfm (as the Python package
# cmarkgfm 2025.10.22), and a function that checks what they make of a text.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

(cd "$place" && apt-get -qq download libmd4c0=0.4.8-1 libmd4c-html0=0.4.8-1 &&
  for package in ./*.deb; do dpkg-deb -x "$package" root; done)
install cmarkgfm==2025.10.22
libraries=$(dirname "$(find "$place/root" -name 'libmd4c.so.0')")

# expect LIBRARY TEXT HTML: what md4c or cmark-gfm makes of TEXT, with tables and strikethrough on.
expect() {
  same "$1  $2" "$(printf '%b' "$2" | LD_LIBRARY_PATH=$libraries python "$here/render.py" "$1")" "$3"
}
