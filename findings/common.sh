# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the findings: a temporary folder that goes when the script ends, Python packages in it, and a comparison.
# Debian 12 with python3-venv.
set -euo pipefail
place=$(mktemp -d)
chmod 755 "$place"  # apt downloads as a user of its own
trap 'rm -rf "$place"' EXIT
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failed=0

# install ARGUMENTS...: Python packages, with pip's own arguments.
install() {
  [ -d "$place/venv" ] || python3 -m venv "$place/venv"
  "$place/venv/bin/pip" -q --disable-pip-version-check install "$@"
}
# python ARGUMENTS...: the interpreter that sees them.
python() {
  "$place/venv/bin/python" "$@"
}
# same WHAT SEEN EXPECTED
same() {
  printf '%-36s %s\n' "$1" "$2"
  if [ "$2" != "$3" ]; then
    printf '%-36s %s\n' '  CHANGED, was' "$3"
    failed=1
  fi
}
finish() {
  [ "$failed" = 0 ] && echo "Seen as described." || { echo "The behaviour has changed." >&2; exit 1; }
}
