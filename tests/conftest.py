"""Whole lines go first: they take minutes, and beside them the short tests fill the other core."""

import os
from pathlib import Path

import pytest

# Whoever tests may have the servers of `make up` in the environment: they are not for tests.
for name in (
    "MLFLOW_TRACKING_URI",
    "PREFECT_API_URL",
    "PREFECT_API_AUTH_STRING",
    "GRAFTLINE_LEDGER_DATABASE",
):
    os.environ.pop(name, None)


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
