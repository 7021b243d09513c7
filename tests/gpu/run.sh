#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs build/gpu-pack (see pack.sh) on a machine with a GPU, in less than 10 minutes, and prints a short table last.
#   tests/gpu/run.sh [INDEX [OUT]]   INDEX: the K of vulkan:K (default 0); OUT: a folder for logs and reports
# SHAPES="0.1b 0.4b" runs a part of the list.
# Every part has a time limit of its own, so that a part that hangs costs its own figures only. Fails where a test does.
set -u
cd "$(dirname "$0")/../.."
index=${1:-0}
out=${2:-build/gpu-results}
[[ $out = /* ]] || out=$PWD/$out
pack=$out/pack
mkdir -p "$pack"
tar -C "$pack" -xzf build/gpu-pack/pack.tar.gz || exit 1

ldconfig -p 2>/dev/null | grep -q libvulkan.so.1 || export LD_LIBRARY_PATH="$pack/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export ROOKERY_CLI=$pack/bin/rookery-cli ROOKERY_TESTS_DIR=$PWD/tests ROOKERY_TEST_VULKAN=$index ROOKERY_CACHE_DIR=$out/cache
table=$out/table.txt
echo "Rookery $(cat "$pack/revision"), vulkan:$index, $(date -u +%F)" >"$table"
row() { printf '%-34s %s\n' "$1" "$2" >>"$table"; }
left() { echo $((570 - SECONDS)); }  # of the ten minutes

"$ROOKERY_CLI" devices | tee "$out/devices.txt"
row device "$(awk -v d="vulkan:$index:" '$1 == d { sub(/^[^ ]* /, ""); print; exit }' "$out/devices.txt")"

# part NAME SECONDS COMMAND...: its last line goes into the table.
part() {
  local name=$1 limit=$2 log=$out/$1.log
  shift 2
  [ "$limit" -gt "$(left)" ] && limit=$(left)
  if [ "$limit" -lt 5 ]; then row "$name" "not run: no time left"; return; fi
  timeout "$limit" "$@" >"$log" 2>&1
  local status=$?
  [ $status = 124 ] && row "$name" "stopped after $limit s" || row "$name" "$([ $status = 0 ] && echo passed || echo "FAILED ($status)"): $(grep -E 'assertions' "$log" | tail -1)"
}
part operations 100 "$pack/bin/test_engine_vulkan_ops"
part recurrences 60 "$pack/bin/test_engine_vulkan_recurrences"
part vulkan-tests 120 "$pack/bin/test_engine_vulkan"
# Hundreds of small models, each in a process of its own: tuning them would take the time.
part golden 180 env ROOKERY_VULKAN_TUNING=unroll=2 "ROOKERY_TEST_STRATEGY=vulkan:$index" "$pack/bin/test_cli_golden"

# figures MARKDOWN: prefill and decode, and decode's share of the measured read limit.
figures() {
  awk -F'|' '/ (pp512|tg64) \|/ { line = line $(NF-2) $(NF-1) }
    /^Memory read limit/ { if (match($0, /[0-9.]+ GB\/s/)) limit = substr($0, RSTART, RLENGTH); if (match($0, /[0-9]+ % of that/)) share = substr($0, RSTART, RLENGTH - 8) }
    END { print line (share ? " " share " of " limit : " no limit measured") }' "$1" | tr -s ' '
}

# Decode and prefill of the official shapes; weights are synthetic, and a shape that does not fit says so.
for shape in ${SHAPES:-0.1b 0.4b 1.5b 2.9b 7.2b 13.3b}; do
  for precision in fp16 int8 nf4; do
    [ "$(left)" -lt 20 ] && continue
    report=$out/rwkv7-$shape-$precision.json
    if timeout "$(left)" "$ROOKERY_CLI" bench --synthetic "rwkv7-$shape" --precision "$precision" --strategy "vulkan:$index" \
        --pp 512 --tg 64 --reps 3 --max-reps 3 --report "$report" --markdown "${report%.json}.md" >"${report%.json}.log" 2>&1; then
      row "rwkv7-$shape $precision" "$(figures "${report%.json}.md")"
    elif [ $? = 124 ]; then
      row "rwkv7-$shape $precision" "not finished: no time left"
    else
      row "rwkv7-$shape $precision" "$(tail -1 "${report%.json}.log" | cut -c1-120)"
    fi
  done
done

# What was measured to be fastest, once for each shape and format.
for kept in "$out"/cache/vulkan/*.tuning.bin; do
  [ -e "$kept" ] && row tuning "$(tail -c +9 "$kept")"
done

echo
cat "$table"
! grep -q FAILED "$table"
