#!/usr/bin/env bash
# Test on several GPUs: tools/dist_test.sh CONFIG CHECKPOINT GPUS [ARGUMENTS of test.py]; see dist.sh
# for several machines.
if [ $# -lt 3 ]; then
    echo "error: usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [ARGUMENTS of tools/test.py]" >&2
    exit 2
fi
exec "$(dirname "$0")/dist.sh" "$3" test.py "$1" "$2" --launcher pytorch "${@:4}"
