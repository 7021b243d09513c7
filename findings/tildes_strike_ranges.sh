#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One tilde is taken for strikethrough: "2~3 times a day for 5~7 days", as Chinese writes its ranges, loses the tildes and
# has "3 times a day for 5" struck out. Seen with md4c 0.4.8 and with cmark-gfm of cmarkgfm 2025.10.22.
# GitHub's specification names one or two tildes, so neither is wrong by it.
. "$(dirname "$0")/markdown.sh"
expect md4c      '每天2~3次，持续5~7天' '<p>每天2<del>3次，持续5</del>7天</p>'
expect cmark-gfm '每天2~3次，持续5~7天' '<p>每天2<del>3次，持续5</del>7天</p>'
expect md4c      'H~2~O' '<p>H<del>2</del>O</p>'
expect cmark-gfm 'H~2~O' '<p>H<del>2</del>O</p>'
finish
