#!/usr/bin/env bash
# FLIC on one GPU, from data to numbers: the paper's eight stacks with the strong recipe, then two
# stacks small enough to ship; each trained, tested stage by stage, and stored in half precision.
#
#   tools/train_flic.sh OUT [WHEELS]
#
# OUT gets NAME.safetensors, NAME.json (the scores), NAME.log and NAME.jsonl (the curves). A second
# call after an interruption goes on from the last epoch. Variables: HOURGLASS_DATA, the folder with
# flic/; CONFIGS, the names of configs; OPTIONS, changes to them ('train_cfg.max_epochs=2'); PYTHON,
# the interpreter.
#
# A machine without network that has torch, torchvision, numpy, OpenCV, scipy and matplotlib, but not
# OpenMMLab, takes wheels from the folder WHEELS, made for its Python by
#   pip download --no-deps --only-binary=:all: --python-version 3.12 -d WHEELS mmcv-lite==2.1.0 \
#       addict h5py json_tricks munkres pycocotools rich safetensors setuptools==80.10.2 shapely \
#       termcolor terminaltables tqdm yapf -r requirements-openmmlab.txt
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
wheels=${2:+$(cd "$2" && pwd)}
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD/projects
python=${PYTHON:-python}
read -ra configs <<< "${CONFIGS:-td-hm_hourglass8-strong_flic-256x256 td-hm_hourglass2-slim_flic-256x256}"
read -ra options <<< "${OPTIONS:-}"

if [ -n "$wheels" ]; then
    "$python" -m pip install -q --no-deps --no-index "$wheels"/*.whl
fi
for name in "${configs[@]}"; do
    config=configs/flic/$name.py
    work=$out/work/$name
    "$python" -W ignore tools/train.py "$config" --work-dir "$work" --resume \
        ${options:+--cfg-options "${options[@]}"} 2>&1 | tee -a "$out/$name.log"
    cat "$work"/*/vis_data/scalars.json > "$out/$name.jsonl"
    last=$(cat "$work/last_checkpoint")
    "$python" -W ignore tools/test.py "$config" "$last" --all-stages --work-dir "$work/test" \
        --out "$out/$name.json" ${options:+--cfg-options "${options[@]}"} 2>&1 \
        | tee -a "$out/$name.log"
    "$python" -W ignore tools/convert.py "$last" "$out/$name.safetensors" --half
done
