#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The run of the shipped model; the log goes to training_log.csv.
set -e
cd "$(dirname "$0")"
mkdir -p out
python train.py --steps 3600 --decay-from 2000 --short --dropout 0.05 --out out/guide.safetensors --log training_log.csv
