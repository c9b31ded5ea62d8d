"""Whole lines go first: they take minutes, and beside them the short tests fill the other core."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# A busy machine is no failure.
settings.register_profile("graftline", deadline=None)
settings.load_profile("graftline")
# Whoever tests may have the servers of `make up` in the environment: they are not for tests.
for name in (
    "MLFLOW_TRACKING_URI",
    "PREFECT_API_URL",
    "PREFECT_API_AUTH_STRING",
    "GRAFTLINE_LEDGER_DATABASE",
):
    os.environ.pop(name, None)
if TYPE_CHECKING:
    from postgres import Cluster


def pytest_configure(config: pytest.Config) -> None:
    """A core for each worker: threads of two workers on the same cores spin while they wait for each other."""
    worker, cores = os.environ.get("PYTEST_XDIST_WORKER", ""), sorted(os.sched_getaffinity(0))
    if worker:
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})
    elif sys.dont_write_bytecode:
        _keep_bytecode(config)


def _keep_bytecode(config: pytest.Config) -> None:
    """Where Python may write no bytecode beside the sources, each process that a test starts would compile all that
    it imports, which takes longer than the rest of most of them: these tests have a folder of their own for it."""
    folder = tempfile.mkdtemp(prefix="graftline-bytecode-")
    config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))
    os.environ["PYTHONPYCACHEPREFIX"] = folder
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # `python -B` says it without one


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store with its schema: making one takes seconds, copying it does not."""
    from components.params.operation import TrackingParams
    from components.registry.store import connect

    root = tmp_path_factory.mktemp("store")
    connect(root, TrackingParams())
    return root / ".graftline" / "mlflow" / "mlflow.db"


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Cluster]":
    """A PostgreSQL server: two seconds for each worker that asks for one."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'graftline[servers]'")
    from postgres import cluster, programs

    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's programs are missing: apt-get install postgresql")
    with cluster(folder) as running:
        yield running
