"""Whether a server does its work: asked as its clients ask it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from components.errors import GraftlineError, first_line
from infra.servers import postgres
from infra.servers.layout import Layout, Settings
from infra.servers.programs import POOL, USER, Program, address
from infra.servers.supervision import Process, Supervisor

OK = 200
TIMEOUT = 5.0  # seconds for one answer


@dataclass(frozen=True)
class Health:
    """`said` is empty where all is well, else what is wrong, in a few words."""

    said: str

    @property
    def well(self) -> bool:
        return not self.said


def look(name: str, settings: Settings, process: Process | None) -> Health:
    """`process`: as supervisord sees it. What a killed predecessor said does not count."""
    if process is None or process.state != "RUNNING":
        return Health((process.state if process else "down").lower())
    try:
        return Health(_worker(settings, process.since) if name == "worker" else CHECKS[name](settings))
    except Exception as error:  # a health check says what is wrong, whatever it is
        return Health(first_line(error)[:120])


def wait(program: Program, settings: Settings, supervisor: Supervisor, where: Layout) -> None:
    """Until it is healthy. Raises GraftlineError where it ends for good or takes too long."""
    deadline = time.monotonic() + program.patience
    while True:
        process = supervisor.processes().get(program.name)
        health = look(program.name, settings, process)
        if health.well:
            return
        ended = process is None or process.state in ("FATAL", "STOPPED")  # EXITED: it is started again
        if ended or time.monotonic() > deadline:
            state = f"ended ({process.said or process.state})" if process and ended else "is not healthy"
            raise GraftlineError(
                f"{program.name} {state}: {health.said}.",
                f"Its log: {where.logs / program.name}.log. Then: make up.",
            )
        time.sleep(0.3)


def _postgres(settings: Settings) -> str:
    with postgres.connect(settings, "postgres") as connection:
        connection.execute("SELECT 1")
    return ""


def _mlflow(settings: Settings) -> str:
    """Through authentication and both of its databases."""
    path = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    return _http(address("mlflow", settings) + path, settings.mlflow_password)


def _prefect(settings: Settings) -> str:
    """`ready` asks its database."""
    return _http(f"{address('prefect', settings)}/api/ready", settings.prefect_password)


def _worker(settings: Settings, since: float) -> str:
    """Online, by a heartbeat that is younger than its process."""
    import httpx

    url = f"{address('prefect', settings)}/api/work_pools/{POOL}/workers/filter"
    with httpx.Client(trust_env=False, timeout=TIMEOUT, auth=(USER, settings.prefect_password)) as client:
        answer = client.post(url, json={})
    if answer.status_code != OK:
        return f"Prefect answers {answer.status_code}"
    beats = [str(row["last_heartbeat_time"]) for row in answer.json() if row["status"] == "ONLINE"]
    if not beats:
        return "no worker is online"
    last = max(map(_instant, beats))
    if last < since:
        return "it has sent no heartbeat yet"
    old = time.time() - last
    return "" if old < 90 else f"its last heartbeat is {old:.0f} s old"


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _http(url: str, password: str) -> str:
    import httpx

    with httpx.Client(trust_env=False, timeout=TIMEOUT, auth=(USER, password)) as client:
        answer = client.get(url)
    return "" if answer.status_code == OK else f"answers {answer.status_code}"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "postgres": _postgres,
    "mlflow": _mlflow,
    "prefect": _prefect,
}
