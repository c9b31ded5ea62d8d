"""Scheduled runs of a real line, killed at every boundary: the same command finishes, once. `make faults` runs this."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import yaml
from clones import Line, small_line
from run_git import git

from components.training.interrupts import CRASH_POINT

pytestmark = pytest.mark.faults
POINTS = (
    "scheduled:worktree",
    "version_data:made",
    "fine_tune:published",
    "scheduled:stages",
    "scheduled:committed",
    "scheduled:branch",
    "scheduled:judged",
)


@dataclass
class Scheduled:
    """A clone in which a person works, with data and weights beside it, and a webhook."""

    root: Path
    told: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

    def run(self, *words: str, crash: str = "") -> "subprocess.CompletedProcess[str]":
        return Line(self.root).run("flows.scheduled", *words, more=self.environment(crash), timeout=1500)

    def environment(self, crash: str = "") -> dict[str, str]:
        own = {
            "GRAFTLINE_LEDGER_KEY": str(self.root.parent / "key.pem"),
            "GRAFTLINE_WEBHOOK": self.address,
            "PYTHONPATH": "",
        }
        return {**own, CRASH_POINT: crash}

    def commit(self, **sections: dict[str, object]) -> None:
        """Changed params on `main`, where the person is not."""
        place = self.root.parent / "elsewhere"
        git(self.root, "worktree", "add", "-q", "--force", str(place), "main")
        params = yaml.safe_load((place / "params.yaml").read_text())
        for name, values in sections.items():
            params[name] |= values
        (place / "params.yaml").write_text(yaml.safe_dump(params))
        git(place, "commit", "-qam", "changed")
        git(self.root, "worktree", "remove", "--force", str(place))

    @property
    def persons(self) -> tuple[str, ...]:
        files = sorted(path for path in self.root.iterdir() if path.is_file())
        return (
            git(self.root, "status", "--porcelain=v2", "--branch"),
            git(self.root, "ls-files", "--stage"),
            git(self.root, "rev-parse", "HEAD"),
            *(f"{path.name} {path.stat().st_mtime_ns}" for path in files),
        )

    @property
    def branches(self) -> list[str]:
        return git(self.root, "for-each-ref", "--format=%(refname:short)", "refs/heads/runs").splitlines()

    @property
    def moves(self) -> list[str]:
        path = self.root / ".graftline" / "mlflow" / "mlflow.ledger" / "cells.jsonl"
        return [json.loads(line)["kind"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduled]:
    root = small_line(tmp_path_factory.mktemp("scheduled"))
    git(root, "checkout", "-q", "-b", "mine")
    (root / "README.md").write_text("edited")
    (root / "components" / "stages" / "gate.py").write_text("a half-edited line(")
    made = Scheduled(root)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made.address = f"http://127.0.0.1:{server.server_port}"
        yield made
        server.shutdown()


def test_killed_anywhere_the_same_command_finishes_and_everything_is_there_once(line: Scheduled) -> None:
    before = line.persons
    for point in POINTS:
        killed = line.run(crash=point)
        assert killed.returncode != 0, point
        assert line.persons == before, point
    done = line.run()
    assert done.returncode == 0, done.stderr
    assert "cells version 1" in done.stdout
    assert "version 1 is champion" in done.stdout
    assert line.moves == ["promote", "moved"]
    assert len(line.branches) == 1
    assert line.persons == before
    assert len(git(line.root, "worktree", "list").splitlines()) == 1
    assert not list((line.root / ".graftline" / "scheduled").iterdir())
    assert Path(line.told[-1]["report"]).exists()
    # Branch and remote are enough to have it all again, without this repository's caches.
    again = line.root.parent / "again"
    git(line.root, "clone", "-q", "--branch", line.branches[0], str(line.root), str(again))
    added = Line(again).run("dvc", "remote", "add", "-q", "-d", "store", str(line.root.parent / "remote"))
    pulled = Line(again).run("components", "pull")
    assert (added.returncode, pulled.returncode) == (0, 0), pulled.stderr
    assert "up to date" in Line(again).run("dvc", "status").stdout


def test_nothing_new_is_said_quickly_and_drift_asks_for_labels(line: Scheduled) -> None:
    moves, told = line.moves, len(line.told)
    quiet = line.run()
    assert (quiet.returncode, quiet.stdout.split(":")[0]) == (0, "NothingNew"), quiet.stderr
    drift = line.run("--because", "drift: brightness")
    assert (drift.returncode, drift.stdout.split(":")[0]) == (7, "LabelsNeeded")
    assert (line.moves, len(line.branches)) == (moves, 1)
    assert [news["state"] for news in line.told[told:]] == ["LabelsNeeded"]
    assert line.told[-1]["because"] == "drift: brightness"


def _is_the_run(child: psutil.Process) -> bool:
    try:
        return "flows.retrain" in child.cmdline()
    except psutil.Error:  # one of git, which has ended meanwhile
        return False


def test_a_launcher_that_is_killed_takes_its_run_along(line: Scheduled) -> None:
    line.commit(evaluate={"confidence": 0.9})
    command = [sys.executable, "-m", "flows.scheduled"]
    environment = Line(line.root).environment(line.environment())
    with subprocess.Popen(command, cwd=line.root, env=environment, stderr=subprocess.DEVNULL) as process:
        found: list[psutil.Process] = []
        deadline = time.monotonic() + 300
        while not found and time.monotonic() < deadline:
            time.sleep(0.2)
            found = [child for child in psutil.Process(process.pid).children() if _is_the_run(child)]
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(found, timeout=90)
    assert not [child for child in found if child.is_running()]
    done = line.run()
    assert done.returncode == 0, done.stderr
    assert re.search(r"evaluate +\d+\.\d  (ran|restored)", done.stdout)


def test_a_refused_release_leaves_the_champion_and_somebody_is_told(line: Scheduled) -> None:
    moves = line.moves
    line.commit(gate={"rules": [{"metric": "accuracy", "at_least": 0.5}], "max_size_mb": 1})
    refused = line.run()
    assert refused.returncode == 3, refused.stderr
    assert line.moves == moves
    news = line.told[-1]
    assert (news["line"], news["state"], news["verdict"]) == ("cells", "GateFailed", "fail")
    assert "size in MB at most 1" in news["message"]
    assert Path(news["report"]).exists()
