import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from components.training.checkpoints import Checkpoint, Checkpoints, Counters, Epoch


def make(epochs: int) -> Checkpoint:
    lines = [Epoch(n, "head", 1.5, 0.25, 1e-3, validation={"accuracy": 0.75}) for n in range(epochs)]
    tensors = {"head.weight": torch.full((2, 3), float(epochs)), "count": torch.tensor(epochs)}
    counters = Counters(phase=1, phase_epochs=2, waited=1, steps=7, spent=0.5, best_epoch=0, history=lines)
    best = {name: tensor.clone() for name, tensor in tensors.items()}
    return Checkpoint(counters, tensors, best, {"head.weight/exp_avg": torch.ones(2, 3)})


def test_what_was_saved_is_read_back_and_two_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "one")
    assert checkpoints.latest() is None
    for epochs in (1, 2, 3):
        checkpoints.save(make(epochs))
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["000002.checkpoint", "000003.checkpoint"]
    found = checkpoints.latest()
    assert found.counters == make(3).counters
    assert torch.equal(found.model["head.weight"], torch.full((2, 3), 3.0))
    assert found.best["count"].item() == 3
    assert torch.equal(found.optimiser["head.weight/exp_avg"], torch.ones(2, 3))
    checkpoints.clear()
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "digest"])
def test_a_damaged_one_falls_back_to_the_one_before(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(make(1))
    checkpoints.save(make(2))
    newest = tmp_path / "000002.checkpoint"
    data = bytearray(newest.read_bytes())
    flipped = {"flip": len(data) - 3, "digest": 0}.get(damage)
    if flipped is not None:
        data[flipped] ^= 1
    newest.write_bytes({"truncate": data[:-10], "empty": b""}.get(damage, bytes(data)))
    assert checkpoints.latest().counters.epochs == 1
    assert not newest.exists()


def test_all_damaged_means_none(tmp_path):
    (tmp_path / "000001.checkpoint").write_bytes(b"x" * 100)
    assert Checkpoints(tmp_path).latest() is None


def test_a_full_disk_leaves_the_one_before(tmp_path):
    """A limit on file size stands for the full disk: the write fails half-way, as ENOSPC would."""
    Checkpoints(tmp_path).save(make(1))
    code = (
        "import resource, signal, sys, torch\n"
        "from pathlib import Path\n"
        "from components.errors import StorageError\n"
        "from components.training.checkpoints import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "tensors = {'w': torch.ones(100, 100)}\n"
        "line = Epoch(0, 'head', 1.0, 1.0, 1.0)\n"
        "try:\n"
        "    Checkpoints(Path(sys.argv[1])).save(Checkpoint(Counters(history=[line] * 2), tensors, {}, {}))\n"
        "except StorageError:\n"
        "    sys.exit(14)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 14, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["000001.checkpoint"]
    assert Checkpoints(tmp_path).latest().counters.epochs == 1


def test_the_same_training_in_two_workspaces_goes_on_one_after_the_other(tmp_path: Path) -> None:
    first, second = Checkpoints(tmp_path / "key"), Checkpoints(tmp_path / "key")
    entered = threading.Event()

    def follow() -> None:
        with second.held():
            entered.set()

    follower = threading.Thread(target=follow)
    with first.held():
        follower.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    follower.join()
    first.clear()
    assert not first.folder.exists()
