#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The chat templates that two packages for RWKV-7 bring do not write the form that the official chat uses (turns apart by
# an empty line, the system text under its own name). rwkv7-hf 0.9.0 puts the system text under "Assistant" and parts turns
# by one line break; the default of rwkvserve 0.1.0 parts them by nothing, because its tags strip the line breaks.
. "$(dirname "$0")/common.sh"
install --no-deps rwkv7-hf==0.9.0 rwkvserve==0.1.0
install jinja2==3.1.6 2>/dev/null  # pip names what --no-deps left out
packages=$(python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
render() {
  python - "$1" <<'PYTHON'
import sys
import jinja2

text = lambda role, content: {"role": role, "content": content}
messages = [text("system", "Be brief."), text("user", "Hi"), text("assistant", "Yo"), text("user", "Bye")]
environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)  # as transformers sets it
print(repr(environment.from_string(open(sys.argv[1]).read()).render(messages=messages, add_generation_prompt=True)))
PYTHON
}
same "rwkv7-hf" "$(render "$packages/rwkv7_hf/chat_template.jinja")" \
  "'Assistant: Be brief.\\nUser: Hi\\nAssistant: Yo\\nUser: Bye\\nAssistant:'"
same "rwkvserve" "$(render "$packages/rwkvserve/api/chat_templates/rwkv_default.jinja")" \
  "'System: Be brief.User: HiAssistant: YoUser: ByeAssistant:'"
finish
