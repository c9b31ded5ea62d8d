"""The embedded store's tables: a kill while they are made leaves no store that MLflow refuses."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from components.errors import RegistryError
from components.params.operation import TrackingParams
from components.registry.store import connect, transient

ROOT = Path(__file__).parents[3]


def largest(folder: Path) -> int:
    sizes = [0]
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # a journal comes and goes
            sizes.append(path.stat().st_size)
    return max(sizes)


def killed_at(size: int, root: Path) -> None:
    """Start to make the store, and kill it once a file of it has `size` bytes."""
    folder = root / ".graftline" / "mlflow"
    words = [sys.executable, "-P", str(Path(__file__).with_name("killed.py")), str(root)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        while process.poll() is None and largest(folder) < size:
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -9, "it was faster"


def test_killed_within_its_migrations_the_store_is_made_again(tmp_path: Path) -> None:
    """Where MLflow made them in place, half of such kills left a store that it refused."""
    for size in (70_000, 500_000):
        killed_at(size, tmp_path)
        assert not (tmp_path / ".graftline" / "mlflow" / "mlflow.db").exists()
    connection = connect(tmp_path, TrackingParams())
    assert connection.client.get_experiment(connection.experiment).name
    assert [path.name for path in (tmp_path / ".graftline" / "mlflow").iterdir()] == ["mlflow.db"]


def test_a_store_that_is_half_made_is_named_and_not_asked_again(tmp_path: Path) -> None:
    """As a kill of an older version of ours left it."""
    file = tmp_path / ".graftline" / "mlflow" / "mlflow.db"
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as store:
        store.execute("create table experiment_tags (key text)")
    with pytest.raises(RegistryError, match="was killed while it changed the store's tables") as found:
        connect(tmp_path, TrackingParams())
    assert not transient(found.value)
