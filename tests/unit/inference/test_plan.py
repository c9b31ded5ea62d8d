"""A job is fixed before it begins: other inputs, another model, another division are refused, with the remedy."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.errors import Busy, DataError, SourceError, StorageError
from components.inference.inputs import Input
from components.inference.plan import LOCK, Model, Output, Plan, make_plan
from components.storage.publish import write_json

MODEL = Model("cells", "3", "d" * 64, "fp32")
OTHER = Model("cells", "4", "e" * 64, "fp32")


def inputs(count: int, state: str = "7") -> Iterator[Input]:
    for number in range(count):
        yield Input(f"{number:03}", state, lambda: b"")


def test_shards_are_neighbours_and_cover_each_part_once() -> None:
    plan = make_plan(MODEL, 10, inputs(95))
    assert (plan.inputs, len(plan.parts), plan.size(0), plan.size(9)) == (95, 10, 10, 5)
    assert [list(plan.shard(i, 3)) for i in (1, 2, 3)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
    for of in range(1, 14):
        assert [part for i in range(1, of + 1) for part in plan.shard(i, of)] == list(range(10))


def test_the_inputs_of_chosen_parts_come_in_order() -> None:
    plan = make_plan(MODEL, 3, inputs(8))
    assert [item.id for item in plan.chosen(inputs(8), [0, 2])] == ["000", "001", "002", "006", "007"]
    assert list(plan.chosen(inputs(8), [])) == []


@pytest.mark.parametrize("later", [inputs(8, "8"), inputs(7), inputs(9)])
def test_inputs_that_change_meanwhile_are_not_scored(later: Iterator[Input]) -> None:
    plan = make_plan(MODEL, 3, inputs(8))
    with pytest.raises(SourceError, match="change while they are scored"):
        list(plan.chosen(later, [2]))


def test_no_inputs_are_an_error() -> None:
    with pytest.raises(DataError, match="no inputs"):
        make_plan(MODEL, 3, inputs(0))


def test_another_job_in_the_same_folder_is_refused_with_the_remedy(tmp_path: Path) -> None:
    plan = make_plan(MODEL, 3, inputs(8))
    Output(tmp_path / "out", plan)
    Output(tmp_path / "out", plan)  # the same: nothing to say
    cases: list[tuple[Plan, str]] = [
        (make_plan(OTHER, 3, inputs(8)), r"results of cells version 3, release dddddddddddd .*--version"),
        (make_plan(MODEL, 4, inputs(8)), r"3 rows a part\. Add --rows 3"),
        (make_plan(MODEL, 3, inputs(9)), r"begun with 8 inputs, 9 are there now.*from number 7 on"),
        (make_plan(MODEL, 3, inputs(8, "8")), r"from number 1 on.*Bring the earlier inputs back"),
    ]
    for other, said in cases:
        with pytest.raises(StorageError, match=said):
            Output(tmp_path / "out", other)


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    for name in ("letters.txt", "_inputs.jsonl.old"):
        (tmp_path / name).write_text("dear")
        with pytest.raises(StorageError, match=rf"is not empty.*{re.escape(name)}"):
            Output(tmp_path, make_plan(MODEL, 3, inputs(8)))
        (tmp_path / name).unlink()
    write_json(tmp_path / "_plan.json", {"format": 0})
    with pytest.raises(StorageError, match="another version of Graftline"):
        Output(tmp_path, make_plan(MODEL, 3, inputs(8)))


def test_a_damaged_part_is_not_done_and_the_manifest_waits_for_all(tmp_path: Path) -> None:
    output = Output(tmp_path / "out", make_plan(MODEL, 3, inputs(5)))
    assert not output.is_done(0)
    output.publish(0, b"rows", {"rows": 3, "unreadable": 1})
    assert output.is_done(0)
    assert output.finish() is None
    output.publish(1, b"more", {"rows": 2, "unreadable": 1})
    manifest = output.finish()
    assert manifest is not None
    assert manifest["unreadable"] == 2
    output.part(0).write_bytes(b"r0ws")
    assert not output.is_done(0)
    output.part(1).unlink()
    assert not output.is_done(1)


HOLDER = """
import sys
from pathlib import Path
from components.storage.range_lock import range_lock
with range_lock(Path(sys.argv[1]), range(2, 4)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_scorers_share_a_folder_but_no_part(tmp_path: Path) -> None:
    output = Output(tmp_path / "out", make_plan(MODEL, 1, inputs(6)))
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out" / LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for free in (range(0, 2), range(4, 6), range(3, 3)):
            with output.held(free):
                pass
        for taken in (range(0, 6), range(1, 3), range(3, 5)):
            with pytest.raises(Busy, match="Another process works on"), output.held(taken):
                pass
        other.kill()
    with output.held(range(0, 6)):  # the kernel freed it
        pass


def test_what_a_killed_process_left_of_its_own_parts_is_removed(tmp_path: Path) -> None:
    output = Output(tmp_path / "out", make_plan(MODEL, 1, inputs(6)))
    for number in (1, 4):
        (tmp_path / "out" / f".part-{number:06}.parquet.a8_b").write_bytes(b"half")
    with output.held(range(0, 3)):
        left = [path.name for path in (tmp_path / "out").glob(".part-*")]
    assert left == [".part-000004.parquet.a8_b"]
