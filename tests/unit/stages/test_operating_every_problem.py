"""Versions of regression, of several labels and of a foreign problem in operation: registered, scored, monitored,
promoted, rolled back.

`count` is of tests/plugins/counts. The releases are tiny, real networks that look at brightness alone; a second
candidate of each is better than the first.
"""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from brightness import ABOUT, brightness_graph, saying
from PIL import Image
from plugged import plugged
from promoted import SHARES, SIZE, Line

from components.data.dataset import Dataset
from components.errors import DataError
from components.inference.bundle import open_bundle
from components.inference.inputs import Folder
from components.inference.plan import Model, Output, make_plan
from components.inference.scoring import Scorer
from components.monitoring.observed import from_parquet
from components.params import Params
from components.params.watching import read_look
from components.problems import decision, judge
from components.registry.reference import Shelf
from components.stages import evaluate, version_data
from components.stages.monitor import Found, monitor
from components.stages.reference import make_reference
from components.stages.refresh import refresh
from components.stages.table import Context
from components.storage.publish import sha256_bytes, write_bytes, write_json
from components.tracker import NullTracker

COUNT = 320


@dataclass(frozen=True)
class Case:
    """A problem, a label of a grey level, and what a network makes of the mean: weight · mean + bias.

    Attributes:
        moved: how far its decisions lie off, in grey levels: 0 is as good as it gets.
    """

    problem: str
    metric: str
    fitted: Mapping[str, Any]
    last: str

    def label(self, level: float) -> str:
        if self.problem == "regression":
            return repr(round(level / 2.55, 3))
        if self.problem == "count":
            return str(1 + round(level / 4))
        return "|".join(name for name, has in (("light", level >= 128), ("dark", level < 100)) if has)

    def line(self, moved: float) -> tuple[Sequence[float], Sequence[float]]:
        if self.problem == "regression":
            middle = moved / 2.55
            return [1 / 2.55] * 3, [middle, middle - 4, middle + 4]
        if self.problem == "count":
            return [0.25], [1 + moved / 4]  # rates
        return [-0.2, 0.2], [0.2 * (100 - moved), -0.2 * (128 - moved)]  # labels in their order: dark, light


CASES = {
    "regression": Case("regression", "mae", {"margins": [4.0]}, ""),
    "multi_label": Case("multi_label", "macro_f1", {"thresholds": [0.5, 0.5]}, "Sigmoid"),
    "count": Case("count", "mae", {"factor": 1.0}, ""),
}


def write_pictures(folder: Path, case: Case, count: int, seed: int = 0) -> dict[str, str]:
    """Noise around grey levels from 20 to 235, and labels.csv; name → label."""
    draw, labels = np.random.default_rng(seed), {}
    folder.mkdir(parents=True)
    for number in range(count):
        level = draw.uniform(20, 235)
        grey = draw.normal(level, 20, SIZE).clip(0, 255).astype(np.uint8)
        Image.fromarray(np.stack([grey] * 3, axis=2)).save(folder / f"{number:03}.png")
        labels[f"{number:03}.png"] = case.label(level)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *labels.items()])
    return labels


def params_of(source: Path, case: Case) -> Params:
    task: dict[str, object] = {"problem": case.problem}
    if case.problem == "multi_label":
        task["none"] = ""
    bound = {"at_least": 0.3} if case.problem == "multi_label" else {"at_most": 30}
    return Params.model_validate(
        {
            "seed": 3,
            "data": {
                "source": f"file:{source}",
                "licence": "none",
                "layout": "labels",
                "labels": {"file": "labels.csv"},
                "split": {**SHARES, "salt": "a"},
                "near_duplicates": "off",
            },
            "task": task,
            "head": {"method": "linear"},
            "export": {"parity": {"samples": 20}},
            "gate": {
                "rules": [{"metric": case.metric, **bound}],
                "better_than_controls": {"metric": case.metric},
            },
            "promotion": {"metric": case.metric},
            "monitoring": {"rate": 0.01, "least": 30, "permutations": 999, "samples": 60},
            "runtime": {"threads": 1},
            "tracking": {"model": "cells"},
        }
    )


