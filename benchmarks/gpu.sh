#!/usr/bin/env bash
# What a GPU does with this repository, in under 10 minutes once everything is installed: see benchmarks/README.md.
#
#   benchmarks/gpu.sh [--out DIR] [--no-install] [--dry] [--seconds N]
#
# --out DIR     where gpu.json and gpu.md go (default: $OUT, else benchmarks/results/gpu)
# --no-install  use the interpreter in PYTHON, else .venv, else python3, as it is
# --dry         all of it on the CPU, with tiny sizes, in under a minute: installs nothing
# --seconds N   no measurement begins after so many seconds (default 480)
# Exit code 0: onnxruntime ran the model on the GPU, gave the CPU's answers, and was timed. 5: it did not run there.
# 6: its answers are others (benchmarks/gpu.py, TOLERANCES).
set -euo pipefail
here="$(pwd)"
cd "$(dirname "$0")/.."

install=yes out="${OUT:-}" rest=()
while [ $# -gt 0 ]; do
    case "$1" in
    --out) out="$2"; shift ;;
    --no-install) install=no ;;
    --dry) install=no; rest+=(--dry) ;;
    --seconds) rest+=(--seconds "$2"); shift ;;
    *) sed -n '2,11p' benchmarks/gpu.sh >&2; exit 2 ;;
    esac
    shift
done
case "$out" in "") out=benchmarks/results/gpu ;; /*) ;; *) out="$here/$out" ;; esac

has_gpu_build() { "$1" -c 'from importlib.metadata import version as v; v("onnxruntime-gpu"); v("torch")' 2>/dev/null; }

python="${PYTHON:-.venv/bin/python}"
command -v "$python" >/dev/null || python=python3
if [ "$install" = yes ] && ! has_gpu_build "$python"; then
    # An environment of its own: the CPU and the GPU build of onnxruntime overwrite each other's files.
    # infra/install.sh hands pip's settings on, and pins everything.
    VENV="${GPU_VENV:-.venv-gpu}" RUNTIME=gpu PYTHON="${PYTHON:-python3}" bash infra/install.sh
    python="${GPU_VENV:-.venv-gpu}/bin/python"
fi
export ORT_DISABLE_TELEMETRY=1 HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 PYTHONPATH=.
exec "$python" -m benchmarks.gpu --out "$out" ${rest[@]+"${rest[@]}"}
