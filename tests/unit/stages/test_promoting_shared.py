"""Promotion where MLflow itself is on PostgreSQL: real promoters, real sessions, one of which ends too early."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from promoted import Line, line_params, race

from components.errors import Busy
from components.stages.promote import promote

if TYPE_CHECKING:
    from postgres import Cluster

pytestmark = pytest.mark.faults


@pytest.fixture
def lines(
    tmp_path: Path, postgres: "Cluster", datasets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> list[Line]:
    """Two workspaces; version 1 is champion, each has a better one."""
    from components.registry.store import QUIET, locate

    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME", "GRAFTLINE_LEDGER_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    for key, value in QUIET.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "key.pem"))
    params = line_params(tmp_path / "pictures")
    tracking = params.tracking.model_copy(update={"uri": postgres.made()})
    params = params.model_copy(update={"tracking": tracking})
    from mlflow import MlflowClient

    uri = locate(tmp_path, tracking).uri
    folder = (tmp_path / "artifacts").as_uri()  # an MLflow server would say where
    MlflowClient(uri, registry_uri=uri).create_experiment(tracking.experiment, folder)
    made = [Line(tmp_path / name, params) for name in ("first", "second")]
    for line in made:
        shutil.copytree(datasets["some"], line.root / "dataset")
    made[0].promoted(boundary=160)
    for line, boundary in zip(made, (130, 128), strict=True):
        line.registered(boundary=boundary)
    return made


def test_of_two_promoters_on_a_shared_registry_one_moves_and_the_other_leaves(
    lines: list[Line], tmp_path: Path
) -> None:
    codes, said = race(lines, tmp_path / "meet")
    assert sorted(codes) == [0, Busy.exit_code], said
    winner = codes.index(0)
    assert lines[0].champion == str(winner + 2)
    assert "became champion" in said[1 - winner]
    assert promote(lines[1 - winner].root, lines[0].params).outcome in ("keep", "inconclusive", "refused")
    assert lines[0].champion == str(winner + 2)
    assert lines[0].kinds[:4] == ["promote", "moved", "promote", "moved"]


ENDED = """
import sys
from pathlib import Path
import psycopg
from components.errors import GraftlineError
from components.params import Params
from components.params.scoring import CHAMPION
from components.registry.desk import Desk
from components.registry.table_book import HELD
from components.stages.promote import promote
params = Params.model_validate_json(sys.stdin.read())
point = Desk._point
def ended(desk, alias, target):
    if alias == CHAMPION:
        book = desk.ledger.book
        with psycopg.connect(params.tracking.uri, autocommit=True) as session:
            session.execute(f"SELECT pg_terminate_backend(pid, 5000) {HELD}", (book.key,))
    point(desk, alias, target)
Desk._point = ended
try:
    print(promote(Path(sys.argv[1]), params).outcome)
except GraftlineError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def test_a_promoter_whose_session_ends_before_the_move_leaves_the_alias_alone(lines: list[Line]) -> None:
    words = [sys.executable, "-c", ENDED, str(lines[0].root)]
    text = lines[0].params.model_dump_json()
    done = subprocess.run(words, input=text, text=True, env=os.environ, capture_output=True, check=False)
    assert done.returncode == Busy.exit_code, done.stderr
    assert "was lost" in done.stdout
    assert (lines[0].champion, lines[0].kinds[-1]) == ("1", "promote")
    assert promote(lines[1].root, lines[1].params).outcome in ("promote", "keep", "inconclusive")
    assert lines[0].kinds[2:4] == ["promote", "moved"], "what was decided is made first"
    assert lines[0].champion in ("2", "3")
