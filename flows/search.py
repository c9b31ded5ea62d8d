"""The sweep itself: ask for a trial, score it fold by fold, tell the study, MLflow and the reader."""

import hashlib
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from components.errors import DataError, GraftlineError, ParamsError, StorageError, TrainingError
from components.params import Params, plugins
from components.params.load import check, parse
from components.params.rewrite import rewritten
from components.params.space import Space, changed, described, get, size
from components.problems.operation import titles
from components.progress import log
from components.registry.lineage import git_state
from components.registry.runs import RunHandle, Said, begin_run, close_dead, flat
from components.reporting.notation import title
from components.reporting.scatter import shown
from components.reporting.sweep import render
from components.reporting.trials import Measured, Outcome, Sweep, Trial
from components.stages.table import Context
from components.storage.home import home
from components.storage.publish import read_json, write_bytes, write_json
from components.tracker import NullTracker, Value
from flows.study import Asked, Study, with_fold

if TYPE_CHECKING:
    from components.stages.cross_validation import CrossValidation

# Of all sections, those that shape a trial's score.
SHAPING = (
    "domains",
    "task",
    "augment",
    "backbone",
    "pretrain",
    "head",
    "tune",
    "objectives",
    "weighting",
    "seed",
)
# Impossible trials do not count; a space that holds next to nothing else must end all the same.
PATIENCE = 20  # of them for each other one


@dataclass(frozen=True)
class Plan:
    """What is searched, where, and how it is scored."""

    root: Path
    name: str
    space: Space
    metric: str
    folds: int
    rising: bool = True

    @property
    def folder(self) -> Path:
        return home(self.root) / "sweeps" / self.name

    @property
    def learners(self) -> tuple[str, ...]:
        """What the searched values shape: the head on frozen features, the tuned network, or both."""
        heads = [key.startswith("head.") for key in self.space]
        if all(heads):
            return ("head",)
        return ("head", "tuned") if any(heads) else ("tuned",)


def planned(root: Path, name: str, space: Space, params: Params, metric: str, folds: int) -> Plan:
    """The plan of a sweep by a metric of the problem, which says whether higher or lower is better."""
    better = plugins.fact("problems", params.task.problem, "METRICS")[metric]
    return Plan(root, name, space, metric, folds, better == "higher")


class Scorer(Protocol):
    """What is asked of `components.stages.cross_validation.CrossValidation`."""

    @property
    def samples(self) -> int: ...
    def material(self) -> Mapping[str, str]: ...
    def head(self, params: Params, number: int) -> Measured: ...
    def tuned(self, params: Params, number: int, name: str) -> Measured: ...


def scorer(plan: Plan, params: Params) -> "CrossValidation":
    from components.stages.cross_validation import CrossValidation  # brings torch

    context = Context(
        NullTracker(),
        home(plan.root),
        params.runtime.cores,
        params.runtime.providers,
        params.runtime.store_bytes,
    )
    return CrossValidation(plan.root, params, context, plan.folds, plan.metric)


def sweep_run(plan: Plan, params: Params) -> RunHandle:
    """The sweep's MLflow run: the one that it had before, if it was stopped."""
    close_dead(plan.root)
    path = plan.folder / "run.json"
    if not path.exists():
        write_json(path, {"run": uuid.uuid4().hex})
    tags = {"graftline.engine": "sweep", "mlflow.runName": f"sweep {plan.name}", **git_state(plan.root)}
    return begin_run(plan.root, str(read_json(path)["run"]), {"tags": tags, "params": fixed(plan, params)})


def fixed(plan: Plan, params: Params) -> dict[str, Value]:
    """Dotted keys that no trial changes. Whoever took the winner over may still go on with the sweep."""
    return {
        key: value for key, value in flat(params.model_dump(mode="json")).items() if key not in plan.space
    }


def ruler(plan: Plan, params: Params, samples: int) -> Sweep:
    """How trials are compared, without any yet."""
    domains = params.domains
    hidden = domains.declared and domains.target_labels == "hidden"
    source = f"samples of {', '.join(domains.source)} (source validation: the target's labels are hidden)"
    scored = f"{samples} training {source if hidden else 'samples'}"
    named = title(plan.metric, titles(params.task.problem))
    settings = size(plan.space)
    return Sweep(plan.name, plan.metric, named, plan.rising, plan.folds, scored, (), settings=settings)


