"""Up, down, status: each may be said again at any time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.errors import GraftlineError
from components.progress import log
from components.runtime.distribution import check_server
from components.storage.publish import kernel_lock
from infra.servers import health, postgres
from infra.servers.launch import end, left_over
from infra.servers.layout import Layout, Settings, listening, make_settings, read_settings, write_secret
from infra.servers.programs import (
    DATABASES,
    NAMES,
    POOL,
    USER,
    Program,
    address,
    auth_configuration,
    environment_file,
    program,
)
from infra.servers.supervision import Process, Supervisor

TOGETHER = (("postgres",), ("mlflow", "prefect"), ("worker",))  # each group needs those before it
GRACE = 10.0
WAIT = 300.0  # seconds for another `up` or `down` to end


@dataclass(frozen=True)
class Status:
    """One server, as `make status` shows it; `state` is `up`, `down`, or supervisord's word for what is between."""

    name: str
    state: str
    address: str
    health: str
    since: str
    log: Path

    @property
    def well(self) -> bool:
        return self.state == "up" and self.health == "healthy"


def up(where: Layout) -> Settings:
    """All servers, healthy. Starts what does not run, and again what runs and does not answer."""
    postgres.binary("postgres")  # before anything is written
    for name in ("mlflow", "prefect"):
        check_server(name)
    with kernel_lock(where.lock, WAIT):
        settings = make_settings(where)
        supervisor = Supervisor(where, settings)
        if not supervisor.alive():
            _clear(where, settings)
        _write(where, settings)
        supervisor.begin()
        for names in TOGETHER:
            _bring([program(name, where, settings) for name in names], where, settings, supervisor)
    return settings


def down(where: Layout) -> int:
    """Nothing runs afterwards, training runs of the worker included. Returns how many it had to end by force."""
    with kernel_lock(where.lock, WAIT):
        settings = read_settings(where)
        if settings is not None:
            Supervisor(where, settings).finish()
        return end(left_over(where.folder))


def status(where: Layout) -> Sequence[Status]:
    settings = read_settings(where)
    if settings is None:
        return []
    running = Supervisor(where, settings).processes()
    found = []
    for name in NAMES:
        process = running.get(name)
        said = health.look(name, settings, process)
        state = (
            "up" if process and process.state == "RUNNING" else (process.state if process else "down").lower()
        )
        since = _time(process.since) if process and state == "up" else ""
        shown = "healthy" if said.well else said.said
        found.append(Status(name, state, address(name, settings), shown, since, where.logs / f"{name}.log"))
    return found


def table(rows: Sequence[Status]) -> Iterator[str]:
    """Two lines for a server: people read it at night."""
    for row in rows:
        since = f", since {row.since}" if row.since else ""
        yield f"{row.name:<9} {row.state:<9} {row.address}"
        yield f"{'':<9} {row.health}{since}; log: {row.log}"


def running(where: Layout) -> bool:
    return any(True for _ in left_over(where.folder))


def _bring(programs: Sequence[Program], where: Layout, settings: Settings, supervisor: Supervisor) -> None:
    """Start them, or start again what runs and is not healthy; then what the next ones need must be there."""
    started = time.monotonic()
    begun = [one for one in programs if _begin(one, settings, supervisor)]
    for one in begun:
        health.wait(one, settings, supervisor, where)
        if one.name == "postgres":
            postgres.prepare(settings, DATABASES)
        elif one.name == "prefect":
            make_pool(settings)
        log(f"{one.name} is up: {address(one.name, settings)} ({time.monotonic() - started:.1f} s)")


def _begin(one: Program, settings: Settings, supervisor: Supervisor) -> bool:
    """Whether there is something to wait for."""
    was = supervisor.processes().get(one.name)
    if was and was.state == "RUNNING":
        if _well_soon(one, settings, was):
            return False
        if time.time() - was.since > one.patience:  # a younger one is still starting
            supervisor.stop(one.name)
    supervisor.start(one.name)
    return True


def _well_soon(one: Program, settings: Settings, process: Process) -> bool:
    """At once, or within the seconds that it needs to notice that its database is back."""
    deadline = time.monotonic() + GRACE
    while not health.look(one.name, settings, process).well:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def make_pool(settings: Settings) -> None:
    """The process pool, before its worker: what somebody changed in it stays."""
    import httpx

    url = f"{address('prefect', settings)}/api/work_pools/"
    with httpx.Client(trust_env=False, timeout=30, auth=(USER, settings.prefect_password)) as client:
        if client.get(url + POOL).status_code == httpx.codes.OK:
            return
        answer = client.post(url, json={"name": POOL, "type": "process"})
    if answer.status_code != httpx.codes.CREATED:
        raise GraftlineError(
            f"Prefect refused the work pool {POOL}: {answer.status_code} {answer.text[:200]}."
        )


def _clear(where: Layout, settings: Settings) -> None:
    """End what a killed supervisord left, and see that the ports are free."""
    if count := end(left_over(where.folder)):
        log(f"{count} processes were left without their supervisor, and are ended.")
    for name in ("postgres", "mlflow", "prefect", "control"):
        port = getattr(settings, f"{name}_port")
        if listening(port):
            raise GraftlineError(
                f"Another program listens at port {port}, which is {name}'s.",
                f"Stop it, or choose another {name}_port in {where.settings}.",
            )


def _write(where: Layout, settings: Settings) -> None:
    for folder in (where.artifacts, where.configuration, where.logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    postgres.initialise(where, settings)
    write_secret(where.configuration / "mlflow-auth.ini", auth_configuration(settings))
    write_secret(where.environment, environment_file(settings))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
