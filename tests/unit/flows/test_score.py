"""The command of batch scoring, from its options to rows, exit codes and the MLflow run."""

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from brightness import write_release
from PIL import Image
from texts import write_text_release

from components.errors import RegistryError
from components.params.operation import TrackingParams
from components.registry.delivery import deliver_now
from components.registry.store import connect
from components.storage.publish import read_json
from flows.command import Ended, code_of
from tests.unit.flows.slow import imported_by
from tests.unit.flows.webhook import listening

if TYPE_CHECKING:
    from mlflow.entities import Run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def space(line: Path, server: None) -> Path:
    """A workspace with a release and twelve pictures, the darkest first, in which it is `main`'s turn."""
    write_release(line, {"model.onnx": 0.02})
    (line / "in").mkdir()
    for number in range(12):
        Image.new("RGB", (5, 4), (20 * number + 5,) * 3).save(line / "in" / f"{number:02}.png")
    return line


def run_score(*options: str) -> int:
    from flows.score import main

    return main(options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "9/8"], "shard: '9/8' is not of the form NUMBER/OF, such as 3/8"),
        (["--rows", "0"], "rows: 0 is too small; allowed: 1 or more"),
        (["--version", "0"], "version: 0 is too small; allowed: 1 or more"),
        (["--output", "s3://bucket/rows"], "output 's3://bucket/rows' is no folder"),
    ],
)
def test_wrong_options_are_refused_before_any_work(
    line: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert run_score("--input", "in", "--output", "out", *options) == 2
    assert words in capsys.readouterr().err
    assert not (line / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (
            ["--input", "nowhere"],
            12,
            "nowhere does not exist. Name a folder, a table, or s3://BUCKET/PREFIX.",
        ),
        (["--input", "components", "--path", "name"], 2, "--path is for tables, but components is none"),
        (["--input", "empty"], 12, "There are no inputs"),
        (["--input", "t.csv", "--path", "file"], 12, "--path names the column 'file'"),
        (["--input", "t.csv", "--path", "body"], 12, "The column 'body' of"),
        (["--input", "t.csv", "--content", "body", "--bundle", "nowhere"], 14, "nowhere holds no release"),
        (
            ["--input", "components", "--output", "components/rows"],
            2,
            "lies inside the inputs",
        ),
        (["--input", "components", "--output", "table"], 14, "is not empty and holds no scoring job"),
        (["--input", "components", "--alias", "shadow"], 20, "holds no model model"),
    ],
)
def test_what_can_be_known_is_said_before_anything_slow_is_started(
    line: Path, options: list[str], code: int, words: str
) -> None:
    """An alias is asked of the registry, which takes MLflow; its files are opened once it is found."""
    (line / "empty").mkdir()
    (line / "table").mkdir()
    (line / "table" / "other.csv").write_text("x\n")
    (line / "t.csv").write_text("path,body\na.png,Dear all\nb.png,Good mail\n")
    ended = imported_by("flows.score", ["--output", "out", *options], line)
    assert words in ended.said
    assert ended.code == code
    assert "prefect" not in ended.names
    if code != 20:
        assert ended.names == []
    assert not (line / "out").exists()


def test_options_that_exclude_each_other_are_argparse_s(line: Path) -> None:
    for pair in (["--alias", "a", "--version", "1"], ["--path", "a", "--content", "b"]):
        with pytest.raises(SystemExit, match="2"):
            run_score("--input", "in", "--output", "out", *pair)


