import shutil
from pathlib import Path

import pytest
from stored import StoredId

from components.params import Params
from components.registry.delivery import known_as
from components.registry.runs import RunHandle
from components.registry.store import locate


@pytest.fixture
def workspace(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace that no flow owns. The experiment's artefacts lie in the shared store's folder."""
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / ".graftline" / "mlflow"
    folder.mkdir(parents=True)
    shutil.copyfile(empty_store, folder / "mlflow.db")
    return tmp_path


@pytest.fixture
def params() -> Params:
    return Params.model_validate(
        {
            "data": {"source": "file:images", "licence": "CC0", "layout": "folders"},
            "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
            "tracking": {"model": "cells"},
        }
    )


@pytest.fixture
def stored_id(workspace: Path, params: Params) -> StoredId:
    """MLflow's id of a run of ours in the embedded store."""

    def of(run: RunHandle) -> str:
        return known_as(run.folder, run.id, locate(workspace, params.tracking)) or "none"

    return of
