#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# llvmpipe, Mesa's Vulkan device on the processor (22.3.6, the one of Debian 12), leaves the loops of a compute shader after
# 65,535 rounds without a word: no error, no message, a sum that is too small. Loops one after the other share these rounds:
# of two loops of 40,000 the second one has 25,534. The shader below counts its rounds; wgpu 0.32.0 (wgpu-native) makes SPIR-V
# of it and runs it.
. "$(dirname "$0")/common.sh"
install wgpu==0.32.0 numpy==2.4.6
(cd "$place" && apt-get -qq download mesa-vulkan-drivers=22.3.6-1+deb12u2 libvulkan1=1.3.239.0-1 libllvm15 libdrm2 libz3-4 \
   libedit2 libxml2 libicu72 libbsd0 libmd0 libffi8 libelf1 libxshmfence1 libwayland-client0 libx11-xcb1 libxcb1 libxcb-dri3-0 \
   libxcb-present0 libxcb-randr0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxau6 libxdmcp6 &&
  for package in ./*.deb; do dpkg-deb -x "$package" root; done)
libraries=$(dirname "$(find "$place/root" -name libvulkan_lvp.so)")
sed "s|\"library_path\": .*|\"library_path\": \"$libraries/libvulkan_lvp.so\"|" \
  "$place/root/usr/share/vulkan/icd.d/lvp_icd.x86_64.json" > "$place/lvp.json"
cat > "$place/rounds.py" <<'PYTHON'
import sys
import numpy as np
import wgpu
from wgpu.utils.compute import compute_with_buffers

shader = """
@group(0) @binding(0) var<storage, read> wanted: array<u32>;
@group(0) @binding(1) var<storage, read_write> done: array<u32>;
@compute @workgroup_size(1)
fn main() {
  var first = 0u;
  for (var i = 0u; i < wanted[0]; i++) { first += wanted[2]; }
  var second = 0u;
  for (var i = 0u; i < wanted[1]; i++) { second += wanted[2]; }
  done[0] = first;
  done[1] = second;
}"""
if sys.argv[1] == "device":
    print(wgpu.gpu.request_adapter_sync().info["description"].split(" (")[0])
else:
    wanted = np.array([int(sys.argv[1]), int(sys.argv[2]), 1], np.uint32)
    print(*compute_with_buffers({0: wanted}, {1: (2, "I")}, shader, n=1)[1])
PYTHON
rounds() {
  LD_LIBRARY_PATH=$libraries VK_ICD_FILENAMES=$place/lvp.json VK_DRIVER_FILES=$place/lvp.json WGPU_BACKEND_TYPE=Vulkan \
    python "$place/rounds.py" "$@" 2>/dev/null
}
same "the device" "$(rounds device)" "Mesa 22.3.6"
same "a loop of 65535" "$(rounds 65535 0)" "65535 0"
same "a loop of 70000" "$(rounds 70000 0)" "65535 0"
same "two loops of 30000" "$(rounds 30000 30000)" "30000 30000"
same "two loops of 40000" "$(rounds 40000 40000)" "40000 25534"
finish
