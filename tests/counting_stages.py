"""A program: all stages of the line in the current folder, one after another in one process, which imports once."""

import sys
from pathlib import Path

from components.params import load_params
from components.stages.execute import execute
from components.stages.table import STAGES

if __name__ == "__main__":
    root = Path.cwd()
    known = load_params(root / "params.yaml")
    for row in STAGES:
        execute(row.name, root, known)
        sys.stdout.write(f"done {row.name}\n")
