"""The model card: what stands on it, and that nothing of the data is more than text."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from components.params import Params
from components.params.task import TaskParams
from components.registry.model import Card, description
from components.reporting.card import facts, front_matter
from components.reporting.card_page import figures, readme, summary, tags
from components.reporting.material import gather
from components.storage.markdown import code, text

TASK = TaskParams()

DIGEST = "a" * 64
HOSTILE = "<img src=x onerror=alert(1)> [go](https://evil.example) | `x`\n---\n# top"


def _params(**card: object) -> Params:
    return Params.model_validate(
        {
            "data": {"source": "file:images", "licence": "CC0", "layout": "folders"},
            "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
            "tracking": {"model": "cells"},
            "card": card,
        }
    )


def _card(root: Path, **card: object) -> dict[str, object]:
    return facts(gather(root, root / ".graftline", TASK), _params(**card), DIGEST, "b" * 40)


def _front(page: str) -> dict[str, object]:
    _, head, _ = page.split("---\n", 2)
    found = yaml.safe_load(head)
    assert isinstance(found, dict)
    return found


def test_the_front_matter_is_what_hugging_face_reads(workspace: Path) -> None:
    said = _card(workspace, licence="Apache-2.0", language=["en"], tags=["solar"])
    front = _front(readme(said))
    assert (front["license"], front["language"], front["library_name"]) == ("apache-2.0", ["en"], "onnx")
    assert front["pipeline_tag"] == "image-classification"
    assert front["datasets"] == ["pypi:cells==1.0/data"]
    assert front["tags"] == ["graftline", "onnx", "image-classification", "solar"]
    models: Any = front["model-index"]
    (model,), (result,) = models, models[0]["results"]
    assert (model["name"], result["task"], result["dataset"]["split"]) == (
        "cells",
        {"type": "image-classification"},
        "test",
    )
    assert {"type": "accuracy", "name": "Accuracy", "value": 0.887} in result["metrics"]
    assert "accuracy" in front["metrics"]  # type: ignore[operator]


def test_what_is_not_stated_is_said(workspace: Path) -> None:
    page = readme(_card(workspace))
    assert _front(page)["license_name"] == "not-stated"
    for section in ("Intended use", "Out of scope", "Contact"):
        assert f"## {section}\n\nNot stated" in page


def test_the_page_holds_what_was_made_and_measured(workspace: Path) -> None:
    page = readme(_card(workspace, intended_use="Sorting cells.", contact="lab", limits=["Not at night."]))
    for expected in (
        "Sorting cells.",
        "- Not at night.",
        "- The figures are of 640 test samples",
        "- About the data: Fewer than 6 test samples: \\<i\\>cracked\\</i\\> 3.".replace(
            ": Fewer", "\\: Fewer"
        ),
        f"- Digest: `{'d' * 64}`",
        "- Licence: CC BY-NC-SA 4.0",
        "- Licence: Apache-2.0",
        "- Targets: functional, defective\n",
        "- Temperature: 1.273\n- Decision threshold: 0.5 for defective\n",
        "- Calibration was fitted on 130 samples.",
        "| test | 640 | functional 427, defective 213 |",
        "| Accuracy | 0.887 \\(0.867 to 0.907\\) | 640 |",
        "| type\\=mono | 0.897 \\(0.877 to 0.917\\) |",
        "| scratch | 0.710",
        "## Gate\\: fail".replace("Gate\\:", "Gate:"),
        "- Selected: fine-tuned network",
    ):
        assert expected in page.replace("samples\\: \\<", "samples: \\<"), expected


def test_groups_and_few_samples_are_named(workspace: Path) -> None:
    held = {"estimate": 0.8, "low": 0.6, "high": 0.9, "n": 12}
    verdict = json.loads((workspace / "verdict.json").read_text())
    column = {
        "column": "type",
        "metric": "accuracy",
        "measured": ["accuracy"],
        "groups": [{"group": "poly", "n": 12, "accuracy": held}],
    }
    (workspace / "verdict.json").write_text(json.dumps({**verdict, "fairness": [column]}))
    metrics = json.loads((workspace / "evaluation/metrics.json").read_text())
    metrics["release"]["recall of rare"] = held
    metrics["metrics"] = {"ece": {"measures": "calibration error"}}
    metrics["slices"]["type=thin"] = {"fp32": {"accuracy": held}}
    (workspace / "evaluation/metrics.json").write_text(json.dumps(metrics))
    said = _card(workspace)
    limits = said["limits"]
    assert isinstance(limits, list)
    assert "Recall of rare rests on 12 test samples: too few to tell much." in limits
    assert "Slice type=thin has 12 test samples: too few to tell much." in limits
    assert "Calibration error: probabilities are off by 0.050 (0.030 to 0.070) on average." in limits
    words = "Accuracy is worst for poly: 0.800 (0.600 to 0.900, 12 samples): no other group was measured."
    page = readme(said)
    assert f"Groups of type: {text(words)}" in page
    assert "| poly | 0.800 \\(0.600 to 0.900\\) | 12 |" in page
    assert text(words) in summary(said)
    assert tags(said)["graftline.card.worst_groups"] == words
    assert "recall of rare" not in str(front_matter(said)["model-index"])


def test_nothing_of_the_data_is_markup(workspace: Path) -> None:
    dataset = json.loads((workspace / "dataset/dataset.json").read_text())
    dataset |= {
        "licence": HOSTILE,
        "source": {"uri": HOSTILE},
        "target": {"problem": "classification", "classes": [HOSTILE, "good"]},
    }
    (workspace / "dataset/dataset.json").write_text(json.dumps(dataset))
    report = json.loads((workspace / "dataset/report.json").read_text())
    report["sides"]["test"]["targets"] = {HOSTILE: 3}
    report["notes"].append(HOSTILE)
    (workspace / "dataset/report.json").write_text(json.dumps(report))
    (workspace / "data/source.lock").unlink()
    verdict = {"verdict": HOSTILE, "rules": [{"rule": HOSTILE, "outcome": "pass", "evidence": HOSTILE}]}
    (workspace / "verdict.json").write_text(json.dumps(verdict))
    metrics = json.loads((workspace / "evaluation/metrics.json").read_text())
    metrics["slices"] = {f"type={HOSTILE}": {"fp32": {"accuracy": {"estimate": 0.5, "n": 3}}}}
    (workspace / "evaluation/metrics.json").write_text(json.dumps(metrics))
    said = _card(workspace, tags=[HOSTILE], intended_use=HOSTILE, contact=HOSTILE, limits=[HOSTILE])
    page = readme(said)
    front = _front(page)
    assert front["pipeline_tag"] == "image-classification"
    for rendered in (page.split("---\n", 2)[2], summary(said), _description(said)):
        _only_text(rendered)
    assert all("\n" not in value for value in tags(said).values())


def _shown(said: dict[str, object]) -> Card:
    return Card(b"", b"", summary(said), tags(said), figures(said))


def _description(said: dict[str, object]) -> str:
    """As the version's page in MLflow shows it."""
    tags = {"graftline.source_uri": HOSTILE}
    return description(DIGEST, {"verdict": HOSTILE}, tags, {f"recall of {HOSTILE}": 0.5}, _shown(said))


