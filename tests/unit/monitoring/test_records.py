"""What was seen, as a file; and what happens once for a window."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from windows_of import window_of

from components.errors import StorageError
from components.monitoring.alarms import Alarms
from components.monitoring.observed import draw, from_parquet, to_parquet


def test_what_was_seen_comes_back_from_equal_bytes() -> None:
    seen = window_of(
        np.arange(6.0).reshape(3, 2), np.array([0.2, 0.7, 0.9]), {"width": np.arange(3.0)}, tested=2
    )
    data = to_parquet(seen)
    assert to_parquet(seen) == data
    back = from_parquet(data, "it")
    assert back.about["tested"] == 2
    assert (back.ids, list(back.columns), back.decided) == (seen.ids, ["p.no", "p.yes"], ["no", "yes", "yes"])
    assert back.answers[:, 1] == pytest.approx([0.2, 0.7, 0.9])
    assert (back.labels, len(back.labelled)) == (["", "", ""], 0)
    assert back.embeddings.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert back.statistics["width"].tolist() == [0, 1, 2]
    for damaged in (b"", data[:-9], b"PAR1"):
        with pytest.raises(StorageError, match="it is damaged"):
            from_parquet(damaged, "it")


def test_a_reference_of_format_1_is_read_as_before() -> None:
    """It named classes, and the columns of their probabilities followed from these."""
    columns = {
        "id": ["a", "b"],
        "sha256": ["0" * 64, "1" * 64],
        "p.no": np.array([0.25, 0.5], np.float32),
        "p.yes": np.array([0.75, 0.5], np.float32),
        "decision": ["yes", "no"],
        "target": ["yes", None],
        "s.width": [3.0, 4.0],
    }
    about = json.dumps({"format": 1, "classes": ["no", "yes"], "tested": 2}).encode()
    sink = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({b"graftline": about}), sink)
    back = from_parquet(sink.getvalue(), "it")
    assert (back.columns, back.labels, back.decided) == (["p.no", "p.yes"], ["yes", ""], ["yes", "no"])
    assert back.answers.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert back.labelled.tolist() == [0]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({b"graftline": b'{"format": 9}'}), sink)
    with pytest.raises(StorageError, match="it is of format 9, not 2"):
        from_parquet(sink.getvalue(), "it")


def test_a_draw_keeps_the_order_and_is_the_same_each_time() -> None:
    seen = window_of(np.arange(50.0)[:, None])
    few = draw(seen, 10, seed=3)
    assert few.ids == draw(seen, 10, seed=3).ids
    assert [int(name[1:]) for name in few.ids] == sorted(int(name[1:]) for name in few.ids)
    assert draw(seen, 50, seed=3).ids == seen.ids


CODE = """
import sys, pathlib
from components.monitoring.alarms import Alarms
root = pathlib.Path(sys.argv[1])
def act():
    with (root / "deeds").open("a") as file:
        file.write("x")
    return {}
Alarms(root, "cells").once("graftline.drift", "w1", act)
"""


def test_a_window_that_is_seen_ten_times_at_once_has_one_deed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F26, between processes."""
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    words = [sys.executable, "-c", CODE, str(tmp_path)]
    root = Path(__file__).parents[3]
    running = [subprocess.Popen(words, cwd=root) for _ in range(10)]
    assert [process.wait() for process in running] == [0] * 10
    assert (tmp_path / "deeds").read_text() == "x"


def test_a_deed_that_failed_is_done_again_and_what_the_first_gave_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    alarms = Alarms(tmp_path, "cells")

    def fail() -> dict[str, object]:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        alarms.once("e", "w", fail)
    assert alarms.found("e", "w") is None
    assert alarms.once("e", "w", lambda: {"by": "first"})
    assert not alarms.once("e", "w", fail)
    assert alarms.found("e", "w") == {"by": "first"}
    assert alarms.number("e", "w") == Alarms(tmp_path / "elsewhere", "cells").number("e", "w")
    assert alarms.number("e", "w") != alarms.number("e", "v")
