"""Stages as forks of a process that has imported what they need: alike from outside, and gone when they must be."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from safetensors.torch import save_file
from written import PARAMS

from components.backbones.catalogue import build
from components.errors import Interrupted, StorageError
from components.forkserver.protocol import ADDRESS
from components.storage.home import home, stage_lock
from components.storage.publish import kernel_lock, sha256_file, sha256_tree
from components.training.interrupts import CRASH_POINT
from flows.engine import run_command
from flows.forks import forked_stages

ROOT = Path(__file__).parents[3]
RUNNING = "PYTEST_CURRENT_TEST"
STAGE = "fetch_checkpoint"  # short, and imports torch


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with weights, whose journal another process delivers, as under a flow."""
    root = tmp_path_factory.mktemp("space")
    save_file(build("efficientnet_lite0", seed=1).state_dict(), root / "weights.safetensors")
    weights = {"uri": "file:weights.safetensors", "sha256": sha256_file(root / "weights.safetensors")}
    backbone = {"name": "efficientnet_lite0", "licence": "none", **weights}
    (root / "pictures" / "a").mkdir(parents=True)
    (root / "pictures" / "a" / "1.png").write_bytes(b"1")  # a refresh only takes its digest
    data = {"source": "file:pictures", "licence": "none", "layout": "folders"}
    params = {**PARAMS, "backbone": backbone, "data": data, "export": {"parity": {"samples": 1}}}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copy(ROOT / "versions.json", root)
    return root


@pytest.fixture(scope="module")
def forks(space: Path) -> Iterator[Path]:
    """The workspace of a flow."""
    with pytest.MonkeyPatch.context() as patch, kernel_lock(home(space) / "locks" / "delivery"):
        patch.setenv("PYTHONPATH", str(ROOT))
        with forked_stages(space, 1):
            yield space


def begin(root: Path, name: str = STAGE, **more: str) -> "subprocess.Popen[str]":
    """`python -m components NAME`, which tells what it imports."""
    command = [sys.executable, "-P", "-X", "importtime", "-m", "components", name]
    environment = {**os.environ, **more}
    for server in servers(psutil.Process()):  # as at its start, where another test was running
        environment[RUNNING] = server.environ()[RUNNING]
    return subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, bool]:
    """Exit code, what was said, and whether a fork did the work: the process itself then imported next to nothing."""
    _, said = process.communicate(timeout=200)
    imports = [line for line in said.splitlines() if line.startswith("import time:")]
    told = "".join(line for line in said.splitlines(keepends=True) if not line.startswith("import time:"))
    return process.returncode, told, not any(line.endswith(" argparse") for line in imports)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def servers(flow: psutil.Process) -> list[psutil.Process]:
    return [child for child in flow.children() if "components.forkserver.server" in child.cmdline()]


def at_work(flow: psutil.Process) -> list[psutil.Process]:
    """Forks of the flow."""
    return [fork for server in servers(flow) for fork in server.children()]


def waiting_fork(flow: psutil.Process, root: Path) -> psutil.Process:
    """The flow's only fork, when it waits for the stage's lock."""
    until(lambda: at_work(flow))
    (fork,) = at_work(flow)
    until(lambda: str(stage_lock(root, STAGE)) in [file.path for file in fork.open_files()])
    return fork


@contextmanager
def waiting(root: Path) -> Iterator[tuple["subprocess.Popen[str]", psutil.Process]]:
    """A client and its fork, which waits for the stage's lock."""
    with kernel_lock(stage_lock(root, STAGE)), begin(root) as process:
        yield process, waiting_fork(psutil.Process(), root)


def gone(process: psutil.Process) -> bool:
    return not psutil.wait_procs([process], timeout=60)[1]


def test_a_fork_makes_what_a_process_makes(forks: Path) -> None:
    digests = []
    for more in ({}, {"ANOTHER": "environment"}):
        code, said, forked = finish(begin(forks, **more))
        assert (code, forked) == (0, not more), said
        digests.append(sha256_tree(forks / "checkpoint"))
    assert digests[0] == digests[1]


