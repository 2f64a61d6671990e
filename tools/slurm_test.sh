#!/usr/bin/env bash
# Test as a Slurm job: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [ARGUMENTS of
# test.py]; see slurm.sh for how many GPUs.
if [ $# -lt 4 ]; then
    echo "error: usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [ARGUMENTS]" >&2
    exit 2
fi
exec "$(dirname "$0")/slurm.sh" "$1" "$2" test.py "$3" "$4" "${@:5}"
