#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The three stages of the shipped model, with the step counts of that run; logs go to training_log.csv.
set -e
cd "$(dirname "$0")"
mkdir -p out
python train.py --without more.jsonl --steps 969 --decay-from 968 --out out/1.safetensors --log out/1.csv
python train.py --resume out/1.safetensors.before-decay --short --dropout 0 --steps 1645 --decay-from 1168 \
    --out out/2.safetensors --log out/2.csv
python train.py --init out/2.safetensors --seed 8 --lr 1e-3 --short --dropout 0 --steps 598 --decay-from 64 \
    --out out/guide.safetensors --log out/3.csv
{
    echo "stage,$(head -n 1 out/1.csv)"
    for n in 1 2 3; do tail -n +2 out/$n.csv | sed "s/^/$n,/"; done
} > training_log.csv
