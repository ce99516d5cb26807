#!/usr/bin/env bash
# A study on several nodes under Slurm, submitted in the repository root:
#   sbatch docs/cluster/slurm.sh [pipelines/<study>/params.yaml]
# nodes x ntasks-per-node has to be compute.workers of the study, cpus-per-task at least compute.threads. For GPUs, add
# --gpus-per-task with compute.devices. Submitted again, it goes on where it was ended.
#SBATCH --job-name=scramble
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=1
#SBATCH --time=12:00:00
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?is set by sbatch}"
export PATH="$PWD/.venv/bin:$PATH"

params=${1:-params.yaml}
stages=$(dirname "$params")/dvc.yaml

dvc repro "$stages:permute" "$stages:describe" "$stages:tune"
for cell in $(dvc stage list --name-only "$stages" | sed -n 's/^.*train@//p'); do
  if dvc status --quiet "$stages:train@$cell"; then
    continue # it is trained already
  fi
  srun --kill-on-bad-exit=1 python src/scramble train --params "$params" --model "${cell%-*}" --permutation "${cell#*-}"
  dvc commit --force "$stages:train@$cell"
done
dvc repro "$stages"