def test_shards_of_a_folder_end_in_one_result_and_the_run_knows_the_provider(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (space / "in" / "broken.png").write_bytes(b"no picture")
    for shard, said in (
        ("2/2", "other shards are not done yet"),
        ("1/2", "1 could not be read: the column `reason`"),
    ):
        words = ("--input", "in", "--output", "out", "--bundle", "release", "--rows", "4", "--shard", shard)
        assert run_score(*words) == 0
        assert said in capfd.readouterr().out
    rows = pq.read_table(space / "out").to_pylist()
    assert [row["id"] for row in rows] == [*(f"{number:02}.png" for number in range(12)), "broken.png"]
    assert [row["decision"] for row in rows] == ["dark"] * 6 + ["light"] * 6 + [None]
    assert {row["version"] for row in rows} == {None}
    assert read_json(space / "out" / "_manifest.json")["unreadable"] == 1

    runs = delivered(space)
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    assert {run.data.tags["graftline.provider"] for run in runs} == {"CPUExecutionProvider"}
    assert {run.data.tags["graftline.nodes_on_cpu"] for run in runs} == {"none"}
    assert sorted(run.data.metrics["rows"] for run in runs) == [5.0, 8.0]
    assert {run.data.params["shard"] for run in runs} == {"1/2", "2/2"}

    assert run_score("--input", "in", "--output", "out", "--bundle", "release", "--rows", "4") == 0
    assert "0 rows written; 12 of 13 inputs are scored" in capfd.readouterr().out


def test_texts_of_a_table_go_the_same_way(space: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The share of `good` among 16 tokens: 12 of 16 are enough for ham, 1 is not."""
    write_text_release(space / "texts")
    (space / "mails.txt").write_text(f"a;{'good ' * 12}\nb;Good mail\nc;\n")
    table = (
        "--input",
        "mails.txt",
        "--content",
        "body",
        "--id",
        "name",
        "--separator",
        ";",
        "--header",
        "name,body",
    )
    words = (*table, "--output", "out", "--bundle", "texts")
    assert run_score(*words) == 0
    found = pq.read_table(space / "out").to_pylist()
    assert [(row["id"], row["p.ham"], row["decision"], row["reason"]) for row in found] == [
        ("a", 12 / 16, "ham", None),
        ("b", 1 / 16, "spam", None),
        ("c", None, None, "is empty"),
    ]


def test_where_not_one_input_can_be_scored_the_rows_are_there_and_the_command_fails(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (space / "broken").mkdir()
    for number, data in enumerate((b"\x89PNG\r\n\x1a\n damaged", b"\x89PNG\r\n\x1a\n damaged", b"")):
        (space / "broken" / f"{number}.png").write_bytes(data)
    words = ("--input", "broken", "--output", "out", "--bundle", "release")
    for _ in range(2):  # the second finds all parts there
        assert run_score(*words) == 12
        said = capfd.readouterr()
        assert "error: None of the 3 inputs could be scored: cannot be decoded: " in said.err
        assert "first 0.png" in said.err
        assert said.out == ""
    assert pq.read_table(space / "out").num_rows == 3
    assert {run.info.status for run in delivered(space)} == {"FAILED"}


def test_inputs_of_another_kind_are_refused_before_prefect_starts(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_text_release(space / "texts")
    (space / "mails").mkdir()
    for number in range(40):
        (space / "mails" / f"{number:02}.txt").write_text(f"Good mail number {number}")
    (space / "mails.csv").write_text("body\nGood mail\nBad mail\n")
    cases = (
        (("--input", "mails", "--bundle", "release"), "'image', .* holds texts: none of the 40 inputs"),
        (
            ("--input", "mails.csv", "--content", "body", "--bundle", "release"),
            "mails.csv#1: cannot be decoded",
        ),
        (("--input", "in", "--bundle", "texts"), "'text', .* holds images: none of the 12 inputs"),
    )
    for words, said in cases:
        assert run_score(*words, "--output", "out") == 12
        err = capfd.readouterr().err
        assert re.search(said, err)
        assert "Starting Prefect" not in err
    assert not (space / "out").exists()
    assert delivered(space) == []


def test_each_refusal_has_its_code_and_says_what_to_do(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = ("--output", "out", "--bundle", "release")
    cases = (
        (("--input", "in", "--output", "out"), 20, "holds no model model. Run: make run"),
        (("--input", "nothing", *bundle), 12, "nothing does not exist"),
        (("--input", "in", *bundle, "--id", "name"), 2, "--id is for tables"),
        (("--input", "in", *bundle, "--header", "a,b"), 2, "--header is for tables"),
        (
            ("--input", "t.jsonl", *bundle, "--separator", "tab"),
            2,
            "t.jsonl holds lines of JSON: leave it out",
        ),
        (("--input", "in", "--output", "in/out", "--bundle", "release"), 2, "lies inside the inputs"),
        (
            ("--input", "in", "--output", "components", "--bundle", "release"),
            14,
            "is not empty and holds no scoring job",
        ),
    )
    for words, code, said in cases:
        assert run_score(*words) == code, words
        err = capfd.readouterr().err
        assert said in err
        assert err.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in err
    (space / "release" / "model.onnx").write_bytes(b"cut")
    assert run_score("--input", "in", *bundle) == 11
    assert "SHA-256 differs" in capfd.readouterr().err


def test_sigterm_keeps_what_is_done_and_the_same_command_goes_on(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = (space / "in" / "00.png").read_bytes()
    for number in range(400):
        (space / "in" / f"more-{number:03}.png").write_bytes(first)
    words = ("--input", "in", "--output", "out", "--bundle", "release", "--rows", "1")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # should it come too late, it ends no test
    try:
        stopper = threading.Thread(target=stop_at, args=(space / "out" / "part-000002.parquet",))
        stopper.start()
        assert run_score(*words) == 75
        stopper.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "The same command resumes" in capfd.readouterr().err
    for name in ("000.png", "more-000a.png", "z.png"):  # came meanwhile: for another job
        (space / "in" / name).write_bytes(first)
    done = len(list((space / "out" / "_parts").glob("*.json")))
    assert 2 <= done < 412  # a part is there a moment before its receipt
    assert run_score(*words) == 0
    assert f"{done} of 412 parts are there already" in capfd.readouterr().err
    assert pq.read_table(space / "out").num_rows == 412
    (space / "in" / "more-001.png").unlink()
    assert run_score(*words) == 14
    assert "was begun with more-001.png, which is not in" in capfd.readouterr().err
    runs = delivered(space)
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED", "KILLED"]


def delivered(root: Path) -> "list[Run]":
    """All runs, as MLflow has them."""
    connection = connect(root, TrackingParams())
    deliver_now(root, connection)
    return list(connection.client.search_runs([connection.experiment]))


def stop_at(path: Path) -> None:
    """SIGTERM to this process as soon as `path` is there."""
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_scheduled_scoring_ends_with_the_name_and_code_of_what_was_wrong_and_tells(
    space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.daily import daily

    with listening() as hook:
        monkeypatch.setenv("GRAFTLINE_WEBHOOK", hook.address)
        ended = daily({"input": "in", "output": "scores/%Y"}, str(space), return_state=True)
    assert [(news["state"], news["because"]) for news in hook.got] == [("RegistryError", "batch scoring")]
    assert (ended.name, code_of(ended)) == ("RegistryError", RegistryError.exit_code)
    assert "holds no model" in str(ended.message)
    # Where a worker runs it, this is raised, and stands last in the log.
    said = ended.result(raise_on_failure=False)
    assert isinstance(said, Ended)
    assert str(said) == f"RegistryError: {ended.message}"
