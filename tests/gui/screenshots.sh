#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts the built app on a virtual display, light and dark, at 100 % and 200 %, visits the four pages and saves
# pictures. Everything shown is real: the guide model answers, a benchmark is run, a test model is in the list.
# Usage: tests/gui/screenshots.sh [build folder] [output folder] [only this variant, e.g. light-100]
# ROOKERY_SHOT_LANGUAGE (zh_CN) and ROOKERY_SHOT_DEVICE (vulkan:0) choose others than English and the CPU.
# Needs: xvfb xdotool imagemagick
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/dev}
out=${2:-$root/docs/screenshots}
only=${3:-}
app=$build/bin/rookery
display=:$((90 + RANDOM % 400))
mkdir -p "$out"
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

Xvfb "$display" -screen 0 2560x1700x24 -nolisten tcp >/dev/null 2>&1 &
pids+=($!)
export DISPLAY=$display LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=$work QT_QPA_PLATFORM=xcb
unset DBUS_SESSION_BUS_ADDRESS
for _ in $(seq 50); do xdotool getdisplaygeometry >/dev/null 2>&1 && break; sleep 0.1; done

# One profile for all variants: a model in the models folder, one benchmark run, one chat.
export HOME=$work/home
profile=$HOME/Rookery
mkdir -p "$profile/config" "$profile/data/models"
cp "$root/tests/golden/models/v7_small/model.pth" "$profile/data/models/rwkv7-test-small.pth"
for byte in $(seq 0 255); do printf "%d b'\\\\x%02x' 1\n" $((byte + 1)) "$byte"; done >"$work/bytes.txt"  # its vocabulary

start() {  # theme scale
  printf '[ui]\nlanguage=%s\ntheme=%s\n[compute]\ndevice=%s\n[models]\nvocabularies=%s, %s\n' "${ROOKERY_SHOT_LANGUAGE:-en}" "$1" "${ROOKERY_SHOT_DEVICE:-cpu}" \
    "$profile/data/models/rwkv7-test-small.pth" "$work/bytes.txt" >"$profile/config/rookery.ini"
  QT_SCALE_FACTOR=$2 "$app" --data-dir "$profile" >"$work/log" 2>&1 &
  pid=$!
  pids+=("$pid")
  window=
  for _ in $(seq 100); do
    window=$(xdotool search --onlyvisible --pid "$pid" --name Rookery 2>/dev/null | head -1) && [ -n "$window" ] && break
    sleep 0.2
  done
  [ -n "$window" ] || { echo "The app showed no window:"; cat "$work/log"; exit 1; }
  xdotool windowfocus "$window"
  xdotool mousemove 2550 1690
  sleep 2
}
shot() {
  sleep 1
  import -window "$window" -strip -define png:compression-level=9 "$out/$1.png"
  echo "$out/$1.png"
}
finish() {
  xdotool key --clearmodifiers ctrl+q
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill "$pid"
}

# A first start fills the profile: a question to the guide and a run of the guide's benchmark.
start light 1
xdotool key --clearmodifiers ctrl+1
sleep 1
xdotool type --delay 20 'How do I open a model?'
xdotool key Return
sleep 8
xdotool key --clearmodifiers ctrl+2
sleep 1
xdotool key g # the guide model
sleep 0.5
xdotool key --clearmodifiers alt+r
for _ in $(seq "${ROOKERY_SHOT_BENCH_SECONDS:-240}"); do
  ls "$profile/data/reports/"*.json >/dev/null 2>&1 && break
  sleep 1
done
finish

for theme in light dark; do
  for scale in 1 2; do
    name=$theme-$((scale * 100))
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    start "$theme" "$scale"
    xdotool key --clearmodifiers ctrl+1
    shot "chat-$name"
    xdotool key --clearmodifiers ctrl+2
    sleep 0.5
    shot "benchmark-$name"
    xdotool key --clearmodifiers ctrl+3
    sleep 1
    xdotool key Down
    shot "models-$name"
    xdotool key --clearmodifiers ctrl+4
    shot "settings-$name"
    finish
  done
done
