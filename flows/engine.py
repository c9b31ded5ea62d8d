"""What the flow does, without the orchestrator: so that it can be tested and read alone."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from components.errors import GraftlineError, Interrupted, SourceError
from components.forkserver.protocol import ADDRESS
from components.params import Params, load_params
from components.progress import log
from components.registry.delivery import AFTER_SIGNAL, DELIVERY, Deliverer
from components.registry.model import CARD
from components.registry.runs import RUN_ID, RunHandle, link_cached, start_run
from components.registry.store import preload
from components.runtime.python import module_command
from components.stages.artefacts import check_artefacts
from components.stages.digests import REMEMBERED
from components.stages.dvc_repo import Repo, dvc_error, open_repo, proven_commit
from components.storage.home import home, reports
from components.storage.publish import read_json
from components.storage.servers import use_servers
from components.storage.sqlite import address
from components.telemetry import OFF
from flows.forks import forked_stages
from flows.processes import children, terminate
from flows.workspace import held

if TYPE_CHECKING:
    from components.stages.promote import Promotion

DEFAULTS = {
    # Under load the temporary server needs longer than the 20 s that Prefect gives it.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",  # a logger that does not follow the one above
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    **OFF,
}
# What a look at the whole line imports.
OF_DVC = (
    "dvc.repo.index",
    "dvc.repo.reproduce",
    "dvc.scm",
    "dvc.stage.loader",
    "dvc.parsing.interpolate",
    "dvc.utils.strictyaml",
    "dvc.rwlock",
    "fsspec.implementations.memory",
    "pyparsing",
    "ruamel.yaml",
)
INTERRUPTED = {75, 130, 143, -signal.SIGINT, -signal.SIGTERM}


class StageFailed(GraftlineError):
    """Stage `name` ended with `exit_code`; it said itself why."""

    def __init__(self, name: str, exit_code: int) -> None:
        super().__init__(f"{name} ended with code {exit_code}; its own message is above.")
        self.exit_code = exit_code if 0 < exit_code < 256 else 1


@dataclass(frozen=True)
class Step:
    """How one step went: `how` is ran, cached, restored (from DVC's run cache) or done (a command)."""

    name: str
    how: str
    seconds: float


class Execution:
    """One execution of the line in the workspace `root`.

    No dataclass: Prefect would walk through its fields, DVC's repository among them, at each task.
    """

    def __init__(self, root: Path, params: Params, run: RunHandle, repo: Repo) -> None:
        self.root = root
        self.state = home(root)
        self.page, self.card = (reports(root) / name for name in ("report.html", CARD[0]))
        self.params = params
        self.run = run
        self.repo = repo
        self.steps: list[Step] = []
        self.registered: str | None = None
        self.proven = ""  # the commit that every stage was brought up to date with, in a clean tree
        self.promotion: Promotion | None = None
        self._settled: frozenset[str] | None = None

    def stage(self, name: str, outputs: Sequence[str], place: str = "stage") -> Step:
        """Bring stage `name` up to date through DVC, whose lock both engines share.

        Args:
            place: what it is said with: `stage 7 of 12`.

        Raises StageFailed with the stage's exit code, or Interrupted where a signal ended the stage.
        """
        started, before = time.monotonic(), self._timing(name)
        try:
            settled = self._is_settled(name)
            log(f"{place}: {name}{', which is up to date' if settled else ''}")
            changed = not settled and self.repo.reproduce(name)
        except Exception as error:
            raise failure(name, error) from None
        how = "cached"
        if changed:
            how = "restored" if before and before == self._timing(name) else "ran"
            self._settled = frozenset()  # the next ones read what has just been made
        step = Step(name, how, time.monotonic() - started)
        if how != "ran":  # DVC looked at sizes and times, or took what its cache had
            link_cached(self.run, name, check_artefacts(self.root, outputs))
        self.steps.append(step)
        return step

    def _is_settled(self, name: str) -> bool:
        """Whether nothing of it has changed: each time that DVC is asked about one stage, it reads the whole line."""
        if self._settled is None:
            self._settled = self.repo.up_to_date()
        return name in self._settled

    def command(self, name: str) -> Step:
        step = run_command(self.root, name)
        self.steps.append(step)
        return step

    def report_is_fresh(self) -> bool:
        """Whether nothing ran since the page and the card were written, here or by `dvc repro`."""
        cards = [self.card.with_name(name) for name in CARD] if (self.root / "release").exists() else []
        made, read = (self.page, *cards), (self.root / "dvc.lock", self.root / "params.yaml")
        if not all(path.exists() for path in made):
            return False
        return min(path.stat().st_mtime for path in made) > max(path.stat().st_mtime for path in read)

    def register(self) -> Step:
        """The version of this release; GateRefused where a verdict is not `pass`."""
        from components.stages.register import register

        started = time.monotonic()
        self.registered = str(register(self.root, self.params))
        step = Step("register", "done", time.monotonic() - started)
        self.steps.append(step)
        return step

    def prove(self) -> None:
        """Know the commit that every stage was brought up to date with. Raises Busy where DVC is at work elsewhere."""
        try:
            known = proven_commit(self.root, self.repo)
        except Exception as error:  # DVC's own
            raise failure("promote", error) from error
        # Rules of promotion shape no stage: they must be the commit's, too.
        self.proven = known if load_params(self.root / "params.yaml") == self.params else ""

    def promote(self) -> Step:
        """The registered release against the champion, which it replaces where the ruling says so."""
        from components.stages.promote import promote

        started = time.monotonic()
        self.promotion = promote(self.root, self.params, self.proven)
        step = Step("promote", "done", time.monotonic() - started)
        self.steps.append(step)
        return step

    def _timing(self, name: str) -> object:
        path = self.state / "runs" / "timings.json"
        return read_json(path).get(name) if path.exists() else None


def run_command(root: Path, name: str) -> Step:
    """Run `python -P -m components NAME`; its messages and progress bars go to the same terminal."""
    import subprocess

    started = time.monotonic()
    words = module_command("components", name)
    # It has little to import, and runs where nothing else does: no fork server is to start for it.
    environment = {k: v for k, v in os.environ.items() if name != "refresh" or k != ADDRESS}
    code = subprocess.run(words, cwd=root, env=environment, stdout=subprocess.DEVNULL, check=False).returncode
    if code:
        raise failed(name, code)
    return Step(name, "done", time.monotonic() - started)


def prepare_environment(root: Path) -> None:
    """Defaults for the tools, set before they are imported; what the user set stays.

    Raises OSError where nothing can be written to the home: the tools would say so in tracebacks of their own.
    """
    home(root).mkdir(parents=True, exist_ok=True)
    TemporaryFile(dir=home(root)).close()
    use_servers(root)
    for key, value in DEFAULTS.items():
        os.environ.setdefault(key, value)
    prefect = Path(os.environ.setdefault("PREFECT_HOME", str(home(root) / "prefect")))
    if "?" in str(prefect):
        database = address(prefect / "prefect.db", "sqlite+aiosqlite")
        os.environ.setdefault("PREFECT_API_DATABASE_CONNECTION_URL", database)
    # `python` in dvc.yaml must be this one, whether or not the environment is activated.
    folder, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != folder:
        os.environ["PATH"] = os.pathsep.join([folder, path])


def flow_run(root: Path, params: Params) -> RunHandle:
    return start_run(root, params, "flow")


@contextmanager
def execution(
    root: Path, params: Params, begin: Callable[[Path, Params], RunHandle] = flow_run
) -> Iterator[Execution]:
    """Hold the workspace and its MLflow run, which `begin` begins, while the line runs.

    Raises Busy at once where another run holds the workspace. However the block ends, its children are gone
    and the MLflow run is closed: FINISHED, FAILED, or KILLED by a signal. A gate that refuses has FAILED.
    """
    prepare_environment(root)
    with held(root), forked_stages(root, params.runtime.cores):
        repo = open_repo(root)
        run = begin(root, params)
        deliverer = Deliverer(root, params.tracking)
        deliverer.start()
        os.environ |= {RUN_ID: run.id, REMEMBERED: str(run.digests)}
        strangers = {child.pid for child in children()}
        status = "FAILED"
        try:
            yield Execution(root, params, run, repo)
            status = "FINISHED"
        except (Interrupted, KeyboardInterrupt):
            status = "KILLED"
            raise
        except Exception:
            raise
        except BaseException:  # Stopped, and Prefect's own signal
            status = "KILLED"
            raise
        finally:
            terminate(child for child in children() if child.pid not in strangers)
            for name in (RUN_ID, REMEMBERED):
                os.environ.pop(name, None)
            run.digests.unlink(missing_ok=True)
            run.set_status(status)
            deliverer.close(AFTER_SIGNAL if status == "KILLED" else DELIVERY)


def warm(root: Path, params: Params) -> None:
    """Import what is slow while Prefect's server starts: the two need different cores."""

    def load() -> None:
        with suppress(Exception):  # whoever really needs it says what is wrong
            for name in OF_DVC:
                import_module(name)
            preload(root, params.tracking)

    threading.Thread(target=load, name="graftline-warm", daemon=True).start()


def failure(name: str, error: BaseException) -> GraftlineError:
    """DVC's error of stage `name` as ours: DVC itself forgets the stage's exit code but for its text."""
    cause: BaseException | None = error
    while cause is not None:
        if found := re.search(r"exited with (-?\d+)$", str(cause)):
            return failed(name, int(found.group(1)))
        if known := cause if isinstance(cause, GraftlineError) else dvc_error(cause):
            return known
        cause = cause.__cause__
    return GraftlineError(f"{name}: {error}")


def failed(name: str, code: int) -> GraftlineError:
    if code in INTERRUPTED:
        return Interrupted(f"{name} was stopped.", "The same command resumes.")
    return StageFailed(name, code)


def worth_retrying(error: object) -> bool:
    """Whether bytes may arrive at the next attempt: not when they arrived and were the wrong ones."""
    return isinstance(error, GraftlineError) and error.exit_code == SourceError.exit_code
