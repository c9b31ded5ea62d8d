"""What a command has imported when it ends: whatever it refuses at once needs none of the slow packages."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """Attributes:
    said: on stderr.
    names: of the slow packages, those that were imported.
    """

    code: int
    said: str
    names: Sequence[str]


def imported_by(module: str, options: Sequence[str], root: Path) -> Ended:
    """Run the command `module` in the workspace `root` in a process of its own, started where the code lies."""
    code = (
        f"import pathlib, sys, {module} as command\n"
        f"code = command.main({list(options)!r}, pathlib.Path({str(root)!r}))\n"
        "print(code, *sorted({'torch', 'mlflow', 'onnxruntime', 'prefect'} & sys.modules.keys()))"
    )
    words = [sys.executable, "-P", "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    number, *names = done.stdout.splitlines()[-1].split()
    return Ended(int(number), done.stderr, names)
