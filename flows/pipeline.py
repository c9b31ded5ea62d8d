"""The Prefect flow: refresh, a task for each row of the table, report, register, promote. No machine learning here."""

from collections.abc import Sequence
from pathlib import Path

from prefect import State, Task, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.states import Completed

from components.errors import GateRefused
from components.params import load_params
from components.registry.verdicts import failed_rules, refuse_unless_pass
from components.stages.packages import check_all
from components.stages.table import STAGES
from components.storage.publish import read_json
from flows.command import failed, failed_by
from flows.engine import Execution, Step, execution, worth_retrying
from flows.standing import headline, ruling_markdown
from flows.summary import markdown, places, summary

FETCHING = {"refresh", "fetch_checkpoint"}


def fetch_again(task: Task[..., object], run: TaskRun, state: State[object]) -> bool:
    """Only what the network may cure is tried again."""
    return worth_retrying(state.result(raise_on_failure=False))


# Prefect's cache looks at paths, not at contents, and its results are pickles: neither is used.
@task(cache_policy=NO_CACHE, persist_result=False)
def stage(line: Execution, name: str, outputs: Sequence[str], place: str) -> Step:
    return line.stage(name, outputs, place)


@task(cache_policy=NO_CACHE, persist_result=False)
def command(line: Execution, name: str) -> Step:
    return line.command(name)


@task(cache_policy=NO_CACHE, persist_result=False)
def register(line: Execution) -> Step:
    return line.register()


@task(cache_policy=NO_CACHE, persist_result=False)
def promote(line: Execution) -> Step:
    return line.promote()


def retrying(chosen: Task[..., Step], name: str) -> Task[..., Step]:
    """`chosen` under the name of what it does, tried again where the network may be at fault."""
    if name not in FETCHING:
        return chosen.with_options(name=name)
    return chosen.with_options(
        name=name, retries=2, retry_delay_seconds=[5, 30], retry_condition_fn=fetch_again
    )


@flow(name="graftline-train", persist_result=False, validate_parameters=False)
def train(
    root: str = ".", stop_after: str | None = None, registering: bool = True, promoting: bool = False
) -> State[int]:
    """Bring the line in `root` up to date, register its release and, with `promoting`, let it meet the champion.

    Ends Completed, also where the champion is kept; Failed named GateFailed where the gate refused,
    PromotionRefused, or by the error's class otherwise. `code_of` gives the exit code.
    """
    folder = Path(root).resolve()
    try:
        params = load_params(folder / "params.yaml")
        check_all(folder, params)
        with execution(folder, params) as line:
            retrying(command, "refresh")(line, "refresh")
            if not run_stages(line, stop_after):
                return Completed(message=f"Stopped after {stop_after}, as asked.", data=0)
            if promoting:
                line.prove()
            return judge(line, registering, promoting)
    except Exception as error:
        return failed_by(error)


def run_stages(line: Execution, stop_after: str | None = None) -> bool:
    """Bring every stage and the report up to date; False where it stopped before the end, as asked."""
    for number, row in enumerate(STAGES, 1):
        place = f"stage {number} of {len(STAGES)}"
        retrying(stage, row.name)(line, row.name, row.outputs, place)
        if row.name == stop_after:
            return False
    if not line.report_is_fresh():
        retrying(command, "report")(line, "report")
    return True


def judge(line: Execution, registering: bool, promoting: bool) -> State[int]:
    """What the verdict allows: a version, and its comparison with the champion. Raises GateRefused."""
    verdict = read_json(line.root / "verdict.json")
    text = f"{markdown(verdict)}\n{places(line)}"
    create_markdown_artifact(text, key="verdict", description="The rules and their evidence")
    try:
        refuse_unless_pass(verdict)
        if registering:
            retrying(register, "register")(line)
            if promoting:
                retrying(promote, "promote")(line)
    except GateRefused:
        get_run_logger().error("; ".join(failed_rules(verdict)) or "an operational rule")
        raise
    finally:
        summary(line)
    return _promoted(line) or Completed(message=line.registered or "not registered, as asked", data=0)


def _promoted(line: Execution) -> State[int] | None:
    """How the promotion ended, where one was asked for: a champion that is kept is no failure."""
    done = line.promotion
    if done is None:
        return None
    text = ruling_markdown(done)
    create_markdown_artifact(text, key="promotion", description="The candidate against the champion")
    message = f"{line.registered}; {headline(done)}"
    if done.outcome == "refused":
        return failed("PromotionRefused", message, GateRefused.exit_code)
    return Completed(message=message, data=0)
