"""Numbers of the page against small artefacts written by hand."""

from pathlib import Path

from components.params.task import TaskParams
from components.reporting import judgement, origin, panels
from components.reporting.material import gather
from components.reporting.notation import number, title

TASK = TaskParams()


def test_rules_that_do_not_hold_come_first_and_unknown_outcomes_before_all() -> None:
    given = {"rules": [{"rule": n, "outcome": o} for n, o in (("a", "pass"), ("b", "fail"), ("c", "odd"))]}
    assert [row.name for row in judgement.rules(given)] in (["b", "c", "a"], ["c", "b", "a"])


def test_a_rule_without_evidence_says_so() -> None:
    row = judgement.rule_row({"metric": "accuracy"})
    assert (row.outcome, row.evidence, row.bar) == ("missing", "no evidence", "")


def test_verdicts_that_nobody_knows_are_missing() -> None:
    assert judgement.verdict({"verdict": "PASS!"}) == "missing"
    assert judgement.verdict({}) == "missing"
    assert judgement.verdict({"verdict": "pass"}) == "pass"


TITLES = {"accuracy": "Accuracy", "auroc": "AUROC", "f1": "F1", "zeta": "Zeta"}


def test_figures_keep_the_order_of_the_page_and_leave_out_what_is_no_number() -> None:
    """Recalls of classes have a table of their own."""
    given = {"zeta": 0.1, "auroc": {"estimate": 0.9}, "f1": None, "accuracy": 0.8, "recall of bad": 0.7}
    assert [(f.name, f.value) for f in judgement.figures(given, TITLES)] == [
        ("Accuracy", "0.800"),
        ("AUROC", "0.900"),
        ("Zeta", "0.100"),
    ]


def test_a_metric_without_a_title_is_called_as_it_is_named() -> None:
    assert [title(name, {"ece": "Calibration error"}) for name in ("ece", "position_f1", "")] == [
        "Calibration error",
        "Position f1",
        "",
    ]


def test_a_table_of_models_has_the_first_metrics_that_they_have() -> None:
    models = {"a": {"zeta": 0.5, "recall of bad": 0.1, "accuracy": 0.25}, "b": {"zeta": 0.75}}
    found = judgement.grid(models, TITLES)
    assert found.columns == ("Accuracy", "Zeta", "Samples")
    assert [row.cells[:2] for row in found.rows] == [("0.250", "0.500"), ("–", "0.750")]


def test_a_figure_without_interval_says_why() -> None:
    reason = "9 groups are too few: wants at least 10"
    facts = {"estimate": 0.9, "low": None, "high": None, "n": 60, "reason": reason}
    (figure,) = judgement.figures({"accuracy": facts}, TITLES)
    assert (figure.value, figure.interval, figure.bar) == ("0.900", reason, "")


def test_differences_are_signed_and_say_whether_they_exclude_zero() -> None:
    better, still_open = judgement.differences(
        {"a": {"estimate": 0.1, "low": 0.05, "high": 0.15}, "b": {"estimate": 0.0, "low": -0.1, "high": 0.1}},
        {},
        {"a": {"better": "higher"}},
    )
    (worse,) = judgement.differences(
        {"a": {"estimate": 0.1, "low": 0.05, "high": 0.15}}, {}, {"a": {"better": "lower"}}
    )
    assert worse.change == "worse"
    assert (better.value, better.interval, better.change) == ("+0.100", "+0.050 to +0.150", "better")
    assert still_open.change == "open"


def test_variants_show_size_and_parity(workspace: Path) -> None:
    table = judgement.variants(gather(workspace, workspace / ".graftline", TASK))
    assert [row.cells[-3:] for row in table.rows] == [
        ("13.6 MB", "3.0e-07", "0"),
        ("3.7 MB", "6.0e-02", "4"),
        ("6.9 MB", "–", "–"),
    ]


def test_confusion_counts_lines_and_shares_of_a_row() -> None:
    rows = [{"actual": "a", "predicted": p} for p in "aab"] + [{"actual": "b", "predicted": "b"}]
    matrix = dict(panels.matrix(rows, ("actual", "predicted"), ["a", "b"]))
    assert [(c.count, round(c.share, 3), c.right) for c in matrix["a"]] == [
        (2, 0.667, True),
        (1, 0.333, False),
    ]
    assert [(c.count, c.right) for c in matrix["b"]] == [(0, False), (1, True)]


def test_confusion_reads_counted_cells_too() -> None:
    rows = [{"is": "a", "said": "b", "n": "5"}, {"is": "b", "said": "b", "n": "0"}]
    assert [c.count for c in dict(panels.matrix(rows, ("is", "said", "n"), ()))["a"]] == [0, 5]


def test_a_licence_that_nobody_declared_is_said_aloud(workspace: Path) -> None:
    (workspace / "checkpoint/provenance.json").write_text('{"name": "x"}', encoding="utf-8")
    licences = origin.licences(gather(workspace, workspace, TASK))
    assert [(fact.name, fact.value) for fact in licences] == [
        ("Data", "CC BY-NC-SA 4.0"),
        ("Checkpoint", "not declared"),
    ]


def test_evaluations_of_another_test_side_do_not_count(workspace: Path) -> None:
    material = gather(workspace, workspace / ".graftline", TASK)
    assert origin.evaluations(material) == 3
    (workspace / ".graftline/evaluations.jsonl").write_text('{"test_digest": "u"}', encoding="utf-8")
    assert origin.evaluations(gather(workspace, workspace / ".graftline", TASK)) is None


def test_only_finite_numbers_are_numbers() -> None:
    assert [number(v) for v in (1, "2.5", True, "x", None, float("nan"), float("inf"))] == [
        1.0, 2.5, None, None, None, None, None,
    ]  # fmt: skip
