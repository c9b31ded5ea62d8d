import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from written import PARAMS

# A line of two stages. It lies where `python -m components` finds it first, as a stage's command does.
LINE = """
import json, os, pathlib, sys, time
name = sys.argv[1]
if name == "double":
    value = int(pathlib.Path("in.txt").read_text())
    sys.stderr.write("doubling\\n")
    if value < 0:
        sys.stderr.write("error: a negative number\\n")
        sys.exit(12)
    if value == 98:
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path("pid").write_text(str(os.getpid()))
        time.sleep(60)
    if value == 99:
        try:
            pathlib.Path("pid").write_text(str(os.getpid()))
            time.sleep(60)
        except KeyboardInterrupt:
            sys.exit(130)
    pathlib.Path("doubled.txt").write_text(str(value * 2))
elif name == "judge":
    value = int(pathlib.Path("doubled.txt").read_text())
    said = "pass" if value > 5 else "fail"
    rules = [{"rule": "value > 5", "outcome": said, "evidence": str(value)}]
    pathlib.Path("verdict.json").write_text(json.dumps({"verdict": said, "rules": rules}))
elif name == "refresh" and pathlib.Path("offline").exists():
    count = pathlib.Path("attempts")
    count.write_text(count.read_text() + "x" if count.exists() else "x")
    sys.exit(int(pathlib.Path("offline").read_text()))
"""

DVC = {
    "stages": {
        "double": {"cmd": "python -m components double", "deps": ["in.txt"], "outs": ["doubled.txt"]},
        "judge": {
            "cmd": "python -m components judge",
            "deps": ["doubled.txt"],
            "metrics": [{"verdict.json": {"cache": False}}],
        },
    }
}


@pytest.fixture(scope="session")
def without_git(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after `dvc init --no-scm`: copying it takes no process."""
    root = tmp_path_factory.mktemp("dvc")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
    return root


@pytest.fixture
def line(tmp_path: Path, without_git: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a toy line and a DVC repository without git."""
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", os.environ["PATH"])  # the engine puts this Python first
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("")
    (tmp_path / "components" / "__main__.py").write_text(LINE)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(DVC))
    (tmp_path / "in.txt").write_text("3")
    (tmp_path / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, tmp_path / ".graftline" / "mlflow" / "mlflow.db")
    shutil.copytree(without_git, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """One temporary Prefect server for all tests of a worker: each takes about ten seconds to start."""
    from flows.engine import DEFAULTS

    before = {key: os.environ.get(key) for key in DEFAULTS}
    os.environ.update({key: value for key, value in DEFAULTS.items() if before[key] is None})
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
    for key, value in before.items():
        if value is None:
            os.environ.pop(key, None)
