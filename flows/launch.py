"""The Prefect flow around a scheduled run: one of a line at a time, a worktree, the run in it, and telling people.

The run itself is a process of its own, `flows.retrain`, which imports the worktree's code: what somebody edits in the
folder where this was started has no part in it.
"""

import math
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil
from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_API_KEY, PREFECT_API_URL
from prefect.states import Completed
from pydantic import ValidationError

from components.ending import as_graftline_error
from components.errors import Busy, Interrupted, ParamsError
from components.params.base import Section
from components.params.operation import TrackingParams
from components.params.schedule import NotifyParams, ScheduleParams
from components.params.wording import explain
from components.runtime.python import module_command
from components.storage.git import without_git
from components.storage.home import home
from components.storage.publish import read_json, write_json
from flows.command import failed
from flows.engine import INTERRUPTED, prepare_environment
from flows.handover import Answer, Asked, window_of
from flows.markdown import row
from flows.notify import News, tell
from flows.processes import terminate
from flows.worktree import line_lock, parse_committed, resolve, worktree

LEAVING = 60.0  # seconds that the run has to close everything after SIGTERM
INSIDE = module_command("flows.retrain")
# They name this process's own flow run, which the one inside is not.
OURS = ("PREFECT__FLOW_RUN_ID", "PREFECT__FLOW_ENTRYPOINT", "GRAFTLINE_RUN_ID", "GRAFTLINE_HOME")


class Settings(Section):
    """The sections that matter before there is a worktree, as the revision has them."""

    schedule: ScheduleParams = ScheduleParams()
    notify: NotifyParams = NotifyParams()
    tracking: TrackingParams = TrackingParams()


@task(name="revision", cache_policy=NO_CACHE, persist_result=False)
def revision_of(root: Path, revision: str) -> str:
    return resolve(root, revision)


@task(name="run", cache_policy=NO_CACHE, persist_result=False)
def run_inside(root: Path, tree: Path, asked: Asked) -> Answer:
    """The run in its worktree, to its end. A signal here is handed on, and waited for."""
    path = Path(asked.result).with_name("asked.json")
    write_json(path, asdict(asked))
    words = [*INSIDE, str(path)]
    # A session of its own: Ctrl-C comes to this process alone, which asks the other one once.
    with subprocess.Popen(words, cwd=tree, env=_environment(root), start_new_session=True) as process:
        try:
            code = process.wait()
        except BaseException:
            terminate([psutil.Process(process.pid)], LEAVING)
            raise
    return _answer(Path(asked.result), code)


@flow(name="graftline-scheduled", persist_result=False, validate_parameters=False)
def scheduled(root: str = ".", revision: str = "", because: str = "") -> State[int]:
    """Bring the line of the repository `root` up to date at `revision`, in a worktree; tell people how it ended.

    Args:
        revision: none: `schedule.revision` of params.yaml, as the checked-out branch has it.
        because: why; `drift: …` trains only where something can be learned.

    Ends Completed, also named NothingNew or LabelsNeeded; Failed named Busy, GateFailed, PromotionRefused, or by the
    error's class. `code_of` gives the exit code.
    """
    launch = _Launch(Path(root).resolve(), revision, because)
    prepare_environment(launch.root)
    try:
        answer = launch.answer()
    except Exception as error:
        wrong = as_graftline_error(error)
        answer = Answer(type(wrong).__name__, False, str(wrong), wrong.exit_code, "failed")
    _show(answer, launch)
    _tell(answer, launch)
    if not answer.green:
        return failed(answer.name, answer.message, answer.code)
    return Completed(name=answer.name, message=answer.message, data=answer.code)


class _Launch:
    """One start; its settings are those of the checked-out branch until the revision is known."""

    def __init__(self, root: Path, revision: str, because: str) -> None:
        self.root = root
        self.revision = revision
        self.because = because
        self.settings = Settings()

    def answer(self) -> Answer:
        """Raises Busy where another run of this line does not end in time."""
        self.settings = _settings(self.root, "HEAD")
        self.revision = self.revision or self.settings.schedule.revision
        try:
            with self._turn():
                return self._locked()
        except Busy as error:
            message = f"Another scheduled run of this line is at work. {error.message}"
            raise Busy(message, error.remedy) from None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One run of a line at a time. A window's run waits as long as it takes: it has no second event."""
        wait = math.inf if window_of(self.because) else self.settings.schedule.wait_minutes * 60
        with ExitStack() as held:
            try:
                held.enter_context(line_lock(self.root, 0))
            except Busy:
                if not wait:
                    raise
                get_run_logger().info("Another scheduled run of this line is at work: waiting for its end.")
                held.enter_context(line_lock(self.root, wait))
            yield

    def _locked(self) -> Answer:
        commit = revision_of(self.root, self.revision)  # after the wait: it may be newer by then
        self.settings = _settings(self.root, commit)
        with worktree(self.root, commit) as tree:
            if not (tree / "flows" / "retrain.py").exists():
                raise ParamsError(f"{self.revision} knows no scheduled runs.", "Name a newer --revision.")
            result = str(tree.parent / "answer.json")
            return run_inside(
                self.root, tree, Asked(result, commit, self.revision, self.because, os.getpid())
            )


def _settings(root: Path, commit: str) -> Settings:
    """Raises ParamsError where one of the sections is wrong."""
    values = parse_committed(root, commit)
    try:
        return Settings.model_validate({name: values.get(name) or {} for name in Settings.model_fields})
    except ValidationError as error:
        wrong = "; ".join(explain(error, Settings))
        raise ParamsError(f"params.yaml of {commit[:12]}: {wrong}.") from None


def _environment(root: Path) -> dict[str, str]:
    """For the run inside: the same home and server, another folder."""
    kept = {key: value for key, value in without_git(os.environ).items() if key not in OURS}
    named = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_API_KEY": _key()}
    return {
        **kept,
        "GRAFTLINE_HOME": str(home(root)),
        **{key: value for key, value in named.items() if value},
    }


def _key() -> str | None:
    found = PREFECT_API_KEY.value()
    return found.get_secret_value() if found else None


def _answer(path: Path, code: int) -> Answer:
    if path.exists():
        return Answer(**read_json(path))  # type: ignore[arg-type]
    if code in INTERRUPTED:
        return Answer(
            "Interrupted",
            False,
            "The run was stopped; the same command resumes.",
            Interrupted.exit_code,
            "failed",
        )
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    message = f"The run ended {how} and said nothing; the same command resumes from what it had."
    return Answer("Crashed", False, message, code if code > 0 else 1, "failed")


def _show(answer: Answer, launch: _Launch) -> None:
    """A page for people who look at the flow run."""
    rows = {
        "line": launch.settings.tracking.model,
        "revision": launch.revision,
        "because": launch.because or "the schedule, or a person",
        "outcome": answer.name,
        "ruling": answer.verdict,
        "run branch": answer.branch,
        "report": answer.report,
    }
    table = "".join(row(key, value) for key, value in rows.items() if value)
    text = f"# {answer.name}\n\n{answer.message}\n\n| | |\n|---|---|\n{table}"
    create_markdown_artifact(text, key="scheduled-run", description="What the scheduled run did")


def _tell(answer: Answer, launch: _Launch) -> None:
    news = News(
        line=launch.settings.tracking.model,
        event=answer.event,
        state=answer.name,
        message=answer.message,
        because=launch.because,
        verdict=answer.verdict,
        report=answer.report,
    )
    tell(launch.settings.notify, news)
