#!/usr/bin/env bash
# Start a tool in several processes on this machine, or on each of several:
#
#   tools/dist.sh GPUS TOOL [ARGUMENTS]         tools/dist.sh 8 predict.py IMAGES --detector --out found
#
# GPUS is the number of processes on each machine; without GPUs they share its cores. On several
# machines, call it on each with NNODES, NODE_RANK (0 on the first) and MASTER_ADDR, the first one's
# address. PORT is the port of that machine, PYTHON the interpreter.
set -euo pipefail
if [ $# -lt 2 ] || ! [[ $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "error: usage: tools/dist.sh GPUS TOOL [ARGUMENTS], GPUS a number" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
meet=(--nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}"
      --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}")
if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
    meet=(--standalone)                 # any free port, so that two runs do not meet each other
elif [ "${NNODES:-1}" != 1 ] && [ -z "${MASTER_ADDR:-}" ]; then
    echo "error: NNODES is $NNODES: set MASTER_ADDR to the first machine's address" >&2
    exit 2
fi
export PYTHONPATH=$here/../projects${PYTHONPATH:+:$PYTHONPATH}
exec "${PYTHON:-python}" -m torch.distributed.run "${meet[@]}" --nproc-per-node "$1" \
    "$here/$2" "${@:3}"
