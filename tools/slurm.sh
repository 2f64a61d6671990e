#!/usr/bin/env bash
# Start a tool as a Slurm job: tools/slurm.sh PARTITION JOB_NAME TOOL [ARGUMENTS]
#
# Variables: GPUS (8), the number of processes; GPUS_PER_NODE (8), those on each machine;
# CPUS_PER_TASK (5), the cores of each; GRES, empty for no GPU; SRUN_ARGS, more arguments of srun;
# PYTHON, the interpreter.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "error: usage: tools/slurm.sh PARTITION JOB_NAME TOOL [ARGUMENTS]" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
per_node=${GPUS_PER_NODE:-8}
gres=${GRES-gpu:$per_node}
read -ra more <<< "${SRUN_ARGS:-}"
export PYTHONPATH=$here/../projects${PYTHONPATH:+:$PYTHONPATH}
exec srun -p "$1" --job-name="$2" ${gres:+--gres="$gres"} --ntasks="${GPUS:-8}" \
    --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
    ${more[@]+"${more[@]}"} "${PYTHON:-python}" -u "$here/$3" "${@:4}" --launcher slurm
