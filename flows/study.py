"""The sweep's memory and its choice of what to try next: an Optuna study in one SQLite file.

SQLite, because Optuna's journal file cannot be read any more once a process died within a line of it. What a
trial tries follows from the seed, its number and the trials before it, so that a sweep that was killed goes on
as if it had not been: no generator's state has to be kept.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.errors import ParamsError, StorageError
from components.params.space import Choices, Range, Space
from components.reporting.trials import Measured, Outcome, Trial
from components.storage.sqlite import address

if TYPE_CHECKING:
    import optuna

NAME = "sweep"
RANDOM = 10  # trials before TPE begins to choose
REDRAWN = 50  # times that a setting is drawn anew because it was tried, before the untried ones are listed
JUDGED = 4  # whole trials before one may be pruned: a median of fewer says little


class Asked:
    """A trial that is to be run, or run on.

    Attributes:
        values: searched key → value as in params.yaml.
        seen: what is known of it so far; an earlier process may have done some folds.
    """

    def __init__(self, study: "optuna.Study", trial: "optuna.Trial", space: Space) -> None:
        self._study = study
        self._trial = trial
        self.number = trial.number
        self.values = {key: _suggested(trial, key, entry) for key, entry in space.items()}
        kept = study.trials[self.number]
        self._reported = set(kept.intermediate_values)
        self.seen = read(kept, space)

    def note(self, fold: int, measured: Mapping[str, Measured], score: float) -> None:
        """Keep what a fold gave, and the mean score so far, by which trials are pruned."""
        if fold not in self._reported:  # a process may have died in between
            self._trial.report(score, fold)
        kept = {learner: [one.score, one.seconds] for learner, one in measured.items()}
        self._trial.set_user_attr(f"fold {fold}", kept)
        self.seen = with_fold(self.seen, measured)

    def is_hopeless(self) -> bool:
        return bool(self._trial.should_prune())

    def end(self, outcome: Outcome, score: float | None = None, reason: str = "") -> None:
        """For good. TPE learns from all: what is impossible or fails, it takes for worse than what was pruned."""
        from optuna.trial import TrialState

        self._trial.set_user_attr("outcome", outcome)
        self._trial.set_user_attr("reason", reason)
        if outcome == "complete":
            self._study.tell(self._trial, score)
        else:
            self._study.tell(self._trial, state=TrialState.PRUNED)


class Study:
    """The trials of one sweep, kept in `folder`."""

    def __init__(
        self, folder: Path, space: Space, settings: Mapping[str, object], rising: bool, seed: int
    ) -> None:
        """Raises ParamsError where the sweep of that name was begun with other settings."""
        import optuna
        from sqlalchemy.exc import DatabaseError

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self._space = space
        self._seed = seed
        try:
            self._study = optuna.create_study(
                storage=address(folder / "study.db"),
                study_name=NAME,
                direction="maximize" if rising else "minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=JUDGED),
                load_if_exists=True,
            )
        except DatabaseError as error:
            raise StorageError(
                f"{folder / 'study.db'} is damaged: {error.orig}.", "Remove its folder."
            ) from None
        _same(self._study, settings, folder.name)

    @property
    def trials(self) -> list[Trial]:
        return [read(trial, self._space) for trial in self._study.trials if not _void(trial)]

    @property
    def reference(self) -> list[Measured]:
        """The head alone, with params.yaml as it is; empty until it was measured."""
        return [Measured(*pair) for pair in self._study.user_attrs.get("reference", ())]

    def refer(self, measured: list[Measured]) -> None:
        self._study.set_user_attr("reference", [[one.score, one.seconds] for one in measured])

    @property
    def outside(self) -> Mapping[str, object]:
        """Values of params.yaml that the space does not hold, as the sweep began."""
        return dict(self._study.user_attrs.get("outside", {}))

    def begin_with(self, values: Mapping[str, object]) -> None:
        """Try `values` first, if the space holds them all and nothing was tried yet."""
        if self._study.trials:
            return
        drawn = {key: _drawn(entry, values.get(key)) for key, entry in self._space.items()}
        if outside := {key: values.get(key) for key, found in drawn.items() if not found}:
            self._study.set_user_attr("outside", outside)
        else:
            fixed = {key: found[0] for key, found in drawn.items()}
            self._study.enqueue_trial(fixed, user_attrs={"current": True})

    def next(self) -> Asked | None:
        """The trial that an earlier process left unfinished, or a new one; none where nothing new was found."""
        import optuna
        from optuna.trial import TrialState

        for left in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if left.params.keys() == self._space.keys():
                return Asked(self._study, optuna.Trial(self._study, left._trial_id), self._space)
            # It died while its values were written: they are tried again, the same ones.
            self._study.tell(left.number, state=TrialState.FAIL)
            self._study.enqueue_trial(left.system_attrs["fixed_params"], user_attrs=left.user_attrs)
        if not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            fixed = self._untried()
            if fixed is None:
                return None
            self._study.enqueue_trial(fixed)
        return Asked(self._study, self._study.ask(), self._space)

    def _untried(self) -> dict[str, object] | None:
        """What TPE draws next and nobody tried, key → as Optuna keeps it.

        It is drawn beside the study, so that what was tried before leaves no trace there.
        """
        import optuna
        from optuna.trial import TrialState

        known = [trial for trial in self._study.trials if not _void(trial)]
        tried = [read(trial, self._space).values for trial in known]
        beside = optuna.create_study(direction=self._study.direction, sampler=self._sampler())
        beside.add_trials(known)
        for _ in range(REDRAWN):
            trial = beside.ask()
            values = {key: _suggested(trial, key, entry) for key, entry in self._space.items()}
            if values not in tried:
                return dict(trial.params)
            beside.tell(trial, state=TrialState.FAIL)
        listed = {key: _every(entry) for key, entry in self._space.items()}
        for drawn in product(*listed.values()):
            fixed = dict(zip(listed, drawn, strict=True))
            if {key: _value(entry, fixed[key]) for key, entry in self._space.items()} not in tried:
                return fixed
        return None

    def _sampler(self) -> "optuna.samplers.BaseSampler":
        """TPE (Bergstra et al., NeurIPS 2011), seeded for this trial alone; one trial runs at a time."""
        import optuna

        place = sum(not _void(trial) for trial in self._study.get_trials(deepcopy=False))
        seed = int(np.random.SeedSequence([self._seed, place]).generate_state(1)[0])
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM, constant_liar=False)


def with_fold(trial: Trial, measured: Mapping[str, Measured]) -> Trial:
    """The trial after one fold more."""
    folds = {name: (*trial.folds.get(name, ()), one) for name, one in measured.items()}
    return replace(trial, folds=folds)


def read(trial: "optuna.trial.FrozenTrial", space: Space) -> Trial:
    """What the study keeps of a trial."""
    kept = [trial.user_attrs[f"fold {number}"] for number in _counted(trial)]
    learners = kept[0].keys() if kept else ()
    folds = {name: tuple(Measured(*fold[name]) for fold in kept) for name in learners}
    values = {key: _value(entry, trial.params[key]) for key, entry in space.items() if key in trial.params}
    return Trial(
        number=trial.number,
        values=values,
        outcome="running" if not trial.state.is_finished() else trial.user_attrs["outcome"],
        folds=folds,
        current=bool(trial.user_attrs.get("current")),
        reason=str(trial.user_attrs.get("reason", "")),
    )


def _counted(trial: "optuna.trial.FrozenTrial") -> Iterator[int]:
    number = 0
    while f"fold {number}" in trial.user_attrs:
        yield number
        number += 1


def _same(study: "optuna.Study", settings: Mapping[str, object], name: str) -> None:
    """Settings as they were when the sweep began, or ParamsError with those that differ."""
    now = json.loads(json.dumps(settings))
    before = study.user_attrs.get("settings")
    if before is None:
        study.set_user_attr("settings", now)
    elif other := sorted(key for key in {*before, *now} if before.get(key) != now.get(key)):
        raise ParamsError(
            f"The sweep {name!r} was begun with other settings: {', '.join(other)}.",
            "Its scores and new ones would not compare. Take another --name, or remove its folder.",
        )


def _void(trial: "optuna.trial.FrozenTrial") -> bool:
    """Whether it died before it was a trial, or still waits to be one."""
    return trial.state.name in ("FAIL", "WAITING")


def _suggested(trial: "optuna.Trial", key: str, entry: Choices | Range) -> object:
    if isinstance(entry, Choices):
        drawn: object = trial.suggest_categorical(key, [_label(value) for value in entry.values])
    elif entry.whole:
        drawn = trial.suggest_int(
            key, int(entry.low), int(entry.high), step=int(entry.step or 1), log=entry.log
        )
    else:
        drawn = trial.suggest_float(key, entry.low, entry.high, step=entry.step, log=entry.log)
    return _value(entry, drawn)


def _value(entry: Choices | Range, drawn: object) -> object:
    """What Optuna drew, as it stands in params.yaml."""
    if isinstance(entry, Choices):
        return next(
            value for value in entry.values if _label(value) == drawn and type(_label(value)) is type(drawn)
        )
    assert isinstance(drawn, int | float)
    return entry.value(drawn)


def _drawn(entry: Choices | Range, value: object) -> tuple[object, ...]:
    """What Optuna would have drawn for `value`, alone; nothing where the entry does not hold it."""
    if isinstance(entry, Choices):
        return (_label(value),) if entry.holds(value) else ()
    number = entry.number(value)
    return () if number is None else (number,)


def _every(entry: Choices | Range) -> Sequence[object]:
    """All that Optuna may draw; nothing where a number may be any of a range."""
    if isinstance(entry, Choices):
        return [_label(value) for value in entry.values]
    if not entry.whole and entry.step is None:
        return []
    step = entry.step or 1
    numbers = [entry.low + n * step for n in range(int((entry.high - entry.low) / step + 1e-9) + 1)]
    return [int(number) for number in numbers] if entry.whole else numbers


def _label(value: object) -> str | int | float | bool | None:
    """A choice as a store can keep it."""
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value)
