"""Telemetry is off however something is started: what the tools themselves resolve, in a bare environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.telemetry import OFF

ROOT = Path(__file__).parents[2]
# Under CI the tools would be silent by themselves.
ENDS = (*OFF, "CI", "GITHUB_ACTIONS", "GITLAB_CI", "PYTEST_CURRENT_TEST", "GRAFTLINE_HOME", "PREFECT_HOME")

# As a worker does it: Prefect first, then the flow; and MLflow as stages meet it.
RESOLVED = """
import json
import prefect
import flows.pipeline
from pathlib import Path
from components.params.operation import TrackingParams
from components.registry.store import preload
preload(Path.cwd(), TrackingParams())
from dvc import analytics
from dvc.config import Config
from mlflow.telemetry.utils import is_telemetry_disabled
from prefect._internal.analytics import is_telemetry_enabled
from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED
print(json.dumps({
    "prefect client": is_telemetry_enabled(),
    "prefect server": PREFECT_SERVER_ANALYTICS_ENABLED.value(),
    "mlflow": not is_telemetry_disabled(),
    "dvc": analytics.is_enabled(),
}))
"""
# The files of the repository alone, before anything of ours is imported: `dvc repro`, `prefect server start`.
BY_FILES = """
import json
from dvc import analytics
from dvc.updater import Updater
from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED
updater = Updater.__new__(Updater)
print(json.dumps({
    "dvc": analytics.is_enabled(),
    "dvc's look for updates": updater.is_enabled(),
    "prefect server": PREFECT_SERVER_ANALYTICS_ENABLED.value(),
}))
"""


def bare(home: Path) -> dict[str, str]:
    """An environment that says nothing about telemetry."""
    environment = {key: value for key, value in os.environ.items() if key not in ENDS}
    return environment | {"HOME": str(home), "PYTHONPATH": str(ROOT), "PREFECT_LOGGING_LEVEL": "CRITICAL"}


@pytest.mark.parametrize("code", [RESOLVED, BY_FILES])
def test_every_tool_resolves_to_off(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=bare(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == dict.fromkeys(found, False)


@pytest.mark.parametrize(
    ("code", "kept"),
    [("import onnxruntime", True), ("import components.runtime.sessions", False)],
    ids=["bare", "ours"],
)
def test_onnxruntime_keeps_no_events(code: str, kept: bool, tmp_path: Path) -> None:
    """Bare, it does: were that to end, this test would prove nothing."""
    subprocess.run([sys.executable, "-c", code], env=bare(tmp_path), check=True)
    assert any(tmp_path.rglob("onnxruntime.db")) == kept


INHERITED = "import json, os, components; print(json.dumps(dict(os.environ)))"


def test_a_stage_and_what_it_starts_inherit_it(tmp_path: Path) -> None:
    environment = bare(tmp_path) | {"DO_NOT_TRACK": "0"}  # the user's own word stays
    found = json.loads(subprocess.check_output([sys.executable, "-c", INHERITED], env=environment))
    assert {name: found.get(name) for name in OFF} == {**OFF, "DO_NOT_TRACK": "0"}


@pytest.mark.parametrize("file", ["Makefile", "infra/Containerfile", "infra/compose.yaml"])
def test_what_starts_the_tools_by_themselves_names_each(file: str) -> None:
    text = (ROOT / file).read_text()
    assert [name for name in OFF if name not in text] == []