def test_a_refusal_is_told_and_has_its_code(forks: Path) -> None:
    code, said, forked = finish(begin(forks, "gate"))
    assert (code, forked) == (StorageError.exit_code, True)
    assert said.startswith("error: release, which gate reads, does not exist. Run: ")
    assert said.endswith("dvc repro export_onnx\n")


def test_a_client_ends_by_the_signal_that_ended_its_fork(forks: Path) -> None:
    code, _, forked = finish(begin(forks, **{CRASH_POINT: f"{STAGE}:made"}))
    assert (code, forked) == (-signal.SIGKILL, True)


def test_sigterm_reaches_the_fork_which_ends_in_order(forks: Path) -> None:
    with waiting(forks) as (process, _):
        process.terminate()
        code, said, forked = finish(process)
    assert (code, forked) == (Interrupted.exit_code, True)
    assert said == "error: Stopped by a signal. The same command resumes.\n"


def test_a_fork_does_not_outlive_its_client(forks: Path) -> None:
    with waiting(forks) as (process, fork):
        process.kill()
        assert gone(fork)


def test_changed_code_is_not_run_from_memory(forks: Path) -> None:
    params = forks / "params.yaml"
    before = params.stat()
    os.utime(params, (0, 0))  # stands for all files that it compares
    try:
        assert finish(begin(forks, "gate"))[::2] == (StorageError.exit_code, False)
    finally:
        os.utime(params, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert finish(begin(forks, "gate"))[::2] == (StorageError.exit_code, True)


FLOW = f"""
import signal, subprocess, sys
from pathlib import Path
from flows.forks import forked_stages

signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background, it is ignored
with forked_stages(Path.cwd(), 1):
    try:
        code = subprocess.call([sys.executable, "-P", "-m", "components", "{STAGE}"])
    except KeyboardInterrupt:
        code = 130
sys.exit(code)
"""


@contextmanager
def own_flow(root: Path) -> Iterator[tuple["subprocess.Popen[str]", psutil.Process, Callable[[], None]]]:
    """Another flow, in a group of its own as a terminal gives it; its fork, which waits for the stage's lock; and
    what lets go of that."""
    command, environment = [sys.executable, "-c", FLOW], {**os.environ, "PYTHONPATH": str(ROOT)}
    with ExitStack() as lock:
        lock.enter_context(kernel_lock(stage_lock(root, STAGE)))
        with subprocess.Popen(
            command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            yield process, waiting_fork(psutil.Process(process.pid), root), lock.close


@pytest.mark.parametrize(("send", "number"), [(os.kill, signal.SIGKILL), (os.killpg, signal.SIGINT)])
def test_a_fork_does_not_outlive_its_flow(space: Path, send: Callable[[int, int], None], number: int) -> None:
    """Killed alone, or stopped with its group as by Ctrl-C."""
    with own_flow(space) as (process, *_):
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 3  # client, server, fork
        send(process.pid, number)
        _, said = process.communicate(timeout=60)
        assert not psutil.wait_procs(family, timeout=60)[1]
    assert "Traceback" not in said


def test_without_its_server_a_stage_runs_by_itself(space: Path) -> None:
    with own_flow(space) as (process, fork, let_go):
        fork.parent().kill()
        assert gone(fork)
        let_go()
        _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said


def test_a_flow_that_runs_no_stage_starts_no_server(space: Path) -> None:
    """Every flow looks at its source first."""
    before = servers(psutil.Process())
    with pytest.MonkeyPatch.context() as patch, forked_stages(space, 1):
        patch.setenv("PYTHONPATH", str(ROOT))
        assert os.environ[ADDRESS]
        assert run_command(space, "refresh").how == "done"
        assert servers(psutil.Process()) == before
