#!/usr/bin/env bash
# Sets everything up on a fresh machine, then does the main job.
#
#   ./run.sh                 prepare -> train -> evaluate -> samples on engraved sprites
#   ./run.sh test            all tests
#   ./run.sh campaign        hostile inputs, kills and damage, counted (docs/reliability.md)
#   ./run.sh COMMAND ...     any command in the environment, e.g. ./run.sh python -m mmvae.main --help
#
# MMVAE_JAX=cpu|cuda12|cuda13|tpu forces the JAX build; otherwise the machine decides.
set -euo pipefail
cd "$(dirname "$0")"

# Huge pages for the allocator: XLA's buffers otherwise cost a page fault every 4 KiB.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"

jax_build() {
  if [ -n "${MMVAE_JAX:-}" ]; then
    echo "$MMVAE_JAX"
  elif command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then
    # CUDA 13 needs a driver of version 580 or newer.
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)
    [ "${driver%%.*}" -ge 580 ] && echo cuda13 || echo cuda12
  elif [ -e /dev/accel0 ] || [ -e /dev/vfio/0 ]; then
    echo tpu
  else
    echo cpu
  fi
}

set_up() {
  build=$(jax_build)
  stamp=".venv/installed-$build-$(cat requirements.txt requirements-test.txt | cksum | cut -d ' ' -f 1)"
  [ -e "$stamp" ] && return
  echo "Setting up .venv (JAX for $build) ..."
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "mmvae needs Python 3.11 or newer; found $(python3 --version)" >&2; exit 2; }
  [ -x .venv/bin/pip ] || python3 -m venv .venv
  extra=()
  [ "$build" = cpu ] || extra=("jax[$build]")
  .venv/bin/pip install --quiet --disable-pip-version-check \
    -r requirements.txt -r requirements-test.txt "${extra[@]}"
  touch "$stamp"
}

quick_start() {
  data=datasets/sprites run=runs/quickstart
  python -m data_prep.prepare --source sprites:3 --num-pairs 16000 --image-size 32 \
    --caption-length 8 --val-fraction 0.05 --test-fraction 0.05 --out "$data"
  python -m mmvae.main --config configs/quickstart.py --workdir "$run"
  python -m mmvae.evaluate --workdir "$run" --split test --out "$run/evaluation.json"
  python -m mmvae.generate --workdir "$run" --num 16 --seed 0 --out "$run/generated"
  python -m mmvae.report "$run" --out "$run/report.html"
  echo
  echo "Look at: $run/report.html                   curves, verdicts, what to try next"
  echo "         $run/generated/contact_sheet.png   new pairs"
  echo "         $run/samples/                      reconstructions, pictures drawn for captions"
  echo "         $run/evaluation.json               every number with its interval"
}

set_up
export PATH="$PWD/.venv/bin:$PATH"
case "${1:-}" in
  "") quick_start ;;
  test) shift; exec python -m pytest -n 2 --no-loadscope-reorder --durations=40 "$@" ;;
  campaign) shift; PYTHONPATH=.:tests exec python -m campaign "$@" ;;
  *) exec "$@" ;;
esac
