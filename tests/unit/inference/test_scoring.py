"""Exactly one row for an input: whatever is unreadable, whoever is killed, and however the work is spread."""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from brightness import write_release
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import MODEL, contents, light, picture, score, write_pictures

from components.errors import DigestMismatch, StorageError
from components.inference.bundle import open_bundle
from components.inference.inputs import Folder
from components.inference.observing import NOT_FINITE
from components.inference.plan import Output, make_plan
from components.inference.scoring import Scorer
from components.storage.publish import read_json

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("released")
    write_release(root, {"model.onnx": 0.02})
    return root / "release"


@pytest.fixture(scope="module")
def scorer(release: Path) -> Scorer:
    return Scorer(open_bundle(release), MODEL, ["cpu"], cores=2)


def rows_of(target: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(target).to_pylist()
    return rows


def test_each_input_has_its_row_with_all_that_was_promised(scorer: Scorer, tmp_path: Path) -> None:
    levels = write_pictures(tmp_path / "in", 12)
    output = score(scorer, tmp_path / "in", tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert [row["id"] for row in found] == [f"{number:04}.png" for number in range(12)]
    np.testing.assert_allclose([row["p.light"] for row in found], [light(v) for v in levels], atol=1e-6)
    np.testing.assert_allclose([row["p.dark"] for row in found], [1 - light(v) for v in levels], atol=1e-6)
    assert [row["decision"] for row in found] == ["light" if light(v) >= 0.5 else "dark" for v in levels]
    payload = (tmp_path / "in" / "0007.png").read_bytes()
    assert found[7]["sha256"] == hashlib.sha256(payload).hexdigest()
    assert {(r["model"], r["version"], r["release_sha256"], r["reason"]) for r in found} == {
        ("cells", "3", "d" * 64, None)
    }
    assert [output.part(number).name for number in range(3)] == sorted(
        path.name for path in (tmp_path / "out").glob("*.parquet")
    )
    manifest = read_json(tmp_path / "out" / "_manifest.json")
    assert (manifest["inputs"], manifest["unreadable"]) == (12, 0)


def test_what_cannot_be_read_has_a_row_with_the_reason(scorer: Scorer, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_pictures(folder, 3)
    (folder / "a-cut.png").write_bytes(picture(200, side=40)[:-30])
    (folder / "b-lost.png").symlink_to(folder / "nowhere.png")
    (tmp_path / "secret.png").write_bytes(picture(9))
    (folder / "c-outside.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(folder / "d-pipe.png")
    (folder / "e-empty.png").write_bytes(b"")
    output = score(scorer, folder, tmp_path / "out")
    found = {str(row["id"]): row for row in rows_of(tmp_path / "out")}
    assert len(found) == 8
    reasons = {name: row["reason"] for name, row in found.items() if row["reason"]}
    assert list(reasons) == ["a-cut.png", "b-lost.png", "c-outside.png", "d-pipe.png", "e-empty.png"]
    assert "cannot be decoded" in str(reasons["a-cut.png"])
    assert reasons["b-lost.png"] == "No such file or directory"
    assert reasons["c-outside.png"] == "lies outside the folder of the inputs"
    assert reasons["d-pipe.png"] == "is not a regular file"
    for name in reasons:
        assert (found[name]["p.dark"], found[name]["p.light"], found[name]["decision"]) == (None, None, None)
    assert found["a-cut.png"]["sha256"] is not None
    assert found["b-lost.png"]["sha256"] is None
    manifest = output.finish()
    assert manifest is not None
    assert manifest["unreadable"] == 5


def test_an_answer_that_is_no_number_is_none(tmp_path: Path) -> None:
    """A slope of 10³⁰⁰ does not fit into 32 bits: infinity, and infinity minus infinity."""
    write_release(tmp_path, {"model.onnx": float("inf")})
    scorer = Scorer(open_bundle(tmp_path / "release"), MODEL, ["cpu"], cores=1)
    write_pictures(tmp_path / "in", 2)
    score(scorer, tmp_path / "in", tmp_path / "out")
    assert {(row["p.light"], row["decision"], row["reason"]) for row in rows_of(tmp_path / "out")} == {
        (None, None, NOT_FINITE)
    }


def test_a_flipped_or_truncated_model_is_refused(release: Path, tmp_path: Path) -> None:
    for damage in (lambda data: data[:-10], lambda data: data[:-1] + bytes([data[-1] ^ 1])):
        broken = tmp_path / "broken"
        shutil.copytree(release, broken, dirs_exist_ok=True)
        (broken / "model.onnx").write_bytes(damage((release / "model.onnx").read_bytes()))
        with pytest.raises(DigestMismatch, match=r"model\.onnx"):
            open_bundle(broken)


def test_nothing_depends_on_the_number_of_cores(release: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path / "in", 40)
    found = []
    for cores in (1, 3):
        scorer = Scorer(open_bundle(release), MODEL, ["cpu"], cores)
        score(scorer, tmp_path / "in", tmp_path / f"out{cores}", rows=16)
        found.append(contents(tmp_path / f"out{cores}"))
    assert found[0] == found[1]


class Killed(BaseException):
    pass


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(1, 23),
    rows=st.integers(1, 9),
    shards=st.integers(1, 4),
    kills=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 12)), max_size=5),
)
def test_shards_and_kills_leave_what_one_run_leaves(
    scorer: Scorer, count: int, rows: int, shards: int, kills: list[tuple[int, int]]
) -> None:
    """Shards die after some batches, in any order, and are run again: file by file it is what one run wrote."""
    with tempfile.TemporaryDirectory() as place:
        folder, one, many = (Path(place) / name for name in ("in", "one", "many"))
        write_pictures(folder, count)
        (folder / "broken.png").write_bytes(b"no picture")
        score(scorer, folder, one, rows)
        for shard, batches in [(s, b) for s, b in kills if s <= shards]:
            answered = iter(range(batches))
            with suppress(Killed):
                interrupted(scorer, folder, many, rows, (shard, shards), answered)
        for shard in range(shards, 0, -1):
            score(scorer, folder, many, rows, (shard, shards))
        assert contents(many) == contents(one)
        found = [row["id"] for row in rows_of(many)]
        assert found == sorted(path.name for path in folder.iterdir())


