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
from components.registry.store import preload
preload()
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


@pytest.mark.parametrize("code", [RESOLVED, BY_FILES])
def test_every_tool_resolves_to_off(code: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ENDS}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PREFECT_LOGGING_LEVEL": "CRITICAL"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == dict.fromkeys(found, False)


def test_a_stage_and_what_it_starts_inherit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.__main__ import main

    for name in OFF:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")  # the user's own word stays
    assert main(["versions"]) == 0
    assert {name: os.environ.get(name) for name in OFF} == {**OFF, "DO_NOT_TRACK": "0"}
