#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# md4c 0.4.8 makes a table of a head with three cells over a ruler with two, and drops the third cell of every row, text
# and all; GitHub's specification (and cmark-gfm of cmarkgfm 2025.10.22) knows no table there. On the other hand md4c wants
# three characters in every cell of the ruler, where the specification and cmark-gfm are content with one dash.
. "$(dirname "$0")/markdown.sh"
expect md4c      '| a | b | c |\n|---|---|\n| 1 | 2 | 3 |\n' \
  '<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>'
expect cmark-gfm '| a | b | c |\n|---|---|\n| 1 | 2 | 3 |\n' \
  '<p>| a | b | c ||---|---|| 1 | 2 | 3 |</p>'
expect md4c      '|a|b|\n|-|-|\n|1|2|\n' '<p>|a|b||-|-||1|2|</p>'
expect cmark-gfm '|a|b|\n|-|-|\n|1|2|\n' \
  '<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>'
finish
