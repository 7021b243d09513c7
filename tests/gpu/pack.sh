#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds what tests/gpu/run.sh needs into build/gpu-pack (ignored, at most 40 MiB): for a machine with a GPU, no network,
# no Qt and no compiler. The golden data are taken from the checkout that travels with it.
set -euo pipefail
cd "$(dirname "$0")/../.."

cmake --preset engine-only -B build/gpu -Wno-dev -DROOKERY_STATIC=ON >/dev/null
cmake --build build/gpu --target rookery-cli test_engine_vulkan test_engine_vulkan_ops test_engine_vulkan_recurrences test_cli_golden

pack=build/gpu-pack
rm -rf "$pack"
mkdir -p "$pack/bin" "$pack/lib"
for program in rookery-cli test_engine_vulkan test_engine_vulkan_ops test_engine_vulkan_recurrences test_cli_golden; do
  strip -o "$pack/bin/$program" "build/gpu/bin/$program"
done
loader=$(ldconfig -p | awk '/libvulkan\.so\.1 .*x86-64/ { found = $NF } END { print found }')
if [ -n "$loader" ]; then cp -L "$loader" "$pack/lib/libvulkan.so.1"; fi
git rev-parse --short HEAD >"$pack/revision"

# The guide model is in both engines and does not shrink; the rest does.
tar -C "$pack" -czf build/pack.tar.gz bin lib revision
rm -rf "${pack:?}"/*
mv build/pack.tar.gz "$pack/"
kib=$(du -sk "$pack" | cut -f1)
echo "$pack: $kib KiB"
[ "$kib" -le 40960 ] || { echo "The pack is larger than 40 MiB." >&2; exit 1; }
