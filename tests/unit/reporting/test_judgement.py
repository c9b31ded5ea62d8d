"""Numbers of the page against small artefacts written by hand."""

from pathlib import Path

from components.reporting import judgement, origin
from components.reporting.material import gather, number


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


def test_figures_keep_the_order_of_the_page_and_leave_out_what_is_no_number() -> None:
    found = judgement.figures({"zeta": 0.1, "auroc": {"estimate": 0.9}, "f1": None, "accuracy": 0.8})
    assert [(f.name, f.value) for f in found] == [
        ("Accuracy", "0.800"),
        ("AUROC", "0.900"),
        ("zeta", "0.100"),
    ]


def test_recalls_are_a_table_of_their_own() -> None:
    facts = {"estimate": 0.88, "low": 0.757, "high": 0.955, "n": 50}
    release = {
        "accuracy": 0.9,
        "recall of defective": facts,
        "recall of spare": {"estimate": None, "n": 0},
    }
    table = judgement.recalls(release)
    assert table.columns == ("Recall", "Samples")
    assert [(row.name, row.cells) for row in table.rows] == [
        ("defective", ("0.880 [0.757, 0.955]", "50")),
        ("spare", ("–", "0")),
    ]
    assert [figure.name for figure in judgement.figures(release)] == ["Accuracy"]
    assert judgement.recalls({"accuracy": 0.9}).rows == ()


def test_a_figure_without_interval_says_why() -> None:
    reason = "9 groups are too few: wants at least 10"
    facts = {"estimate": 0.9, "low": None, "high": None, "n": 60, "reason": reason}
    (figure,) = judgement.figures({"accuracy": facts})
    assert (figure.value, figure.interval, figure.bar) == ("0.900", reason, "")


def test_differences_are_signed_and_say_whether_they_exclude_zero() -> None:
    better, still_open = judgement.differences(
        {"a": {"estimate": 0.1, "low": 0.05, "high": 0.15}, "b": {"estimate": 0.0, "low": -0.1, "high": 0.1}},
        {"a": {"better": "higher"}},
    )
    (worse,) = judgement.differences(
        {"a": {"estimate": 0.1, "low": 0.05, "high": 0.15}}, {"a": {"better": "lower"}}
    )
    assert worse.change == "worse"
    assert (better.value, better.interval, better.change) == ("+0.100", "+0.050 to +0.150", "better")
    assert still_open.change == "open"


def test_variants_show_size_and_parity(workspace: Path) -> None:
    table = judgement.variants(gather(workspace, workspace / ".graftline"))
    assert [row.cells[-3:] for row in table.rows] == [
        ("13.6 MB", "3.0e-07", "0"),
        ("3.7 MB", "6.0e-02", "4"),
        ("6.9 MB", "–", "–"),
    ]


def test_confusion_counts_lines_and_shares_of_a_row() -> None:
    rows = [{"actual": "a", "predicted": p} for p in "aab"] + [{"actual": "b", "predicted": "b"}]
    matrix = dict(origin.confusion(rows, ["a", "b"]))
    assert [(c.count, round(c.share, 3), c.right) for c in matrix["a"]] == [
        (2, 0.667, True),
        (1, 0.333, False),
    ]
    assert [(c.count, c.right) for c in matrix["b"]] == [(0, False), (1, True)]


def test_confusion_reads_counted_cells_too() -> None:
    rows = [{"actual": "a", "predicted": "b", "count": "5"}, {"actual": "b", "predicted": "b", "count": "0"}]
    assert [c.count for c in dict(origin.confusion(rows, ["a", "b"]))["a"]] == [0, 5]


def test_a_licence_that_nobody_declared_is_said_aloud(workspace: Path) -> None:
    (workspace / "checkpoint/provenance.json").write_text('{"name": "x"}', encoding="utf-8")
    licences = origin.licences(gather(workspace, workspace))
    assert [(fact.name, fact.value) for fact in licences] == [
        ("Data", "CC BY-NC-SA 4.0"),
        ("Checkpoint", "not declared"),
    ]


def test_evaluations_of_another_test_side_do_not_count(workspace: Path) -> None:
    material = gather(workspace, workspace / ".graftline")
    assert origin.evaluations(material) == 3
    (workspace / ".graftline/evaluations.jsonl").write_text('{"test_digest": "u"}', encoding="utf-8")
    assert origin.evaluations(gather(workspace, workspace / ".graftline")) is None


def test_only_finite_numbers_are_numbers() -> None:
    assert [number(v) for v in (1, "2.5", True, "x", None, float("nan"), float("inf"))] == [
        1.0, 2.5, None, None, None, None, None,
    ]  # fmt: skip
