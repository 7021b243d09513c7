#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# CommonMark's rule for the beginning and the end of bold wants a blank or a sign outside where a sign stands inside.
# Chinese, Japanese and Korean write no blank there, so bold words that end with a sign stay asterisks; two in one line
# make what lies between them bold. Seen with md4c 0.4.8 and with cmark-gfm of cmarkgfm 2025.10.22; both follow the rule.
. "$(dirname "$0")/markdown.sh"
for library in md4c cmark-gfm; do
  expect $library '**重点：**内容' '<p>**重点：**内容</p>'
  expect $library '提升**30%**的' '<p>提升**30%**的</p>'
  expect $library '**第一：**快和**第二：**稳' '<p>**第一：<strong>快和</strong>第二：**稳</p>'
done
finish
