"""`make setup` says what it is doing: each step has a line, and the installer's own output is shown."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Stands for Python, pip and uv: it makes what the script needs next, and says how it was called.
PYTHON = """#!/usr/bin/env bash
case "$*" in
*"-m venv"*) mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" && cp "$0" "${@: -1}/bin/uv"
    touch "${@: -1}/bin/activate" ;;
*sysconfig*) dirname "$0" ;;
*"pip show"*) exit 1 ;;
*install*) echo "called: $*" >&2 ;;
esac
"""


def test_every_step_of_the_set_up_is_told(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", str(ROOT / "infra" / "install.sh")],
        env={"PATH": os.environ["PATH"], "PYTHON": str(python), "VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [
        line
        for line in done.stderr.splitlines()
        if " of 4: " in line or line.startswith("called: pip install")
    ]
    assert [line[0] for line in told] == ["1", "2", "c", "3", "c", "4"]
    assert not any("--quiet" in line for line in told)
    assert done.stderr.splitlines()[-1].endswith("venv is ready.")
