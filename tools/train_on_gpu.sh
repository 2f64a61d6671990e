#!/usr/bin/env bash
# FLIC on a GPU that is lent for some minutes, on a machine without network and without OpenMMLab.
#
#   tools/train_on_gpu.sh pack PACKAGE              here: the code, wheels for that machine, and the data
#   PACKAGE/train_on_gpu.sh run PACKAGE OUT         there
#
# PACKAGE takes at most PACK_MIB (64). Its code is that of the last commit. `run` installs the wheels
# beside the machine's own packages (torch, numpy, OpenCV, scipy, matplotlib, h5py, Pillow), trains for
# MINUTES (7.5) with a learning rate that ends at zero, tests every stage, which takes up to two minutes
# more, and leaves in OUT:
#
#   NAME.log, NAME.jsonl     the log and the curves
#   NAME.json                the scores of each stage
#   NAME.safetensors.0*      the weights in half precision, in parts of PART_MIB (16); `cat` joins them
#
# If the training is cut, OUT has the curves and the weights up to then. Without a GPU `run` ends at
# once, unless ALLOW_CPU=1.
#
# Further variables: CONFIG (a file of the code), OPTIONS (changes to it, 'model.backbone.channels=16'),
# WEIGHTS (files of the code that `pack` takes along; no other weights are), PYTHON, PYTHON_THERE (3.12),
# HOURGLASS_DATA (data; `pack` takes flic/ from it), SITE (what is installed and unpacked; a second `run`
# uses it again), WORK (checkpoints; a second `run` resumes from the last).
set -euo pipefail
if ! [[ "${1:-} $#" =~ ^(pack 2|run 3)$ ]]; then
    echo "error: usage: tools/train_on_gpu.sh pack PACKAGE, or run PACKAGE OUT" >&2
    exit 2
fi
python=${PYTHON:-python3}

pack() {
    here=$(cd "$(dirname "$0")/.." && pwd)
    package=$(mkdir -p "$1" && cd "$1" && pwd)
    rm -rf "$package/wheels" "$package"/{data,code}.zip
    "$python" -m pip download -q --no-deps --only-binary=:all: --dest "$package/wheels" \
        --python-version "${PYTHON_THERE:-3.12}" --implementation cp --platform any \
        --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
        mmengine==0.10.7 mmpose==1.3.2 mmdet==3.3.0 mmcv-lite==2.1.0 addict==2.4.0 json_tricks==3.17.3 \
        munkres==3.0.0 packaging==26.3 platformdirs==4.3.6 pycocotools==2.0.11 pyyaml==6.0.3 \
        rich==15.0.0 safetensors==0.8.0 setuptools==80.10.2 shapely==2.2.0 simplejpeg==1.9.0 \
        six==1.17.0 termcolor==3.3.0 terminaltables==3.1.10 tqdm==4.70.1 yapf==0.43.0
    (cd "${HOURGLASS_DATA:-$here/data}" && "$python" -m zipfile -c "$package/data.zip" flic)
    (cd "$here" && {
        git ls-files configs projects tools | grep -v '\.safetensors$'
        printf '%s\n' ${WEIGHTS:-}
    } | xargs git archive --format=zip -o "$package/code.zip" HEAD)
    git -C "$here" rev-parse HEAD > "$package/commit"
    cp "$here/tools/train_on_gpu.sh" "$package"
    size=$(cat "$package"/*.zip "$package"/wheels/* | wc -c)
    echo "$((size >> 20)) MiB"
    if ((size > ${PACK_MIB:-64} << 20)); then
        echo "error: more than PACK_MIB=${PACK_MIB:-64}" >&2
        exit 1
    fi
}

run() {
    if [ ! -f "$1/code.zip" ] || [ ! -f "$1/data.zip" ]; then
        echo "error: $1: no package; make it with pack" >&2
        exit 2
    fi
    "$python" -c '
import sys, torch
gpu = torch.cuda.is_available()
print("torch", torch.__version__, "on", torch.cuda.get_device_name() if gpu else "the CPU")
sys.exit(not gpu)' || [ "${ALLOW_CPU:-}" = 1 ] || {
        echo "error: no GPU here; ALLOW_CPU=1 trains without" >&2
        exit 1
    }
    package=$(cd "$1" && pwd)
    out=$(mkdir -p "$2" && cd "$2" && pwd)
    work=${WORK:-$(mktemp -d)}
    site=${SITE:-$(mktemp -d)}
    if [ ! -d "$site/data" ]; then                          # which comes last, and whole
        rm -rf "$site"/{code,data.part}
        "$python" -m pip install -q --no-index --no-deps --no-compile --target "$site" \
            "$package"/wheels/*.whl
        "$python" -m zipfile -e "$package/code.zip" "$site/code"
        "$python" -m zipfile -e "$package/data.zip" "$site/data.part"
        mv "$site/data.part" "$site/data"
    fi
    export PYTHONPATH=$site/code/projects:$site${PYTHONPATH:+:$PYTHONPATH} HOURGLASS_DATA=$site/data
    config=$site/code/${CONFIG:-configs/flic/td-hm_hourglass8-strong_flic-256x256.py}
    name=$(basename "$config" .py)
    read -ra options <<< "${OPTIONS:-}"
    hourglass() {
        "$python" -W ignore -m hourglass "$@" ${options:+--cfg-options "${options[@]}"} 2>&1 \
            | tee -a "$out/$name.log"
    }
    echo "commit $(cat "$package/commit"), checkpoints in $work" | tee -a "$out/$name.log"
    trained=0
    hourglass train "$config" --minutes "${MINUTES:-7.5}" --no-validate --resume --work-dir "$work" \
        || trained=$?
    [ -f "$work/last_checkpoint" ] || exit "$trained"
    last=$(cat "$work/last_checkpoint")
    find "$work" -path "$work/test" -prune -o -name scalars.json -print0 | sort -z | xargs -0 cat \
        > "$out/$name.jsonl"
    "$python" -W ignore -m hourglass convert "$last" "$work/$name.safetensors" --half
    rm -f "$out/$name.safetensors."*
    split -d -b "${PART_MIB:-16}M" "$work/$name.safetensors" "$out/$name.safetensors."
    [ "$trained" = 0 ] || exit "$trained"
    hourglass test "$config" "$last" --all-stages --work-dir "$work/test" --out "$out/$name.json"
}

"$@"
