"""The section about groups, from a verdict written by hand."""

import json
from pathlib import Path

from components.params.task import TaskParams
from components.reporting.groups import groups
from components.reporting.material import gather
from components.reporting.page import Heading, render

TASK = TaskParams()


def _facts(estimate: float | None, n: int = 100) -> dict[str, object]:
    if estimate is None:
        return {"estimate": None, "low": None, "high": None, "n": 0}
    return {"estimate": estimate, "low": estimate - 0.05, "high": estimate + 0.05, "n": n}


def _column(metric: str = "balanced_accuracy", **groups: float | None) -> dict[str, object]:
    listed = [
        {"group": name, "n": 100, "judged": name != "thin", metric: _facts(value), "ece": _facts(0.1)}
        for name, value in groups.items()
    ]
    return {"column": "type", "metric": metric, "measured": [metric, "ece"], "groups": listed}


def _verdict(root: Path, *columns: dict[str, object]) -> None:
    (root / "dataset").mkdir(exist_ok=True)
    target = {"problem": "classification", "classes": ["a", "b"]}
    (root / "dataset/dataset.json").write_text(json.dumps({"target": target}))
    rule = {
        "rule": "difference of ece between groups of type at most 0.2",
        "kind": "fairness",
        "outcome": "fail",
        "evidence": "0.3: <a>",
        "estimate": 0.3,
        "bound": 0.2,
        "direction": "at_most",
    }
    (root / "verdict.json").write_text(
        json.dumps({"verdict": "fail", "rules": [rule], "fairness": list(columns)})
    )


def test_the_worst_group_is_said_first_and_all_are_shown(tmp_path: Path) -> None:
    _verdict(tmp_path, _column(poly=0.8, thin=0.85, mono=0.9, none=None))
    (found,) = groups(gather(tmp_path, tmp_path, TASK))
    assert found.words == (
        "Balanced accuracy is worst for poly: 0.800 (0.750 to 0.850, 100 samples), "
        "best for mono: 0.900 (0.850 to 0.950, 100 samples)."
    )
    assert [(figure.name, figure.value) for figure in found.figures] == [
        ("poly", "0.800"),
        ("thin (not judged: too few samples)", "0.850"),
        ("mono", "0.900"),
    ]
    assert found.table.columns == ("Balanced accuracy", "Calibration error", "Samples")
    assert found.table.rows[0].cells == ("0.800 (0.750 to 0.850)", "0.100 (0.050 to 0.150)", "100")
    assert found.table.rows[3].cells[0] == "–"
    assert [(rule.outcome, rule.evidence) for rule in found.rules] == [("fail", "0.3: <a>")]


def test_a_metric_beyond_one_has_a_scale_of_its_own(tmp_path: Path) -> None:
    _verdict(tmp_path, _column("log_loss", a=4.0, b=2.0))
    (found,) = groups(gather(tmp_path, tmp_path, TASK))
    assert "between 0 and 4.05" in found.figures[0].bar
    assert found.words.startswith("Log loss is worst for a: 4.000")


def test_one_group_and_none_are_said(tmp_path: Path) -> None:
    _verdict(tmp_path, _column(a=0.8), _column())
    one, none = groups(gather(tmp_path, tmp_path, TASK))
    assert one.words.endswith("100 samples): no other group was measured.")
    assert none.words == "No group of type was measured."


def test_the_page_has_the_section_and_escapes_what_groups_are_called(workspace: Path) -> None:
    _verdict(workspace, _column("balanced_accuracy", **{"<script>": 0.8, "b": 0.9}))
    html = render(gather(workspace, workspace / ".graftline", TASK), [], Heading("cells", "today"))
    assert '<section id="fairness">' in html
    assert "&lt;script&gt;: 0.800" in html
    assert "<script>" not in html
    _verdict(workspace)
    assert 'id="fairness"' not in render(
        gather(workspace, workspace / ".graftline", TASK), [], Heading("c", "t")
    )
