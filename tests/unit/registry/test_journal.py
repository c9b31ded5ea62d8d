import subprocess
import sys
from pathlib import Path

from components.registry.journal import Journal


def test_what_is_said_is_read_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "a")
    journal.append("metrics", {"loss": 0.5}, 3)
    journal.append("tags", {"x": "y"})
    records, end = journal.pending()
    assert [(r.kind, r.values, r.step) for r in records] == [
        ("metrics", {"loss": 0.5}, 3),
        ("tags", {"x": "y"}, 0),
    ]
    assert end == journal.path.stat().st_size


def test_delivered_lines_are_not_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "a")
    journal.append("metrics", {"loss": 0.5}, 1)
    journal.mark(journal.pending()[1])
    assert not journal.has_pending()
    journal.append("metrics", {"loss": 0.25}, 2)
    assert [r.step for r in journal.pending()[0]] == [2]


def test_a_line_cut_off_by_a_full_disk_costs_only_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "a")
    journal.append("metrics", {"loss": 0.5}, 1)
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "metr\n')
    journal.append("metrics", {"loss": 0.25}, 2)
    assert [r.step for r in journal.pending()[0]] == [1, 2]


def test_a_line_still_being_written_waits(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "a")
    journal.append("metrics", {"loss": 0.5}, 1)
    whole = journal.path.stat().st_size
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "metr')
    assert journal.pending()[1] == whole


FULL = """
import resource, sys
from pathlib import Path
from components.registry.journal import Journal
journal = Journal(Path(sys.argv[1]), "a")
journal.append("metrics", {"loss": 0.5}, 1)
size = journal.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, -1))
for step in (2, 3):
    try:
        journal.append("metrics", {"loss": 0.25}, step)
    except OSError as error:
        print(error)
"""


def test_a_record_that_finds_no_room_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """Of the first, ten bytes are written, which the system does not call an error."""
    words = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    path = tmp_path / "a.spool.jsonl"
    assert done.stdout.splitlines() == [
        f"[Errno 28] No space left on device: '{path}'",
        f"[Errno 27] File too large: '{path}'",
    ]
    Journal(tmp_path, "a").append("metrics", {"loss": 0.125}, 4)
    assert [record.step for record in Journal(tmp_path, "a").pending()[0]] == [1, 4]
