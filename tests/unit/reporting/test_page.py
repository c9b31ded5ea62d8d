"""The page as text: whole, harmless, without a single address to fetch, and honest about what is missing."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plugged import plugged

from components.params.task import TaskParams
from components.reporting import origin
from components.reporting.material import gather
from components.reporting.page import Heading, Labels, Mistake, Parts, render

TASK = TaskParams()

HEADING = Heading(model="cells", made="2026-01-01 10:20 UTC")
PICTURE = "data:image/png;base64,AAAA"
VOID = {"meta", "img", "br", "link"}


class Balance(HTMLParser):
    """Remembers elements that were opened and not closed, or closed and not opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def page(root: Path, mistakes: tuple[Mistake, ...] = (), heading: Heading = HEADING) -> str:
    return render(gather(root, root / ".graftline", TASK), mistakes, heading)


def test_whole_page_is_balanced_and_shows_every_section(workspace: Path) -> None:
    text = page(workspace, (Mistake("defective", "functional", 0.97, "mono", PICTURE, PICTURE),))
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert balance.wrong == []
    assert "not there yet" not in text
    assert "8 epochs, the best is number 8" in text
    for said in (
        "0.887",
        "0.867 to 0.907",
        "inconclusive",
        "type=poly",
        "13.6 MB",
        "412",
        "3 times",
        "96.1 s",
    ):
        assert said in text
    assert "CC BY-NC-SA 4.0" in text
    assert "Apache-2.0" in text
    charts = re.findall(r"<figcaption>([A-Z][^<]*)</figcaption>", text.partition('id="decisions"')[2])
    assert charts == ["Confusion matrix", "Reliability", "ROC"]
    assert "labels unseen" not in text
    assert "Fewer than 6 test samples: &lt;i&gt;cracked&lt;/i&gt; 3." in text


def test_parts_of_a_target_are_shown_one_by_one_with_their_names_harmless(workspace: Path) -> None:
    facts = {"estimate": 0.756, "low": 0.694, "high": 0.811, "n": 221}
    parts = Parts("Class", {"<i>cracked</i>": {"recall": facts, "samples": {"estimate": 221.0}}})
    text = render(gather(workspace, workspace / ".graftline", TASK), (), HEADING, parts=parts)
    balance = Balance()
    balance.feed(text)
    assert (balance.open, balance.wrong) == ([], [])
    assert '<th scope="row">&lt;i&gt;cracked&lt;/i&gt;</th><td data-column="Recall">0.756' in text
    assert "(0.694 to 0.811)" in text
    assert "{metric: recall, class: …, at_least: …}" in text


def test_the_lineage_says_what_calibration_found(workspace: Path) -> None:
    """The temperature, and the threshold with its class."""
    said = words(page(workspace).partition('id="lineage"')[2].replace("</dt>", ": ").replace("</div>", "; "))
    assert "Temperature: 1.273; Decision threshold: 0.5 for defective; Test digest" in said


def test_what_the_criterion_said_is_shown_and_named(workspace: Path) -> None:
    curves = workspace / "tuned/curves.csv"
    curves.write_text(curves.read_text().replace("0.001,\n", "0.001,0.25\n"))
    told = workspace / "tuned/tuned.json"
    told.write_text(json.dumps(json.loads(told.read_text()) | {"best_by": "information_maximisation"}))
    text = page(workspace)
    assert "Target: information, labels unseen" in text
    assert "Validation accuracy on the source" in text
    assert "the best by the target's answers is number 8" in text


def test_a_metric_that_found_the_best_epoch_is_shown_and_named(workspace: Path) -> None:
    curves, told = workspace / "tuned/curves.csv", workspace / "tuned/tuned.json"
    curves.write_text(curves.read_text().replace("0.001,\n", "0.001,0.25\n"))
    told.write_text(json.dumps(json.loads(told.read_text()) | {"best_by": "balanced_accuracy"}))
    text = page(workspace)
    assert "Validation balanced accuracy" in text
    assert "the best by balanced accuracy is number 8" in text
    assert "labels unseen" not in text


def words(text: str) -> str:
    """What people read, without tags."""
    return " ".join(re.sub(r"<[^>]*>", "", text).split())


def test_the_network_that_was_judged_is_named_beside_the_verdict(workspace: Path) -> None:
    text = page(workspace, heading=Heading(model="cells", made="now", method="lora"))
    verdict = words(text.partition('id="verdict"')[2].partition("<li")[0])
    assert "Selected: fine-tuned network (lora) · input 96 × 96 pixels · balanced accuracy on" in verdict
    assert "head on frozen features 0.871, fine-tuned network 0.902" in verdict
    assert "not selected" not in words(text)


@pytest.mark.parametrize(
    ("modality", "said"),
    [("image", "64 × 64 pixels"), ("text", "64 tokens"), ("series", "size 64"), ("unknown", "size 64")],
)
def test_the_size_of_an_input_is_said_as_its_modality_says_it(
    workspace: Path, tmp_path: Path, modality: str, said: str
) -> None:
    manifest = workspace / "release/manifest.json"
    task = {"modality": modality, "problem": "mark", "input_size": 64}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"task": task}))
    with plugged(tmp_path / "installed", "marks"):
        assert f"input {said}" in origin.judged(gather(workspace, workspace / ".graftline", TASK))


