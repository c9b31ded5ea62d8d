"""A backup of a real PostgreSQL and of files comes back; a damaged one does not."""

import shutil
from pathlib import Path

import pytest

from components.errors import GraftlineError, StorageError
from infra.servers import postgres
from infra.servers.backup import alone, backup, check, restore
from infra.servers.layout import Layout, make_settings, read_settings
from infra.servers.programs import DATABASES

KEPT = "artifacts/1/run/model.onnx"


def fill(where: Layout) -> None:
    """A row, an artefact, a ledger of an embedded store, a lock."""
    settings = make_settings(where)
    with postgres.connect(settings, "mlflow") as connection:
        connection.execute("CREATE TABLE versions AS SELECT 7 AS number")
    for path, text in {
        where.folder / KEPT: "bytes",
        where.folder.with_name("mlflow") / "mlflow.ledger" / "m.jsonl": "entry",
        where.root / "dvc.lock": "lock",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_what_was_lost_comes_back_on_a_machine_with_other_ports_and_passwords(
    where: Layout, programs: None, tmp_path: Path
) -> None:
    settings = make_settings(where)
    postgres.initialise(where, settings)
    with pytest.raises(GraftlineError, match="make up"):
        backup(where, tmp_path / "backups")
    with alone(where, settings):
        postgres.prepare(settings, DATABASES)
        fill(where)
        made = backup(where, tmp_path / "backups")
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [made.name]
    with pytest.raises(StorageError, match="FORCE=yes"):
        restore(where, made)

    shutil.rmtree(where.folder.parent)
    (where.root / "dvc.lock").write_text("newer")
    restore(where, made)
    found = read_settings(where)
    assert found is not None
    assert found.postgres_password != settings.postgres_password
    with alone(where, found), postgres.connect(found, "mlflow") as connection:
        assert connection.execute("SELECT number FROM versions").fetchone() == (7,)
        assert connection.execute("SELECT similarity('drift', 'drifts') > 0.5").fetchone() == (True,)
    assert (where.folder / KEPT).read_text() == "bytes"
    assert (where.folder.with_name("mlflow") / "mlflow.ledger" / "m.jsonl").read_text() == "entry"
    assert (where.root / "dvc.lock").read_text() == "newer"

    (made / KEPT).write_text("other")
    with pytest.raises(StorageError, match=r"model\.onnx is not the file that was backed up"):
        check(made)


def test_a_folder_that_is_no_backup_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no backup") as told:
        check(tmp_path)
    assert "FROM=FOLDER/graftline-DATE" in str(told.value)
