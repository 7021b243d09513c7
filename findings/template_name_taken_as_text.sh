#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# llama.cpp's converter writes the name "rwkv-world" as the chat template of an RWKV model that brings none of its own. The
# llama.cpp of October 2026 (Python package xllamacpp 2026.10.11549) takes it for the text of a template: every chat becomes
# the ten letters "rwkv-world", and the messages are gone. A template in Jinja's language is rendered as it should be.
. "$(dirname "$0")/common.sh"
install xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6
render() {
  python "$here/tiny_rwkv7_gguf.py" "$place/model.gguf" "$1"
  python - "$place/model.gguf" 2>/dev/null <<'PYTHON'
import json, sys, urllib.request
import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 256
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
question = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
request = urllib.request.Request(server.listening_address + "/apply-template", json.dumps(question).encode(),
                                 {"Content-Type": "application/json"})
print(repr(json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))["prompt"]))
PYTHON
}
same "the name" "$(render rwkv-world)" "'rwkv-world'"
same "a template" "$(render "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ '\n\n' }}{% endfor %}")" \
  "'system: Be brief.\\n\\nuser: Hi\\n\\n'"
finish