@dataclass(frozen=True)
class Operated(Line):
    """A line of one of the cases."""

    case: Case

    def release(self, boundary: float = 0, **facts: object) -> None:
        """One whose decisions lie `boundary` grey levels off."""
        for name in ("release", "controls", "evaluation"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        dataset, (weight, bias) = Dataset.open(self.root / "dataset"), self.case.line(boundary)
        target, task = dict(dataset.description), self.params.task
        decides = decision(task, target, self.case.fitted)
        about = {
            **ABOUT,
            "format": 2,
            "task": task.model_dump(mode="json"),
            "output": {"name": decides.output, "type": "float32", "shape": ["batch", len(decides.columns)]},
            "columns": list(decides.columns),
            "target": target,
            "decision": dict(self.case.fitted),
            "released": "fp32",
            "lineage": {"dataset_sha256": dataset.digest},
        }
        graph = brightness_graph(weight, bias, decides.output, self.case.last)
        names = ("model.onnx", "model.int8.onnx", "model.fp16.onnx")
        for name in names:
            write_bytes(self.root / "release" / name, saying(graph, about))
        parity = {"samples": 9, "max_difference": 0.0, "changed_decisions": 0}
        write_json(self.root / "release" / "parity.json", dict.fromkeys(("fp32", "int8", "fp16"), parity))
        files = {
            path.name: {"sha256": sha256_bytes(path.read_bytes()), "size": path.stat().st_size}
            for path in (self.root / "release").iterdir()
        }
        write_json(self.root / "release" / "manifest.json", {**about, "files": files})
        self._controls(dataset, decides.output)
        inputs = {name: self.root / name for name in ("dataset", "release", "controls", "source")}
        (self.root / "evaluation").mkdir()
        context = Context(NullTracker(), self.root / "cache", 1, ("cpu",))
        evaluate.run(inputs, {"evaluation": self.root / "evaluation"}, self.params, context)

    def _controls(self, dataset: Dataset, output: str) -> None:
        """Constants, and a network that says the same of everything."""
        constants = judge(self.params.task, dataset.description).constants(dataset.targets("train"))
        write_json(self.root / "controls" / "controls.json", {"constants": dict(constants)})
        still = brightness_graph(
            [0.0] * len(self.case.line(0)[0]), self.case.line(0)[1], output, self.case.last
        )
        write_bytes(self.root / "controls" / "scratch.onnx", still)

    def score(self, place: str, output: Path) -> None:
        digest = self.desk.connection.client.get_model_version("cells", "1").tags["graftline.release_sha256"]
        model, inputs = Model("cells", "1", digest, "fp32"), Folder(self.root / place)
        made = Output(output, make_plan(model, 40, inputs, True))
        scorer = Scorer(open_bundle(self.root / "release"), model, ["cpu"], 1, True)
        scorer.score(inputs, made, range(len(made.plan.parts)), lambda count: None)
        made.finish()

    def look(self, **asked: object) -> Found:
        return monitor(self.root, self.params, read_look(asked))


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with plugged(tmp_path_factory.mktemp("installed") / "counts", "counts"):
        yield


@pytest.fixture(params=list(CASES))
def line(
    request: pytest.FixtureRequest, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Operated:
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "key.pem"))
    case, root = CASES[request.param], tmp_path / "line"
    (root / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, root / ".graftline" / "mlflow" / "mlflow.db")
    write_pictures(tmp_path / "pictures", case, COUNT)
    params, context = (
        params_of(tmp_path / "pictures", case),
        Context(NullTracker(), root / "cache", 1, ("cpu",)),
    )
    refresh(params, root, context.cache)
    (root / "dataset").mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, context)
    return Operated(root, params, case)


