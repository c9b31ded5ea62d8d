#!/usr/bin/env bash
# Installs the locked dependencies into $VENV. Safe to run again at any time; `make setup` calls it.
# --check: says by its exit code whether $VENV works, and installs nothing.
# --safe-path: only lets `python -P` find the packages of the folder that it is started in (infra/current_folder.py).
# TORCH_INDEX: an extra index for torch alone, e.g. PyTorch's index of CPU builds.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV="${VENV:-.venv}" RUNTIME="${RUNTIME:-cpu}" PYTHON="${PYTHON:-python3}"

works() {
    "$VENV/bin/python" - <<'END'
import dvc, graftline_current_folder, mlflow.version, onnx, onnxruntime, prefect, torch
from components.runtime.distribution import check_distribution
check_distribution()
END
}
[ "${1:-}" != --check ] || { works; exit; }

# An activated environment has a safe path, too; `deactivate` takes it back.
safe_path() {
    local site
    site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    cp infra/current_folder.py "$site/graftline_current_folder.py"
    echo 'import graftline_current_folder; graftline_current_folder.install()' >"$site/graftline_current_folder.pth"
    grep -q PYTHONSAFEPATH "$VENV/bin/activate" || {
        sed -i.before 's/^deactivate *() *{/&\n    unset PYTHONSAFEPATH/' "$VENV/bin/activate"
        echo 'export PYTHONSAFEPATH=1  # of the folder that you are in, Python imports the packages of the line alone' \
            >>"$VENV/bin/activate"
        rm "$VENV/bin/activate.before"
    }
}
[ "${1:-}" != --safe-path ] || { safe_path; exit; }

case "$RUNTIME" in cpu | gpu) ;; *) echo "RUNTIME=$RUNTIME is unknown. Allowed: cpu, gpu." >&2; exit 2 ;; esac
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "$PYTHON is older than Python 3.11. Set PYTHON to a newer one: make setup PYTHON=python3.11" >&2; exit 2; }

say() { echo "$*" >&2; }

# A half-made environment is mended by making it again: it costs seconds.
say "Setting up $VENV for $RUNTIME, a few minutes the first time."
"$VENV/bin/python" -c 'import pip' 2>/dev/null || { rm -rf "$VENV"; "$PYTHON" -m venv "$VENV"; }
rm -f "$VENV"/.installed-*

# uv is some twenty times faster than pip; it does not read pip's settings, so they are handed over.
say "1 of 4: uv, which installs the rest."
if "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1' 2>/dev/null; then
    export UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}" UV_INDEX_URL="${UV_INDEX_URL:-${PIP_INDEX_URL:-}}"
    [ -n "$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
    [ -n "$UV_INDEX_URL" ] || unset UV_INDEX_URL
    install() { "$VENV/bin/uv" pip install --python "$VENV/bin/python" "$@"; }
else
    echo "uv cannot be had here; pip does the same in about two minutes." >&2
    install() { "$VENV/bin/python" -m pip install --disable-pip-version-check "$@"; }
fi

# The two runtimes overwrite each other's files without a word.
other=$([ "$RUNTIME" = gpu ] && echo onnxruntime || echo onnxruntime-gpu)
if "$VENV/bin/python" -m pip show --quiet "$other" 2>/dev/null; then
    "$VENV/bin/python" -m pip uninstall --quiet --yes onnxruntime onnxruntime-gpu
fi
say "2 of 4: torch, the largest package."
install torch==2.13.0 ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt
say "3 of 4: everything else that constraints.txt names."
install -e ".[$RUNTIME,servers,dev]" -c constraints.txt
safe_path

# What uv takes for installed may have lost files: then everything is made anew, once.
say "4 of 4: does it work? Then Python's compiled files."
if works; then
    "$VENV/bin/python" -m infra.bytecode
    say "$VENV is ready."
    exit
fi
[ -z "${MENDING:-}" ] || exit 1
echo "The environment is damaged and is made anew." >&2
rm -rf "$VENV"
MENDING=1 exec bash infra/install.sh
