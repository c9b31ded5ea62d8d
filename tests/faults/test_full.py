"""No room on the disk, no room in memory: said so, nothing lost, and the same command works afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest
from clones import Line
from PIL import Image

from components.storage.publish import sha256_tree

# A limit on file size stands for the full disk: a write fails half-way. Memory is limited after the imports.
LIMITED = """
import resource, sys
from components.__main__ import main
if sys.argv[1] == "disk":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
else:
    import mlflow, threading
    import components.stages.version_data, components.modalities.image.decode, components.registry.runs
    threading.stack_size(256 * 1024)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]), -1))
sys.exit(main(sys.argv[3:]))
"""


def limited(line: Line, what: str, size: int, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", LIMITED, what, str(size), *words],
        cwd=line.root,
        env=line.environment({"OMP_NUM_THREADS": "1"}),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "folder"), [("version_data", "dataset"), ("fetch_checkpoint", "checkpoint")]
)
def test_a_full_disk_leaves_what_was_there_and_a_rerun_works(line: Line, name: str, folder: str) -> None:
    before = sha256_tree(line.root / folder)
    full = limited(line, "disk", 50_000, name)
    assert full.returncode == 14, full.stderr
    assert "Free some room" in full.stderr
    assert "Traceback" not in full.stderr
    assert sha256_tree(line.root / folder) == before
    assert not list(line.root.glob(".*.partial"))
    again = line.stage(name)
    assert again.returncode == 0, again.stderr
    assert sha256_tree(line.root / folder) == before


FULL_STORE = """
import resource, sys
from pathlib import Path
import numpy as np
from components.errors import StorageError
from components.storage.samples import Field, SampleStore, Space
store, space = SampleStore(Path(sys.argv[1])), Space("b", "c", "p", Field("x", (1000,), "float32"))
store.add(space, ["first"], np.ones((1, 1000), dtype=np.float32))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    store.add(space, ["second", "third"], np.ones((2, 1000), dtype=np.float32))
except StorageError as error:
    print(error)
print(sorted(store.keys(space)))
"""


def test_a_full_store_is_said_and_stays_whole(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FULL_STORE, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "could not be written: File too large. Free some room" in done.stdout
    assert "['first']" in done.stdout
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


@pytest.mark.faults
def test_running_out_of_memory_is_an_error_with_a_remedy(line: Line) -> None:
    """A picture of 49 megapixels, 147 MB, and room for less."""
    before = sha256_tree(line.root / "dataset")
    Image.new("RGB", (7000, 7000)).save(line.root / "pictures" / "dark" / "vast.png")
    assert line.stage("refresh").returncode == 0
    starved = limited(line, "memory", 120 * 10**6, "version_data")
    assert starved.returncode == 71, starved.stderr
    assert "Memory ran out. Lower runtime.threads" in starved.stderr
    assert "Traceback" not in starved.stderr
    assert sha256_tree(line.root / "dataset") == before
