"""The same line on texts in a table: README's recipe, from raw text to decision."""

import csv
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
import yaml
from lines import Workspace, clone

from components.data.dataset import Dataset
from components.inference.bundle import open_bundle

REFUSED = 3
SPAM = ["cheap", "pills", "offer", "money", "winner", "casino", "credit", "free", "click", "prize"]
HAM = [
    "meeting",
    "kernel",
    "patch",
    "thesis",
    "garden",
    "bicycle",
    "recipe",
    "library",
    "compiler",
    "lecture",
]
COMMON = ["the", "a", "we", "you", "is", "for", "and", "of", "it", "with"]


def mails(path: Path) -> None:
    """100 texts of 5 to 30 words, half of them with words of each kind."""
    draw, out = random.Random(1), io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["body", "kind"])
    for number in range(100):
        words = draw.choices((SPAM, HAM)[number % 2] + COMMON, k=draw.randint(5, 30))
        writer.writerow([" ".join(words), ("spam", "ham")[number % 2]])
    path.parent.mkdir(parents=True)
    path.write_text(out.getvalue())


def recipe(params: Path) -> None:
    """README's lines for one's own texts, and what makes a test of them short."""
    values = yaml.safe_load((params.parent / "examples" / "spam" / "params.yaml").read_text())
    values["data"] = {
        "source": "file:../mails",
        "licence": "CC0",
        "layout": "manifest",
        "labels": {"file": "mails.csv", "text": "body", "label": "kind"},
        "split": {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2},
        "limits": {"min_per_class": 5},
    }
    values["task"] = {"modality": "text", "problem": "classification", "positive": "spam", "input_size": 32}
    values["augment"] = {"views": 1}
    values["gate"]["rules"] = [{"metric": "accuracy", "at_least": 0.3}]
    values["tracking"] = {"model": "mails"}
    values["export"]["parity"] = {"samples": 40, "batches": [1, 7]}
    values["export"]["calibration_samples"] = 8
    values["tune"] |= {"epochs": 1, "head_epochs": 0, "blocks": 1}
    values["controls"] = {"scratch": {"epochs": 1}}
    params.write_text(yaml.safe_dump(values))


@pytest.fixture
def line(tmp_path: Path) -> Workspace:
    mails(tmp_path / "mails" / "mails.csv")
    line = clone(tmp_path)
    recipe(line.folder / "params.yaml")
    return line


@pytest.mark.faults
def test_the_published_network_tells_the_texts_of_a_table_apart(line: Workspace) -> None:
    """Up to the head on frozen features; these words are so far apart that it needs no more."""
    refreshed = line.run("components", "refresh")
    assert refreshed.returncode == 0, refreshed.stderr
    assert line.stages_run("train_head")[-1] == "train_head"
    found = json.loads((line.folder / "head" / "head.json").read_text())["candidates"]
    assert max(one["score"] for one in found) > 0.9
    assert line.stages_run("train_head") == []


@pytest.mark.faults
def test_texts_go_through_the_line_from_a_table_to_a_decision(line: Workspace) -> None:
    done = line.run("flows.train", "--no-register")
    assert done.returncode in (0, REFUSED), done.stdout + done.stderr
    assert "tfidf" in done.stdout

    bundle, dataset = open_bundle(line.folder / "release"), Dataset.open(line.folder / "dataset")
    assert (bundle.folder / "tokenizer.json").is_file()
    payloads = [
        b"free casino money prize",
        b"kernel patch for the compiler",
        *map(dataset.read, dataset.ids()[:9]),
    ]
    answered = bundle.runner(["cpu"], 2).rows(payloads, bundle.assembly.windows)
    rows = [found[0] for found, _ in answered]
    assert [bundle.decision.names[i] for i in bundle.decision(np.stack(rows[:2]))] == ["spam", "ham"]
    np.testing.assert_allclose(np.stack(rows).sum(axis=1), 1, atol=1e-5)

    page = (line.folder / ".graftline/reports/report.html").read_text()
    assert "tfidf" in page
    assert line.stages_run() == []
