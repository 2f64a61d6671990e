#!/usr/bin/env bash
# Train on several GPUs: tools/dist_train.sh CONFIG GPUS [ARGUMENTS of train.py]; see dist.sh for
# several machines.
if [ $# -lt 2 ]; then
    echo "error: usage: tools/dist_train.sh CONFIG GPUS [ARGUMENTS of tools/train.py]" >&2
    exit 2
fi
exec "$(dirname "$0")/dist.sh" "$2" train.py "$1" --launcher pytorch "${@:3}"