class Search:
    """Trials one after another; what was done before is not done again."""

    def __init__(self, plan: Plan, params: Params, run: RunHandle, scorer: Scorer) -> None:
        """Raises ParamsError where the sweep was begun with other settings, data or checkpoint."""
        self.plan = plan
        self._params = params
        self._run = run
        self._scorer = scorer
        self._text = (plan.root / "params.yaml").read_text(encoding="utf-8")
        self._values = parse(plan.root / "params.yaml")
        self._ruler = ruler(plan, params, scorer.samples)
        self._study = Study(plan.folder, plan.space, self._settings(), plan.rising, params.seed)

    def run(self, trials: int, minutes: float | None = None) -> None:
        """Until there are so many trials, the time is over, or all of the space was tried."""
        until = math.inf if minutes is None else time.monotonic() + 60 * minutes
        if not self._study.reference:
            self._study.refer([self._scorer.head(self._params, fold) for fold in range(self.plan.folds)])
        known = self._params.model_dump(mode="json")
        self._study.begin_with({key: get(known, key) for key in self.plan.space})
        while self._is_more(trials) and time.monotonic() < until:
            asked = self._study.next()
            if asked is None:
                log("Nothing new of the space was found.")
                break
            log(f"Trial {asked.number}: {worded(asked.values)}")
            self._try(asked, until)
            self._publish()
        self._publish()

    def sweep(self) -> Sweep:
        """Everything so far."""
        study = self._study
        return replace(
            self._ruler, trials=study.trials, reference=study.reference, outside=worded(study.outside)
        )

    def _settings(self) -> dict[str, object]:
        """Whatever scores depend on: all of it must be the same from the first trial to the last."""
        kept = {
            key: value
            for key, value in fixed(self.plan, self._params).items()
            if key.split(".")[0] in SHAPING
        }
        how = {"space": described(self.plan.space), "folds": self.plan.folds, "metric": self.plan.metric}
        return {**kept, **how, **self._scorer.material()}

    def _is_more(self, trials: int) -> bool:
        ended = [trial for trial in self._study.trials if trial.outcome != "running"]
        impossible = [trial for trial in ended if trial.outcome == "impossible"]
        if len(impossible) > PATIENCE * (1 + len(ended) - len(impossible)):
            log(f"Next to nothing of the space is possible: {impossible[-1].reason}")
            return False
        if (sweep := self.sweep()).exhausted:
            log(f"All {sweep.settings} settings of the space were tried.")
            return False
        return len(ended) - len(impossible) < trials

    def _try(self, asked: Asked, until: float) -> None:
        """Run a trial to its end, or to that of the time; whatever stops it, it can be run on."""
        name = hashlib.sha256(f"{self._run.id}/{asked.number}".encode()).hexdigest()[:32]
        said: Said = {"tags": {"mlflow.runName": f"trial {asked.number}"}, "params": flat(asked.values)}
        run = begin_run(self.plan.root, name, said, self._run.id)
        try:
            outcome, reason = self._outcome(asked, run, until)
        except BaseException:
            run.set_status("KILLED")
            raise
        if outcome == "running":
            run.set_status("KILLED")
        else:
            self._end(asked, run, outcome, reason)

    def _outcome(self, asked: Asked, run: RunHandle, until: float) -> tuple[Outcome, str]:
        try:
            params = check(changed(self._values, asked.values), "The combination")
            for fold in range(asked.seen.done, self.plan.folds):
                if fold and asked.is_hopeless():
                    return "pruned", ""
                if time.monotonic() >= until:
                    return "running", ""
                self._fold(asked, run, params)
        except (ParamsError, DataError) as error:
            return "impossible", _plain(error)
        except TrainingError as error:
            return "failed", error.message
        return "complete", ""

    def _fold(self, asked: Asked, run: RunHandle, params: Params) -> None:
        """Train without the next fold and score it there."""
        seen, scorer = asked.seen, self._scorer
        fold = seen.done
        name = f"Trial {asked.number}, {fold + 1}/{self.plan.folds}"
        measured: dict[str, Measured] = {}
        for learner in self.plan.learners:
            if learner == "head":
                measured[learner] = scorer.head(params, fold)
            else:
                measured[learner] = scorer.tuned(params, fold, name)
        for learner, one in measured.items():
            figures = {
                f"{learner}.fold_{self.plan.metric}": one.score,
                f"{learner}.fold_seconds": one.seconds,
            }
            run.say("metrics", figures, fold)
        # The study hears of it last: a fold that it does not know is trained and said again.
        asked.note(fold, measured, self._ruler.score(with_fold(seen, measured)))

    def _end(self, asked: Asked, run: RunHandle, outcome: Outcome, reason: str) -> None:
        """The study hears of it last: before that, the trial is ended again by whoever goes on."""
        seen, said = asked.seen, f"Trial {asked.number}: {outcome}"
        score = self._ruler.score(seen) if seen.done else None
        run.say("tags", {"graftline.outcome": outcome, "graftline.reason": reason})
        if score is not None:
            spread, seconds = self._ruler.spread(seen), self._ruler.seconds(seen)
            run.say("metrics", {self.plan.metric: score, "spread": spread, "seconds": seconds})
            said += f", {self.plan.metric} {score:.4f} ± {spread:.4f}, {seconds:.1f} s a fold"
        run.set_status("FINISHED" if outcome in ("complete", "pruned") else "FAILED")
        asked.end(outcome, score, reason)
        log(f"{said}. {reason}".strip())

    def _publish(self) -> None:
        """The picture and the winner so far: whenever the sweep is stopped, both are there."""
        sweep, folder = self.sweep(), self.plan.folder
        write_bytes(folder / "report.html", render(sweep).encode())
        if not (ranked := sweep.ranked):
            return
        best = ranked[0]
        self._run.say("metrics", {f"best_{sweep.metric}": sweep.score(best), "best_trial": best.number})
        write_winner(self._text, self._values, best, folder / "params.yaml")


def write_winner(text: str, values: dict[str, object], best: Trial, path: Path) -> None:
    """The whole of params.yaml with the values of `best`; all else, comments included, as it was."""
    write_bytes(path, rewritten(text, best.values).encode())
    if parse(path) != changed(values, best.values):
        path.unlink()
        raise StorageError(
            f"{path} could not be written from params.yaml.", f"Set by hand: {worded(best.values)}."
        )


def worded(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {shown(value)}" for key, value in values.items())


def _plain(error: GraftlineError) -> str:
    """The mistakes alone, without how many there are."""
    lines = [line for line in error.message.splitlines() if line.startswith("  - ")]
    return "; ".join(line.removeprefix("  - ").removeprefix("params: ") for line in lines) or error.message
