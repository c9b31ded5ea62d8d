"""Promotion where the champion has its targets in another order than today's data, or means other ones by them."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from promoted import SIZE
from test_operating_every_problem import Case, Operated, params_of

from components.params import Params
from components.stages import version_data
from components.stages.refresh import refresh
from components.stages.table import Context
from components.tracker import NullTracker

COUNT = 240
# Label → slope, grey level of an even probability, and the threshold: dark up to 100, light from 128 on.
LABELS = {"dark": (-0.2, 89, 0.1), "light": (0.2, 117, 0.9)}
# Number → slope and intercept, and the margin of its interval.
NUMBERS = {"bright": (0.4, 0.0, 4.0), "dim": (-0.2, 50.0, 2.0)}


@dataclass(frozen=True)
class Ordered(Case):
    """Targets in the order of `names`."""

    names: tuple[str, ...] = ()

    def line(self, moved: float) -> tuple[Sequence[float], Sequence[float]]:
        if self.problem == "multi_label":
            slopes = [LABELS[name][0] for name in self.names]
            return slopes, [-LABELS[name][0] * (LABELS[name][1] + moved) for name in self.names]
        slopes = [NUMBERS[name][0] for name in self.names]
        middle = [NUMBERS[name][1] + moved for name in self.names]
        half = [NUMBERS[name][2] for name in self.names]
        low, high = np.subtract(middle, half), np.add(middle, half)
        return slopes * 3, [*middle, *low.tolist(), *high.tolist()]


def labels_in(*names: str) -> Ordered:
    fitted = {"thresholds": [LABELS[name][2] for name in names]}
    return Ordered("multi_label", "macro_f1", fitted, "Sigmoid", names)


def numbers_in(*names: str) -> Ordered:
    fitted = {"margins": [NUMBERS[name][2] for name in names]}
    return Ordered("regression", "mae", fitted, "", names)


@dataclass(frozen=True)
class Work(Operated):
    """A workspace whose params change between two releases."""

    def on(self, case: Ordered, **task: object) -> "Work":
        """The data versioned anew, with the case's order and these keys of section `task`."""
        made = params_of(self.root / "pictures", case)
        values: dict[str, Any] = made.model_dump(mode="json", exclude_unset=True)
        values["task"] |= task
        if case.problem == "multi_label":
            values["task"]["labels"] = list(case.names)
        else:
            values["data"]["labels"]["label"] = list(case.names)
        params = Params.model_validate(values)
        context = Context(NullTracker(), self.root / "cache", 1, ("cpu",))
        refresh(params, self.root, context.cache)
        shutil.rmtree(self.root / "dataset", ignore_errors=True)
        (self.root / "dataset").mkdir()
        inputs = {"data/source.lock": self.root / "data" / "source.lock"}
        version_data.run(inputs, {"dataset": self.root / "dataset"}, params, context)
        return replace(self, params=params, case=case)


def _write_pictures(folder: Path) -> None:
    """Noise around grey levels from 20 to 235; labels.csv has the labels in one column, and each number in its own."""
    draw = np.random.default_rng(0)
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label", *NUMBERS))
        for number in range(COUNT):
            level = draw.uniform(20, 235)
            grey = draw.normal(level, 20, SIZE).clip(0, 255).astype(np.uint8)
            Image.fromarray(np.stack([grey] * 3, axis=2)).save(folder / f"{number:03}.png")
            labels = "|".join(name for name, has in (("light", level >= 128), ("dark", level < 100)) if has)
            rows.writerow((f"{number:03}.png", labels, *_numbers(level)))


def _numbers(level: float) -> list[str]:
    return [repr(round(slope * level + middle, 3)) for slope, middle, _ in NUMBERS.values()]


@pytest.fixture
def work(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "key.pem"))
    root, case = tmp_path / "line", labels_in("dark", "light")
    (root / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, root / ".graftline" / "mlflow" / "mlflow.db")
    _write_pictures(root / "pictures")
    return Work(root, params_of(root / "pictures", case), case)


ORDERS: Mapping[str, tuple[Ordered, Ordered]] = {
    "labels": (labels_in("dark", "light"), labels_in("light", "dark")),
    "numbers": (numbers_in("bright", "dim"), numbers_in("dim", "bright")),
}


@pytest.mark.parametrize(("before", "today"), ORDERS.values(), ids=list(ORDERS))
def test_the_same_model_in_another_order_says_the_same(work: Work, before: Ordered, today: Ordered) -> None:
    assert work.on(before).promoted(boundary=0).outcome == "promote"
    done = work.on(today).promoted(boundary=0)
    assert (done.outcome, done.champion) == ("keep", "1"), done.ruling
    assert done.ruling.reasons == ("it says the same as the champion about every test sample",)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"unit": "mm"}, {"unit": "m"}, "unit of bright: champion 'mm', candidate 'm', test side 'm'"),
        (
            {"range": [-50, 200]},
            {},
            "range of bright: champion [-50.0, 200.0], candidate none, test side none",
        ),
    ],
)
def test_numbers_of_another_unit_or_range_are_not_compared(
    work: Work, before: dict[str, object], after: dict[str, object], said: str
) -> None:
    work.on(numbers_in("bright", "dim"), **before).promoted(boundary=8)
    done = work.on(numbers_in("dim", "bright"), **after).promoted(boundary=0)
    assert (done.outcome, done.champion) == ("refused", "1"), done.ruling
    assert said in done.ruling.reasons[0]
    assert "begin a new model (tracking.model)" in done.ruling.reasons[0]