def test_curves_of_a_network_that_was_not_selected_are_not_the_release_s(workspace: Path) -> None:
    told = workspace / "selected/selected.json"
    told.write_text(json.dumps(json.loads(told.read_text()) | {"chosen": "head", "head": "logistic"}))
    manifest = workspace / "release/manifest.json"
    task = {"name": "text_classification", "input_size": 128}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"task": task}))
    text = page(workspace, heading=Heading(model="cells", made="now", method="lora"))
    verdict = words(text.partition('id="verdict"')[2].partition("<li")[0])
    assert "Selected: head on frozen features (logistic) · input 128 tokens" in verdict
    training = text.partition('id="training"')[2].partition("</section>")[0]
    assert words(training).index("fine-tuned but not selected") < words(training).index("Loss")
    assert "Of the head that was selected" in training
    assert "CKA" not in training, "features that are frozen do not move: no finding"


def test_on_a_phone_every_cell_says_its_column(workspace: Path) -> None:
    """Cards stand in for columns there; nothing of a table is hidden."""
    text = page(workspace)
    tables = re.findall(r'<table class="cards">(.*?)</table>', text, re.S)
    assert len(tables) == 5  # slices, variants, controls, source, sides
    for table in tables:
        head, _, body = table.partition("</thead>")
        columns = re.findall(r'<th scope="col">(.*?)</th>', head)[1:]
        rows = body.split("<tr>")[1:]
        assert rows
        for row in rows:
            assert re.findall(r'<td data-column="(.*?)">', row) == columns
    style = text.partition("<style>")[2].partition("</style>")[0]
    hidden = re.findall(r"([^{}]*)\{[^{}]*display: none", style)
    assert [rule.strip() for rule in hidden] == [".rules .bar:empty"]


def test_nothing_is_fetched(workspace: Path) -> None:
    text = page(workspace, (Mistake("a", "b", 0.9, "", PICTURE, PICTURE),))
    assert not re.search(r"https?://|//\w|@import|url\(|<script|<link|<iframe", text)
    assert set(re.findall(r'src="([^":]*):', text)) == {"data"}


def test_words_of_the_data_are_escaped(workspace: Path) -> None:
    text = page(workspace, (Mistake("<script>x</script>", '"><img src=x>', 0.9),))
    assert "<script>" not in text
    assert "<img src=x>" not in text
    assert "images/&lt;b&gt;cell.png" in text


def test_a_mistake_of_words_shows_which_spoke_for_it(workspace: Path) -> None:
    """Marked is what weighs 0.05 or more; a page without pictures keeps the words to itself, too."""
    mistake = Mistake("ham", "spam", 0.9, "", words=((" free", 1.0), (" <lunch>", 0.01)))
    text = page(workspace, (mistake,))
    assert '<span style="--weight: 1.00"> free</span><span> &lt;lunch&gt;</span>' in text
    assert "free" not in page(workspace, (mistake,), Heading(model="mails", made="", pictures=False))


def test_an_empty_workspace_says_what_is_missing_and_is_not_releasable(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert "No verdict" in text
    for stage in ("gate", "evaluate", "fine_tune", "version_data"):
        assert f"<code>{stage}</code> writes it" in text


@pytest.mark.parametrize("name", ["verdict.json", "evaluation/metrics.json", "dataset/report.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"rules": 3, "release": "x", "sides": []}'])
def test_damaged_artefacts_never_pass(workspace: Path, name: str, content: str) -> None:
    (workspace / name).write_text(content, encoding="utf-8")
    text = page(workspace)
    if name == "verdict.json":
        assert "No verdict" in text


def test_without_pictures_no_image_is_in_the_page(workspace: Path) -> None:
    heading = Heading(model="cells", made="now", pictures=False)
    text = page(workspace, (Mistake("a", "b", 0.9, "", PICTURE, PICTURE),), heading)
    assert "<img" not in text
    assert 'class="blank"' in text


def test_doubtful_labels_say_how_many_there_are_and_how_many_are_shown(workspace: Path) -> None:
    def said(rows: int, entries: int) -> str:
        shown = [(f"images/{number}.png", "a", "b", "1.4e-27", "0.9990") for number in range(rows)]
        columns = ("label", "likelier", "probability of the label", "probability of the likelier")
        labels = Labels(columns, shown, entries, entries, (1805, 1805), "look odd", "doubtful-labels.csv")
        return words(render(gather(workspace, workspace / ".graftline", TASK), (), HEADING, labels))

    assert "253 of 1805 labelled samples" in said(20, 253)
    assert "Below are the 20 most doubtful of 253, the most doubtful first" in said(20, 253)
    assert "Below are all of them, the most doubtful first" in said(3, 3)
    assert "Below" not in said(0, 0).partition("Labels worth")[2].partition("Lineage")[0]
