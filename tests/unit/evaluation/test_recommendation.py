"""Every branch of the rule, on facts made up for it."""

from dataclasses import replace
from typing import get_args

import pytest

from components.evaluation.recommendation import WHY, Advice, Candidate, Facts, Gap, recommend
from components.params import names, plugins


def candidate(name: str, log_me: float, spread: float = 0.0, parameters: int = 2_000_000) -> Candidate:
    """Leave-out scores that alternate by `spread`: so far is what chance explains."""
    signs = (1, -1, 1, -1, 0)
    return Candidate(name, parameters, log_me, tuple(log_me + spread * sign for sign in signs))


FACTS = Facts(
    sees="images",
    used="a",
    candidates=(candidate("a", 0.1),),
    labels={"good": 400, "bad": 200},
    unlabelled=0,
    gaps=(),
    best_by="balanced_accuracy",
)


CRITERION = {"domains.criterion": "information_maximisation"}


def gap(distance: float, labels: tuple[int, int] = (200, 0), samples: tuple[int, int] = (500, 500)) -> Gap:
    return Gap("domain", ("web", "shop"), samples, labels, distance)


def test_the_highest_log_me_wins_where_chance_does_not_explain_it() -> None:
    advice = recommend(replace(FACTS, candidates=(candidate("a", 0.1), candidate("b", 0.2, 0.001))))
    assert advice.backbone == "b"
    assert "LogME 0.200 is the highest; a, the next, has 0.100" in advice.reasons[0]


def test_where_nothing_was_compared_the_way_to_compare_is_named() -> None:
    assert "nothing was compared. To compare, add --fill all." in recommend(FACTS).reasons[0]


def test_where_chance_explains_it_the_one_in_use_is_kept() -> None:
    near = (candidate("a", 0.1), candidate("b", 0.11, spread=0.05))
    advice = recommend(replace(FACTS, candidates=near))
    assert advice.backbone == "a"
    assert (
        "too close to tell from b 0.110: differences may be chance (p ≥ 0.05); it is in use"
        in advice.reasons[0]
    )


def test_or_else_the_smallest_is_taken() -> None:
    near = (candidate("a", -1.0), candidate("b", 0.1, 0.05, 5_000_000), candidate("c", 0.11, 0.0, 3_000_000))
    advice = recommend(replace(FACTS, candidates=near))
    assert advice.backbone == "c"
    assert "it is the smallest (3,000,000 parameters)" in advice.reasons[0]


def test_too_few_labels_tell_no_backbones_apart() -> None:
    few = (replace(candidate("a", 0.1), without=()), replace(candidate("b", 9.0), without=()))
    advice = recommend(replace(FACTS, candidates=few))
    assert advice.backbone == "a"
    assert "labels are too few" in advice.reasons[0]


WATCHED = {"tune.best_by": "balanced_accuracy"}


@pytest.mark.parametrize(
    ("rarest", "sees", "expected"),
    [
        (5, "images", {"head.method": "prototypes", "tune.method": "last_blocks", **WATCHED}),
        (6, "images", {"tune.method": "last_blocks", **WATCHED}),
        (100, "images", {"tune.method": "last_blocks", **WATCHED}),
        (101, "images", {"tune.method": "last_blocks"}),
        (100, "texts", {"tune.method": "lora", **WATCHED}),
        (101, "texts", {"tune.method": "lora"}),
    ],
)
def test_the_rarest_class_and_what_is_seen_decide_what_learns(
    rarest: int, sees: str, expected: dict[str, str]
) -> None:
    advice = recommend(replace(FACTS, sees=sees, labels={"good": 400, "bad": rarest}))
    assert advice.method == expected
    reasons = dict(reason.split(": ", 1) for reason in advice.reasons)
    for key in expected.keys() - {"tune.method"}:
        assert f"'bad', the rarest class, has {rarest} labels" in reasons[key]


@pytest.mark.parametrize("metric", ["balanced_accuracy", "own_metric", None])
def test_epochs_are_chosen_by_a_metric_that_the_problem_allows(metric: str | None) -> None:
    advice = recommend(replace(FACTS, labels={"good": 400, "bad": 20}, best_by=metric))
    assert advice.method.get("tune.best_by") == metric


