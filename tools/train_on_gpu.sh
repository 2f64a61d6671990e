#!/usr/bin/env bash
# FLIC on a GPU that is lent for some minutes, on a machine without network and without OpenMMLab.
#
#   tools/train_on_gpu.sh pack PACKAGE              here: wheels for that machine, and the data
#   tools/train_on_gpu.sh run PACKAGE OUT           there, in a copy of this checkout
#
# PACKAGE and the files of this checkout together take at most PACK_MIB (64). `run` installs the
# wheels beside the machine's own packages (torch, numpy, OpenCV, scipy, matplotlib, h5py, Pillow),
# trains for MINUTES (9) with a learning rate that ends at zero, tests every stage, and leaves in OUT:
#
#   NAME.log, NAME.jsonl     the log and the curves
#   NAME.json                the scores of each stage
#   NAME.safetensors.0*      the weights in half precision, in parts of PART_MIB (16); `cat` joins them
#
# Further variables: CONFIG, OPTIONS (changes to it, 'model.backbone.channels=16'), PYTHON,
# PYTHON_THERE (3.12), HOURGLASS_DATA (data; `pack` takes flic/ from it), SITE (what is installed and
# unpacked; a second `run` uses it again), WORK (checkpoints; a second `run` resumes from the last).
set -euo pipefail
if ! [[ "${1:-} $#" =~ ^(pack 2|run 3)$ ]]; then
    echo "error: usage: tools/train_on_gpu.sh pack PACKAGE, or run PACKAGE OUT" >&2
    exit 2
fi
package=$(mkdir -p "$2" && cd "$2" && pwd)
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")/.." && pwd)

pack() {
    "$python" -m pip download -q --no-deps --only-binary=:all: --dest "$package/wheels" \
        --python-version "${PYTHON_THERE:-3.12}" --implementation cp --platform any \
        --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
        mmengine==0.10.7 mmpose==1.3.2 mmdet==3.3.0 mmcv-lite==2.1.0 addict==2.4.0 json_tricks==3.17.3 \
        munkres==3.0.0 platformdirs==4.3.6 pycocotools==2.0.11 rich==15.0.0 safetensors==0.8.0 setuptools==80.10.2 \
        shapely==2.2.0 simplejpeg==1.9.0 termcolor==3.3.0 terminaltables==3.1.10 yapf==0.43.0
    rm -f "$package/data.zip"
    (cd "${HOURGLASS_DATA:-$here/data}" && "$python" -m zipfile -c "$package/data.zip" flic)
    code=$(cd "$here" && git ls-files -z | xargs -0 cat | wc -c)
    size=$(($(cat "$package"/data.zip "$package"/wheels/* | wc -c) + code))
    echo "$((size >> 20)) MiB with the checkout"
    if ((size > ${PACK_MIB:-64} << 20)); then
        echo "error: more than PACK_MIB=${PACK_MIB:-64}" >&2
        exit 1
    fi
}

run() {
    out=$(mkdir -p "$1" && cd "$1" && pwd)
    config=${CONFIG:-$here/configs/flic/td-hm_hourglass8-strong_flic-256x256.py}
    name=$(basename "$config" .py)
    work=${WORK:-$(mktemp -d)}
    site=${SITE:-$(mktemp -d)}
    if [ ! -d "$site/data" ]; then
        "$python" -m pip install -q --no-index --no-deps --no-compile --target "$site" \
            "$package"/wheels/*.whl
        "$python" -m zipfile -e "$package/data.zip" "$site/data"
    fi
    export PYTHONPATH=$here/projects:$site HOURGLASS_DATA=$site/data
    read -ra options <<< "${OPTIONS:-}"
    hourglass() {
        "$python" -W ignore -m hourglass "$@" ${options:+--cfg-options "${options[@]}"} 2>&1 \
            | tee -a "$out/$name.log"
    }
    hourglass train "$config" --minutes "${MINUTES:-9}" --no-validate --resume --work-dir "$work"
    find "$work" -name scalars.json | sort | xargs cat > "$out/$name.jsonl"
    last=$(cat "$work/last_checkpoint")
    "$python" -W ignore -m hourglass convert "$last" "$work/$name.safetensors" --half
    split -d -b "${PART_MIB:-16}M" "$work/$name.safetensors" "$out/$name.safetensors."
    hourglass test "$config" "$last" --all-stages --work-dir "$work/test" --out "$out/$name.json"
}

"$1" "${@:3}"
