import subprocess
import sys
from pathlib import Path

from components.storage.scratch import scratch

FULL = """
import resource, sys
from pathlib import Path
from components.errors import StorageError
from components.storage.scratch import scratch
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    scratch(Path(sys.argv[1]), "float16", (100, 4096))
except StorageError as error:
    print(error)
"""


def test_it_is_written_and_read_and_leaves_no_file(tmp_path: Path) -> None:
    array = scratch(tmp_path / "new", "float16", (3, 5))
    assert array.shape == (3, 5)
    assert not array.any()
    array[1] = 7
    assert array[1].tolist() == [7] * 5
    assert list((tmp_path / "new").iterdir()) == []


def test_no_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    """A limit on file size stands for the full disk. Without the reservation, the process would die of SIGBUS."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "has no room for 1 MB" in done.stdout
    assert list(tmp_path.iterdir()) == []