@pytest.mark.parametrize(
    ("between", "classes", "expected"),
    [
        (gap(0.49), 2, {}),
        (gap(0.5), 2, {"weighting.method": "ulsif"}),
        (gap(1.0), 2, {"weighting.method": "ulsif"}),
        (gap(1.01), 2, {"objectives.align": "mmd", **CRITERION}),
        (gap(2.0), 3, {"objectives.align": "mmd", **CRITERION}),
        (gap(2.0, labels=(200, 16)), 2, {"objectives.align": "mmd"}),
        (gap(2.0, labels=(200, 17)), 2, {}),
        (replace(gap(2.0), column="camera"), 2, {}),
    ],
)
def test_domains_far_apart_are_aligned_and_near_ones_weighted(
    between: Gap, classes: int, expected: dict[str, str]
) -> None:
    labels = {str(number): 200 for number in range(classes)}
    advice = recommend(replace(FACTS, labels=labels, gaps=(between,)))
    assert {key: name for key, name in advice.method.items() if key != "tune.method"} == expected


def test_the_widest_gap_with_hardly_a_label_decides() -> None:
    gaps = (gap(0.8), gap(1.9), gap(2.0, labels=(50, 50)))
    advice = recommend(replace(FACTS, gaps=gaps))
    assert advice.method["objectives.align"] == "mmd"
    assert any(
        "proxy A-distance 1.90, more than 1, and shop has 0 labels" in reason for reason in advice.reasons
    )
    assert any("2.00), and both have labels: train on both" in reason for reason in advice.reasons)


THREE = replace(FACTS, labels={"good": 300, "bad": 200, "broken": 100})


def test_mostly_unlabelled_samples_are_made_use_of() -> None:
    facts = replace(THREE, unlabelled=600)
    assert "objectives.confident" not in recommend(facts).method
    assert recommend(replace(facts, unlabelled=601)).method["objectives.confident"] == "mcc"


def test_beside_alignment_any_unlabelled_samples_are() -> None:
    facts = replace(THREE, gaps=(gap(2.0),), unlabelled=50)
    assert recommend(facts).method["objectives.confident"] == "mcc"
    assert recommend(replace(facts, gaps=())).method.get("objectives.confident") is None


@pytest.mark.parametrize("near", [(), (gap(0.9),)])
@pytest.mark.parametrize(
    ("sees", "said"), [("texts", "texts, without MMD."), ("images", "images of two classes.")]
)
def test_where_mcc_gained_nothing_that_is_said(near: tuple[Gap, ...], sees: str, said: str) -> None:
    advice = recommend(replace(FACTS, sees=sees, unlabelled=601, gaps=near))
    assert not {"objectives.align", "objectives.confident", *CRITERION} & set(advice.method)
    assert advice.reasons[-1].startswith("objectives.confident: none, although 601 samples have no label")
    assert advice.reasons[-1].endswith(said)


@pytest.mark.parametrize("unlabelled", [50, 601])
def test_beside_alignment_mcc_is_for_texts_and_for_more_classes_than_two(unlabelled: int) -> None:
    facts = replace(FACTS, gaps=(gap(1.8),), unlabelled=unlabelled)
    expected = {"objectives.align": "mmd", **CRITERION}
    images, texts = recommend(facts), recommend(replace(facts, sees="texts"))
    assert expected.items() <= images.method.items()
    assert "objectives.confident" not in images.method
    assert {**expected, "objectives.confident": "mcc"}.items() <= texts.method.items()
    assert not any("none, although" in reason for reason in texts.reasons)


def test_what_is_called_for_comes_together() -> None:
    full = replace(FACTS, labels={"good": 9, "bad": 3, "broken": 5}, gaps=(gap(2.0),), unlabelled=900)
    assert set(recommend(full).method) == {
        "head.method",
        "tune.method",
        "tune.best_by",
        "objectives.align",
        "objectives.confident",
        "domains.criterion",
    }


def test_what_is_recommended_is_what_params_accept() -> None:
    tables = ("methods", "heads", "align", "confident", "weightings")
    taken = {name for table in tables for name in plugins.names(table)}
    taken |= {*get_args(names.Criterion), "tune.best_by"}
    assert set(WHY) <= taken


def test_nothing_to_go_by_is_refused() -> None:
    with pytest.raises(ValueError, match="features of one backbone, and labels"):
        recommend(replace(FACTS, candidates=()))


def test_equal_facts_give_equal_advice() -> None:
    assert isinstance(recommend(FACTS), Advice)
    assert recommend(FACTS) == recommend(replace(FACTS))
