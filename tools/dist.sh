#!/usr/bin/env bash
# Start a tool in several processes on this machine, or on each of several:
#
#   tools/dist.sh GPUS TOOL [ARGUMENTS]
#   tools/dist.sh 8 predict.py IMAGES --detector --out found --launcher pytorch
#
# GPUS is the number of processes on each machine; without GPUs they share its cores. On several
# machines, call it on each with NNODES, NODE_RANK (0 on the first) and MASTER_ADDR, the first one's
# address. PORT is the port of that machine, PYTHON the interpreter.
#
# With --max-restarts N among the arguments, torchrun starts the processes again if one dies, at most
# N times. NNODES may then be MIN:MAX, for machines that leave and join; NODE_RANK is not needed.
set -euo pipefail
if [ $# -lt 2 ] || ! [[ $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "error: usage: tools/dist.sh GPUS TOOL [ARGUMENTS], GPUS a number" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
gpus=$1 tool=$2 restarts=0 words=()
shift 2
while [ $# -gt 0 ]; do
    case $1 in
        --max-restarts) restarts=${2:-} && shift $(($# > 1)) ;;
        --max-restarts=*) restarts=${1#*=} ;;
        *) words+=("$1") ;;
    esac
    shift
done
if ! [[ $restarts =~ ^[0-9]+$ ]]; then
    echo "error: --max-restarts needs a number" >&2
    exit 2
fi
nodes=${NNODES:-1} port=${PORT:-29500}
meet=(--nnodes "$nodes" --node-rank "${NODE_RANK:-0}"
      --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "$port")
if [ "$nodes" != 1 ] && [ -z "${MASTER_ADDR:-}" ]; then
    echo "error: NNODES is $nodes: set MASTER_ADDR to the first machine's address" >&2
    exit 2
elif [ "$nodes" = 1 ] && { [ -z "${PORT:-}" ] || [ "$restarts" != 0 ]; }; then
    meet=(--standalone)                 # any free port, so that two runs do not meet each other
elif [ "$restarts" != 0 ] || [[ $nodes == *:* ]]; then
    # each machine counts its own restarts, so the processes could not tell the first start
    if [ "$tool" = train.py ] && ! [[ " ${words[*]-} " == *" --resume"[\ =]* ]]; then
        echo "error: restarts on several machines need --resume" >&2
        exit 2
    fi
    meet=(--nnodes "$nodes" --rdzv-backend c10d --rdzv-endpoint "$MASTER_ADDR:$port" --rdzv-id hourglass)
fi
# a restart needs a store of its own, where torch 2.4 to 2.13 keep what dead processes left in it
[ "$restarts" = 0 ] && [[ $nodes != *:* ]] || export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
# besides torchrun's own: preemption, which would end torchrun alone
export PET_SIGNALS_TO_HANDLE=${PET_SIGNALS_TO_HANDLE:-SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1}
export PYTHONPATH=$here/../projects${PYTHONPATH:+:$PYTHONPATH}
exec "${PYTHON:-python}" -m torch.distributed.run "${meet[@]}" --max-restarts "$restarts" \
    --nproc-per-node "$gpus" "$here/$tool" "${words[@]}"
