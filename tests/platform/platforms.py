"""The servers of a workspace of its own, and Prefect's and MLflow's clients for it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from canaries import found
from written import PARAMS

from infra.servers import postgres
from infra.servers.launch import left_over
from infra.servers.layout import Layout, read_settings
from infra.servers.programs import DATABASES, MARK, USER, address

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}  # states, by their type
STAND_IN = Path(__file__).with_name("stand_in.py")
DEPLOYMENTS = [
    {
        "name": name,
        "entrypoint": "stand_in.py:beat",
        "schedules": [{"cron": cron, "timezone": "Etc/UTC"}] if cron else [],
        "concurrency_limit": {"limit": 1, "collision_strategy": collision},
        "work_pool": {"name": "graftline"},
    }
    for name, cron, collision in (("training", "* * * * *", "CANCEL_NEW"), ("retraining", "", "ENQUEUE"))
]


def stand_in(folder: Path) -> Path:
    """`folder`/line, whose training is a stand-in."""
    root = folder / "line"
    root.mkdir()
    shutil.copy(STAND_IN, root / "stand_in.py")
    step = {"prefect.deployments.steps.set_working_directory": {"directory": "{{ $GRAFTLINE_ROOT }}"}}
    content = {"name": "line", "pull": [step], "deployments": DEPLOYMENTS}
    (root / "prefect.yaml").write_text(yaml.safe_dump(content))
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    return root


@dataclass
class Platform:
    """The servers of the workspace `root`, and `home`, where their files lie."""

    root: Path
    home: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> Layout:
        return Layout(self.root, self.home / "servers")

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`python -m WORDS` in the workspace."""
        # A client in this process reads the address of the last platform's ledger into its environment.
        others = ("MLFLOW_", "PREFECT_", "GRAFTLINE_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(others)}
        programs = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        environment = {**kept, "PATH": programs, "GRAFTLINE_HOME": str(self.home), **self.more}
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)

    def servers(self, *words: str) -> str:
        done = self.run("infra.servers", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self, *names: str) -> None:
        """SIGKILL to whatever belongs to these servers."""
        for process in list(left_over(self.where.folder)):
            if process.environ()[MARK].partition("#")[2] in names:
                process.send_signal(signal.SIGKILL)

    def pids(self) -> Mapping[str, int]:
        """Of each server's first process."""
        found: dict[str, int] = {}
        for process in left_over(self.where.folder):
            name = process.environ()[MARK].partition("#")[2]
            found[name] = min(process.pid, found.get(name, process.pid))
        return found

    def ask(self, path: str, body: object = None, server: str = "prefect") -> Any:
        """What a server answers to a POST (a GET without `body`), with its password."""
        settings = read_settings(self.where)
        assert settings is not None
        password = settings.prefect_password if server == "prefect" else settings.mlflow_password
        url = address(server, settings) + path
        with httpx.Client(auth=(USER, password), trust_env=False, timeout=30) as client:
            answer = client.get(url) if body is None else client.post(url, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def runs(self, **wanted: str) -> Sequence[Mapping[str, Any]]:
        """Runs of deployments that are not only planned."""
        return [run for run in self.planned(**wanted) if run["state_type"] != "SCHEDULED"]

    def planned(self, **wanted: str) -> Sequence[Mapping[str, Any]]:
        """Runs of deployments, also those that only wait for their turn."""
        found = self.ask("/api/flow_runs/filter", {"limit": 200})
        made = [run for run in found if run["deployment_id"]]
        return [run for run in made if all(run["parameters"].get(k, "") == v for k, v in wanted.items())]

    def start(self, **parameters: object) -> str:
        """A run of the deployment `training` now; its id."""
        (found,) = [row for row in self.ask("/api/deployments/filter", {}) if row["name"] == "training"]
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"/api/deployments/{found['id']}/create_flow_run", body)["id"])

    def state(self, run: str) -> str:
        return str(self.ask(f"/api/flow_runs/{run}")["state_type"])

    def webhook(self, name: str, address: str) -> None:
        """Make a block of it at the server, and name it in params.yaml."""
        kind = self.ask("/api/block_types/slug/webhook")["id"]
        wanted = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
        (schema, *_) = self.ask("/api/block_schemas/filter", wanted)
        ids = {"block_type_id": kind, "block_schema_id": schema["id"]}
        self.ask("/api/block_documents/", {"name": name, "data": {"url": address}, **ids})
        params = {**PARAMS, "notify": {"block": f"webhook/{name}"}}
        (self.root / "params.yaml").write_text(yaml.safe_dump(params))

    def leaks(self, folder: Path) -> list[str]:
        """Where a planted secret, or a password of the servers, stands: in logs, artefacts, or databases, which are
        written out below `folder` with them."""
        settings = read_settings(self.where)
        assert settings is not None
        for name in DATABASES:
            words = ["--format", "plain", "--file", str(folder / f"{name}.sql"), name]
            postgres.run("pg_dump", words, settings)
        for source in (self.where.logs, self.where.artifacts):
            shutil.copytree(source, folder / source.name)
        passwords = [value for value in asdict(settings).values() if isinstance(value, str)]
        return found(folder, also=passwords)

    def drift(self, window: str) -> None:
        event = {
            "occurred": datetime.now(UTC).isoformat(),
            "event": "graftline.drift",
            "resource": {"prefect.resource.id": "graftline.line.m", "graftline.window": window},
            "payload": {},
            "id": str(uuid4()),
        }
        self.ask("/api/events", [event])


@contextmanager
def running(make: Callable[[Path], Platform]) -> Iterator[Platform]:
    """The platform that `make` lays out in a new folder, with its servers up; skips where PostgreSQL is missing."""
    try:
        postgres.binary("postgres")
    except Exception as error:
        pytest.skip(str(error))
    folder = Path(tempfile.mkdtemp(prefix="graftline-platform-"))
    folder.chmod(0o711)  # PostgreSQL has a user of its own
    made = make(folder)
    made.servers("up")
    yield made
    made.servers("down")
    shutil.rmtree(folder)


def until(met: Callable[[], object], seconds: float, what: str) -> None:
    """Asks again and again; a server that is away meanwhile is no answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if met():
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise AssertionError(f"not within {seconds:g} s: {what}")
