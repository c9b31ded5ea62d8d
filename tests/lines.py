"""The line in a clone of this repository, with its own state."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


class Workspace:
    """A clone with its own state; `environment` holds what keeps it apart from the developer's."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def stages_run(self, *words: str) -> list[str]:
        """The stages that `dvc repro` ran."""
        done = self.run("dvc", "repro", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        found = [line for line in done.stdout.splitlines() if line.startswith("Running stage")]
        return [line.split("'")[1] for line in found]

    def change(self, section: str, key: str, value: object) -> None:
        path = self.folder / "params.yaml"
        values = yaml.safe_load(path.read_text())
        values[section][key] = value
        path.write_text(yaml.safe_dump(values))

    def changed_line(self, module: str, old: str, new: str) -> None:
        path = self.folder / module
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


def clone(place: Path) -> Workspace:
    """A clone in `place`/clone."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(place / "clone")], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRAFTLINE_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return Workspace(place / "clone", environment)
