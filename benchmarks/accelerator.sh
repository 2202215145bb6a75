#!/usr/bin/env bash
# What docs/performance.md wants to know of an accelerator, in under 8 minutes: no network, no
# TensorFlow, no data set. Results: tables on the screen, JSON and logs in the folder given.
#
#   benchmarks/accelerator.sh OUT
#
# Each line is one process with an empty compilation cache of its own, so that a cold start is one.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:?name a folder for the results: benchmarks/accelerator.sh OUT}
mkdir -p "$out"
ends=$((SECONDS + 450))

measure() { # NAME SECONDS FLAGS...: one run of the benchmark, while there is time for it
  name=$1 needs=$2
  shift 2
  left=$((ends - SECONDS))
  if [ "$left" -lt "$needs" ]; then
    echo "== $name: left out, $left s remain"
    return
  fi
  echo "== $name"
  timeout "$left" python -m mmvae.benchmark --seconds 6 --out "$out/$name.json" "$@" \
    > "$out/$name.txt" 2> "$out/$name.log" || tail -n 5 "$out/$name.log"
  cat "$out/$name.txt"
}

measure base 120 --config configs/base.py
measure base-512 90 --config configs/base.py --config.train.batch_size=512
measure base-float32 90 --config configs/base.py --config.model.dtype=float32
measure quickstart 40 --config configs/quickstart.py --vocab-size 371
