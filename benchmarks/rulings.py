"""Rules through their judges: what a slice may lose, by the whole promotion, and forgetting, by the gate."""

from collections.abc import Iterator

import numpy as np

from benchmarks.populations import Draw, discordant
from benchmarks.rules import SIZES, Case, Row, Sample
from components.evaluation.gates import Release, judge
from components.evaluation.intervals import paired
from components.evaluation.judged import PASS
from components.evaluation.promotion import PROMOTE, By, Pair, decide
from components.evaluation.spread import Plan
from components.params.promotion import PromotionParams
from components.params.release import GateParams
from components.params.task import TaskParams
from components.problems.classification.judge import TABLE, Judge
from components.problems.classification.judge.metrics import Outcome

PLAN = Plan(confidence=0.95)
OTHERS = 600
JUDGE = Judge(TaskParams(), {"problem": "classification", "classes": ["0", "1"]})
# What `auto` is for classification.
PROMOTION = PromotionParams.model_validate(
    {"metric": "balanced_accuracy", "slices": {"metric": JUDGE.kept}},
)
SHARES = ((0.0, 0.05), (0.025, 0.075), (0.1, 0.15))


def rulings() -> Iterator[Row]:
    errors = tuple(Case(_with_slice(g, lost), -0.05, f"{g + lost:.0%} discordant") for g, lost in SHARES)
    equal = Case(_with_slice(0.01, 0.01), -0.05, "equal on the slice, 2 % discordant")
    rule = "a slice loses at most 0.05: promoted"
    # A slice of 10 is below `promotion.slices.least`: it is shown and not judged, so nothing is promised of it.
    yield Row(rule, "accuracy", errors, equal, sizes=SIZES[1:], judge=_promoted)
    forgot = tuple(Case(discordant(g, lost), -0.05, f"{g + lost:.0%} discordant") for g, lost in SHARES)
    kept = Case(discordant(0.025, 0.025), -0.05, "equal, 5 % discordant")
    rule = "forgetting: accuracy worse by at most 0.05"
    yield Row(rule, "accuracy", forgot, kept, judge=_remembered)


def _with_slice(gained: float, lost: float) -> Sample:
    """A slice of so many samples, and 600 others on which the candidate gains: nothing else may stop it."""

    def pair(draw: Draw, samples: int) -> Pair:
        inside, others = discordant(gained, lost)(draw, samples), discordant(0.1, 0.0)(draw, OTHERS)
        one, other = (_together(a, b) for a, b in zip(inside, others, strict=True))
        return Pair(one, other, {"part": np.repeat(["slice", "others"], [samples, OTHERS])}, JUDGE)

    return pair


def _together(a: Outcome, b: Outcome) -> Outcome:
    targets, probabilities, decisions = (
        np.concatenate([getattr(a, name), getattr(b, name)])
        for name in ("targets", "probabilities", "decisions")
    )
    return Outcome(targets, probabilities, decisions)


def _promoted(pair: object) -> bool:
    assert isinstance(pair, Pair)
    gated: dict[str, By] = {"balanced_accuracy": "interval"}
    return decide(pair, PLAN, gated, PROMOTION, newer=1).outcome == PROMOTE


def _remembered(pair: object) -> bool:
    assert isinstance(pair, tuple)
    after, before = pair
    gate = GateParams.model_validate(
        {
            "rules": [{"metric": "accuracy", "at_least": 0.5}],
            "forgetting": {"metric": "accuracy", "at_most": 0.05},
        }
    )
    asked = {"accuracy": TABLE["accuracy"]}
    change = paired(after, before, PLAN, asked)["accuracy"].as_json()
    said = {name: metric.as_json() for name, metric in asked.items()}
    metrics = {"metrics": said, "source": {"paired": {"accuracy": change}}}
    verdict = judge(gate, Release("fp32", "", {}, {}), metrics)
    return next(rule.outcome for rule in verdict.rules if rule.kind == "forgetting") == PASS