def test_a_version_is_watched_replaced_by_a_better_one_and_brought_back(
    line: Operated, tmp_path: Path
) -> None:
    root, case = line.root, line.case
    first = line.promoted(boundary=20)
    assert (first.outcome, line.champion) == ("promote", "1"), first.ruling

    made = make_reference(root, line.params, "1")
    assert not make_reference(root, line.params, "1").created
    reference = from_parquet(Shelf(root, line.params.tracking).reference(made.watched), "it")
    dataset = Dataset.open(root / "dataset")
    assert set(reference.ids) == {*dataset.ids("validation"), *dataset.ids("calibration")}
    assert len(reference.labelled) == len(reference)
    assert list(reference.columns) == list(open_bundle(root / "release").decision.columns)

    known = write_pictures(root / "same", case, 90, seed=1)
    (root / "same" / "labels.csv").unlink()
    (root / "dark").mkdir()
    for file in (root / "same").glob("*.png"):
        darker = np.asarray(Image.open(file)) // 4
        Image.fromarray(darker).save(root / "dark" / file.name)
    line.score("same", tmp_path / "scored")
    rows = pq.read_table(tmp_path / "scored" / "part-000000.parquet").to_pydict()
    assert set(reference.columns) <= set(rows)

    same = line.look(scored=str(tmp_path / "scored"), input="same")
    assert not same.alarm, same.tests
    direct = line.look(input="dark")
    decided = {"regression": "prediction", "multi_label": "labels", "count": "rate"}[case.problem]
    assert {test.name for test in direct.tests if test.alarm} >= {"embeddings", "brightness", decided}
    _metrics_are_the_problem_s(line, tmp_path, known)

    worse = line.promoted(boundary=35)
    assert (worse.outcome, line.champion) == ("keep", "1"), worse.ruling
    better = line.promoted(boundary=0)
    assert (better.outcome, line.champion) == ("promote", "3"), better.ruling
    assert better.ruling.reasons[0].startswith(f"it is superior: {case.metric}")
    with line.desk.locked():
        line.desk.rollback(None, "a person", "")
    assert line.champion == "1"
    assert line.look(input="dark").facts["version"] == "1"


def _metrics_are_the_problem_s(line: Operated, tmp_path: Path, known: Mapping[str, str]) -> None:
    """Labels of some samples have come, one of none of the labels among them."""
    case, table = line.case, tmp_path / "known.csv"
    given = {name: label or "none" for name, label in list(known.items())[:80]}
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *given.items()])
    found = line.look(scored=str(tmp_path / "scored"), input="same", labels=str(table))
    facts = json.loads((found.folder / "window.json").read_bytes())
    estimated = facts["metrics"].get("estimated without labels")
    if case.problem == "multi_label":
        assert set(estimated) == {"accuracy of dark", "accuracy of light"}
        assert facts["metrics"]["measured"]["hamming_loss"]["estimate"] > 0.05
        assert set(facts["shares"]) == {"dark", "light"}
    else:
        said, off = {"regression": ("regression", 20 / 2.55), "count": ("counts", 20 / 4)}[case.problem]
        assert estimated is None
        assert f"not defined for {said}" in facts["not_estimated"]
        assert f"not defined for {said}" in found.page.read_text()
        assert facts["metrics"]["measured"]["mae"]["estimate"] == pytest.approx(off, abs=1)
        assert facts["shares"] == {}
    assert facts["metrics"]["measured"][case.metric]["n"] == 80
    measured = facts["metrics"]["measured"][case.metric]
    assert measured["low"] <= measured["estimate"] <= measured["high"]
    assert (found.folder / "label.csv").read_text().startswith("rank,id,label,decision")
    table.write_text("id,label\n000.png,lihgt\n")
    with pytest.raises(DataError, match=r"000\.png has the label 'lihgt'\. Allowed"):
        line.look(input="same", labels=str(table))
