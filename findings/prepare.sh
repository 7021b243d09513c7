# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the findings: a temporary folder with md4c 0.4.8 (Debian's packages, unpacked) and cmark-gfm (as the Python
# package cmarkgfm 2025.10.22), and a function that checks what they make of a text. Debian 12 with python3-venv.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"  # apt downloads as a user of its own
trap 'rm -rf "$work"' EXIT
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

(cd "$work" && apt-get -qq download libmd4c0=0.4.8-1 libmd4c-html0=0.4.8-1 &&
  for package in ./*.deb; do dpkg-deb -x "$package" root; done)
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install cmarkgfm==2025.10.22
libraries=$(dirname "$(find "$work/root" -name 'libmd4c.so.0')")

failed=0
# expect LIBRARY TEXT HTML: what md4c or cmark-gfm makes of TEXT, with tables and strikethrough on.
expect() {
  local seen
  seen=$(printf '%b' "$2" | LD_LIBRARY_PATH=$libraries "$work/venv/bin/python" "$here/render.py" "$1")
  printf '%-9s  %s\n           %s\n' "$1" "$2" "$seen"
  if [ "$seen" != "$3" ]; then
    printf '           CHANGED, was: %s\n' "$3"
    failed=1
  fi
}
finish() {
  [ "$failed" = 0 ] && echo "Seen as described." || { echo "The behaviour has changed." >&2; exit 1; }
}