def _only_text(page: str) -> None:
    """By a renderer of GitHub's dialect, with HTML and bare links allowed: neither of them is there."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable("table")
    found = [token for block in renderer.parse(page) for token in (block, *(block.children or ()))]
    kinds = {token.type for token in found}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "hr", "fence", "code_block"}
    assert "top" not in [block.content for block in found if block.type == "heading_open"]
    cells = [block for block in renderer.parse(page) if block.type in ("th_open", "td_open", "tr_open")]
    widths = "".join("r" if cell.type == "tr_open" else "c" for cell in cells).split("r")[1:]
    assert set(map(len, widths)) <= {2, 3, 4, 5}
    texts = "".join(token.content for token in found if token.type == "text")
    assert "<img src=x onerror=alert(1)> [go](https://evil.example) | `x` --- # top" in texts
    bare = re.findall(r"(?<![`\\\w])https?://|(?<!\\)www\\.", re.sub(r"`[^`]*`", "", page))
    assert not bare  # what GitHub would make a link of, though it is none in the plain dialect


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a_b*c", "a\\_b\\*c"),
        ("<b>", "\\<b\\>"),
        ("https://x.y", "https\\://x.y"),
        ("www.x.y", "www\\.x.y"),
        ("a@b.c", "a\\@b.c"),
        ("one\n# two\u202e", "one \\# two"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_text_is_only_text(given: str, expected: str) -> None:
    assert text(given) == expected


def test_code_cannot_be_left() -> None:
    assert code("a`b|c\nd") == "`a'b¦c d`"
    assert code("") == ""


def test_passwords_in_addresses_are_not_on_the_card(workspace: Path) -> None:
    lock = {"uri": "https://me:secret@host/x.zip", "licence": "CC0"}
    (workspace / "data/source.lock").write_text(json.dumps(lock) + "\n")
    assert "secret" not in readme(_card(workspace))


def test_a_workspace_without_artefacts_still_has_a_card(tmp_path: Path) -> None:
    page = readme(_card(tmp_path))
    assert "# cells" in page
    assert "## Gate: no verdict" in page


def test_a_long_card_is_cut_for_mlflow_at_a_line(workspace: Path) -> None:
    said = _card(workspace, limits=[f"Limit {n} " + "x" * 90 for n in range(80)])
    assert len(summary(said)) < 3100
    assert summary(said).endswith("x\n\n… More in README.md.")
