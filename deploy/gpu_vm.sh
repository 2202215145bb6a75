#!/usr/bin/env bash
# Train on a fresh Ubuntu or Debian machine with an NVIDIA driver, in the background; the same
# command continues an interrupted run. From a clone of the repository:
#
#   deploy/gpu_vm.sh --config configs/base.py --workdir runs/base --config.data.dir=datasets/mine
set -euo pipefail
cd "$(dirname "$0")/.."

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
if ! python3 -c 'import venv, ensurepip'; then
  sudo apt-get update
  sudo apt-get install -y python3-venv
fi
./run.sh python -c 'import jax; print(jax.devices()); assert jax.default_backend() == "gpu"'
mkdir -p runs
nohup ./run.sh python -m mmvae.main "$@" >>runs/training.log 2>&1 &
echo "training as process $!: tail -f runs/training.log; to stop and save: kill $!"
