"""The page of a sweep: what was tried, what it cost, and what is best."""

from collections import Counter
from collections.abc import Mapping

from components.reporting.scatter import NARROW, by_value, shown, trade_off
from components.reporting.templates import template
from components.reporting.trials import Sweep, Trial

MOST = 40  # lines in the table
ENDED = {
    "pruned": "was pruned",
    "impossible": "is impossible",
    "failed": "failed",
    "running": "is not finished",
}
ORDER = ("complete", "pruned", "impossible", "failed", "running")


def render(sweep: Sweep) -> str:
    """The whole page as text. It fetches nothing, and follows light and dark."""
    ranked = sweep.ranked
    rest = [trial for outcome in ORDER[1:] for trial in sweep.trials if trial.outcome == outcome]
    keys = sorted({key for trial in sweep.trials for key in trial.values})
    front = {trial.number for trial in sweep.front}
    return template("sweep.html.j2").render(
        sweep=sweep,
        counts=counted(sweep),
        best=_row(sweep, ranked[0], front) if ranked else None,
        gain=gained(sweep),
        picture=trade_off(sweep),
        narrow=trade_off(sweep, NARROW),
        panels=[(key, by_value(sweep, key)) for key in varied(sweep)] if ranked else [],
        keys=keys,
        rows=[_row(sweep, trial, front) for trial in [*ranked, *rest][:MOST]],
        reasons=_reasons(sweep),
        hidden=max(len(sweep.trials) - MOST, 0),
    )


def counted(sweep: Sweep) -> str:
    """`12 complete, 3 pruned, 1 impossible`, and whether that is all that there is."""
    counts: Counter[str] = Counter(trial.outcome for trial in sweep.trials)
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ORDER if counts[outcome]) or "no trial"
    return f"{said}; the space holds no other setting" if sweep.exhausted else said


def gained(sweep: Sweep) -> str:
    """What the best is better by than params.yaml as it was, and whether the head alone would do."""
    found, now = sweep.gain(), next((trial for trial in sweep.trials if trial.current), None)
    if is_kept(sweep):
        said = "params.yaml as it was is not beaten."
    elif now is None:
        why = f"the space does not hold its {sweep.outside or 'values'}"
        said = f"params.yaml as it was is not among the trials, because {why}."
    elif found is None:
        said = f"params.yaml as it was has no score, because trial {now.number} {ENDED[now.outcome]}."
    else:
        said = f"{found[0]:+.4f} against params.yaml as it was, better in {found[1]} of {sweep.folds} folds."
    return f"{said} No trial beats the head alone." if sweep.head_wins() else said


def is_kept(sweep: Sweep) -> bool:
    """Whether params.yaml as it was is the best."""
    return bool(sweep.ranked) and sweep.ranked[0].current


def varied(sweep: Sweep) -> list[str]:
    """Searched keys of which more than one value was scored: one alone tells nothing."""
    scored = [trial for trial in sweep.trials if trial.done]
    keys = sorted({key for trial in scored for key in trial.values})
    return [key for key in keys if len({repr(trial.values[key]) for trial in scored}) > 1]


def _reasons(sweep: Sweep) -> dict[str, list[int]]:
    """Why trials are impossible, or failed → their numbers."""
    found: dict[str, list[int]] = {}
    for trial in sweep.trials:
        if trial.reason:
            found.setdefault(trial.reason, []).append(trial.number)
    return found


def _row(sweep: Sweep, trial: Trial, front: set[int]) -> Mapping[str, object]:
    measured = trial.done > 0
    return {
        "number": trial.number,
        "outcome": trial.outcome,
        "current": trial.current,
        "front": trial.number in front,
        "learner": sweep.learner(trial) if measured else "",
        "score": f"{sweep.score(trial):.4f}" if measured else "",
        "spread": f"{sweep.spread(trial):.4f}" if trial.done > 1 else "",
        "seconds": f"{sweep.seconds(trial):.1f}" if measured else "",
        "values": {key: shown(value) for key, value in trial.values.items()},
    }