def interrupted(
    scorer: Scorer, folder: Path, target: Path, rows: int, shard: tuple[int, int], left: Iterator[int]
) -> None:
    """`score`, which ends as soon as `left` does."""
    inputs = Folder(folder)
    output = Output(target, make_plan(MODEL, rows, inputs))
    wanted = [part for part in output.plan.shard(*shard) if not output.is_done(part)]

    def advance(count: int) -> None:
        if next(left, None) is None:
            raise Killed

    with output.held(output.plan.shard(*shard)):
        scorer.score(inputs, output, wanted, advance)


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from components.inference.bundle import open_bundle
from components.inference.scoring import Scorer
from scored import MODEL, contents, score
release, folder, place = (Path(word) for word in sys.argv[1:])
replace = Path.replace

def child(target, last):
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = iter(range(last))
    def kill(*words):
        if next(left, None) is not None:
            return replace(*words)
        os.kill(os.getpid(), signal.SIGKILL)
    Path.replace = kill
    score(Scorer(open_bundle(release), MODEL, ["cpu"], 1), folder, target)
    os._exit(0)

child(place / "whole", 100)
for last in range(6):
    target = place / str(last)
    assert child(target, last) == -signal.SIGKILL, last
    assert child(target, 100) == 0
    assert contents(target) == contents(place / "whole"), last
"""


def test_killed_before_each_rename_the_same_command_finishes(release: Path, tmp_path: Path) -> None:
    """The plan, two parts with their receipts, the manifest: six renames."""
    write_pictures(tmp_path / "in", 7)
    (tmp_path / "place").mkdir()
    words = [str(release), str(tmp_path / "in"), str(tmp_path / "place")]
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr


def test_a_full_disk_is_said_and_a_rerun_works(scorer: Scorer, tmp_path: Path) -> None:
    """A limit on file size stands for the full disk: the write fails half-way."""
    write_pictures(tmp_path / "in", 60)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(StorageError, match=r"part-000000\.parquet could not be written.*Free some room"):
            score(scorer, tmp_path / "in", tmp_path / "out", rows=50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "out").glob("*.parquet"))
    score(scorer, tmp_path / "in", tmp_path / "out", rows=50)
    assert len(rows_of(tmp_path / "out")) == 60
