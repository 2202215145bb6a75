#!/usr/bin/env bash
# Train on a TPU: one host, or every host of a pod slice. Needs the gcloud command.
#
#   deploy/tpu_vm.sh NAME ZONE ACCELERATOR GIT_URL [flags of mmvae.main]
#   deploy/tpu_vm.sh mmvae us-central2-b v4-8 https://... --config configs/base.py --workdir /mnt/base
#
# Every host runs the same command; with --multihost the hosts of a slice find each other by
# jax.distributed, and on a single host it changes nothing. --workdir and the data set must be on
# storage that all hosts reach (a mounted disk or bucket).
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,9p' "$0" >&2; exit 2; }
name=$1 zone=$2 accelerator=$3 url=$4
shift 4

on_all() { gcloud compute tpus tpu-vm ssh "$name" --zone "$zone" --worker all --command "$1"; }

gcloud compute tpus tpu-vm describe "$name" --zone "$zone" >/dev/null 2>&1 ||
  gcloud compute tpus tpu-vm create "$name" --zone "$zone" \
    --accelerator-type "$accelerator" --version tpu-ubuntu2204-base
# The image's python3 is 3.10.
on_all "sudo apt-get update -q && sudo apt-get install -yq git python3.11-venv &&
  mkdir -p bin && ln -sf /usr/bin/python3.11 bin/python3"
on_all "[ -d mmvae ] || git clone --depth 1 '$url' mmvae"
run="cd mmvae && PATH=\$HOME/bin:\$PATH ./run.sh"  # of the host's HOME
on_all "$run python -c 'import jax; jax.distributed.initialize(); print(jax.devices())'"
on_all "$run python -m mmvae.main --multihost $(printf '%q ' "$@")"
