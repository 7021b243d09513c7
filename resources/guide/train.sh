#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The five stages of the shipped model (README.md says what each was trained on); logs go to training_log_N.csv.
set -e
cd "$(dirname "$0")"
mkdir -p out
common="--short --dropout 0.05"
python train.py $common --steps 3600 --decay-from 2000 --muon 0 --without phrasings_d.jsonl phrasings_e.jsonl formats.jsonl gpu.jsonl \
  --out out/stage1.safetensors --log training_log_1.csv
python export_gguf.py --weights out/stage1.safetensors --out out/stage1.gguf
python train.py $common --steps 3200 --decay-from 1000 --lr 1.2e-3 --seed 8 --without phrasings_e.jsonl formats.jsonl gpu.jsonl \
  --init out/stage1.gguf --out out/stage2.safetensors --log training_log_2.csv
python train.py $common --steps 2000 --decay-from 300 --lr 1.2e-3 --seed 9 --without gpu.jsonl \
  --init out/stage2.safetensors --out out/stage3.safetensors --log training_log_3.csv
python train.py $common --steps 1400 --decay-from 200 --lr 1.2e-3 --seed 10 \
  --init out/stage3.safetensors --out out/stage4.safetensors --log training_log_4.csv
python train.py $common --steps 600 --decay-from 100 --lr 8e-4 --seed 11 \
  --init out/stage4.safetensors --out out/guide.safetensors --log training_log_5.csv
