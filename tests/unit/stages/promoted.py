"""Lines whose releases decide by brightness at a threshold of their own, registered in one store of their own."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from brightness import write_release
from PIL import Image

from components.data.dataset import Dataset
from components.params import Params
from components.registry.desk import Desk, open_desk
from components.registry.ledger import Entry
from components.registry.register import Candidate, Registered, register
from components.registry.runs import start_run
from components.stages import evaluate, version_data
from components.stages.promote import Promotion, promote
from components.stages.refresh import refresh
from components.stages.register import samples
from components.stages.table import Context
from components.tracker import NullTracker

PASS = {"verdict": "pass", "rules": [{"rule": "accuracy at least 0.5", "outcome": "pass"}]}
SIZE = (20, 24)
PICTURES, MORE = 320, 40
SHARES = {"train": 0.3, "validation": 0.1, "calibration": 0.1, "test": 0.5}


def write_levels(folder: Path, count: int) -> None:
    """Noise around grey levels from 20 to 235; from 128 on a picture is `light`."""
    draw = np.random.default_rng(0)
    for number in range(count):
        level = draw.uniform(20, 235)
        name = "light" if level >= 128 else "dark"
        grey = draw.normal(level, 20, SIZE).clip(0, 255).astype(np.uint8)
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack([grey] * 3, axis=2)).save(folder / name / f"{number}.png")


def line_params(pictures: Path, salt: str = "a", **promotion: object) -> Params:
    return Params.model_validate(
        {
            "seed": 3,
            "data": {
                "source": f"file:{pictures}",
                "licence": "none",
                "split": {**SHARES, "salt": salt},
                "limits": {"min_per_class": 1},
            },
            "task": {"positive": "light"},
            "export": {"parity": {"samples": 20}},
            "gate": {
                "rules": [{"metric": "accuracy", "at_least": 0.5}],
                "better_than_controls": {"metric": "accuracy", "margin": 0.0},
            },
            "promotion": promotion,
            "runtime": {"threads": 1},
            "tracking": {"model": "cells"},
        }
    )


def write_dataset(root: Path, count: int, salt: str = "a") -> None:
    write_levels(root / "pictures", count)
    params, context = (
        line_params(root / "pictures", salt),
        Context(NullTracker(), root / "cache", 1, ("cpu",)),
    )
    refresh(params, root, context.cache)
    (root / "dataset").mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, context)


@dataclass(frozen=True)
class Line:
    """A workspace; `release` puts a release there, evaluated, and `registered` makes a version of it."""

    root: Path
    params: Params

    @property
    def desk(self) -> Desk:
        return open_desk(self.root, self.params.tracking)

    @property
    def entries(self) -> list[Entry]:
        return self.desk.ledger.entries()

    @property
    def kinds(self) -> list[str]:
        return [entry.note.kind for entry in self.entries]

    @property
    def champion(self) -> str | None:
        return self.desk.alias("champion")

    def given(self, **promotion: object) -> "Line":
        changed = {**self.params.promotion.model_dump(), **promotion}
        values = {**self.params.model_dump(mode="json", exclude_unset=True), "promotion": changed}
        return replace(self, params=Params.model_validate(values))

    def take(self, dataset: Path) -> None:
        """Work on other data."""
        shutil.rmtree(self.root / "dataset", ignore_errors=True)
        shutil.copytree(dataset, self.root / "dataset")

    def release(self, boundary: float = 128, **facts: object) -> None:
        """One that says `light` from a mean brightness of `boundary` on: 2 · 0.05 · (boundary - 120) = logit."""
        for name in ("release", "controls", "evaluation"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        threshold = 1 / (1 + np.exp(-0.1 * (boundary - 120)))
        names = ("model.onnx", "model.int8.onnx", "model.fp16.onnx")
        lineage = {"dataset_sha256": Dataset.open(self.root / "dataset").digest}
        about: dict[str, Any] = {"threshold": float(threshold), "lineage": lineage, **facts}
        write_release(self.root, dict.fromkeys(names, 0.05), **about)
        inputs = {name: self.root / name for name in ("dataset", "release", "controls", "source")}
        (self.root / "evaluation").mkdir()
        context = Context(NullTracker(), self.root / "cache", 1, ("cpu",))
        evaluate.run(inputs, {"evaluation": self.root / "evaluation"}, self.params, context)

    def registered(self, boundary: float = 128, dirty: str = "false", **facts: object) -> Registered:
        self.release(boundary, **facts)
        tags = {"graftline.git_dirty": dirty} if dirty else {}
        listed = samples(Dataset.open(self.root / "dataset"))
        made = Candidate(self.root / "release", PASS, PASS, tags, {}, ["CPUExecutionProvider"], None, listed)
        return register(self.root, self.params.tracking, made, start_run(self.root, self.params, "flow"))

    def promoted(self, boundary: float = 128, **facts: object) -> Promotion:
        """Release, register, promote."""
        self.registered(boundary, **facts)
        return promote(self.root, self.params)

    def stored(self, number: str) -> Path:
        """Where the registry keeps the version's files."""
        uri = self.desk.connection.client.get_model_version_download_uri("cells", number)
        return Path(uri.removeprefix("file://"))


RACER = """
import sys, time
from pathlib import Path
from components.errors import GraftlineError
from components.params import Params
from components.stages import promote
root, meet = Path(sys.argv[1]), Path(sys.argv[2])
carry_out = promote._carry_out
def together(*words):
    (meet / root.name).touch()
    while len(list(meet.iterdir())) < 2:
        time.sleep(0.01)
    return carry_out(*words)
promote._carry_out = together
try:
    print(promote.promote(root, Params.model_validate_json(sys.stdin.read())).outcome)
except GraftlineError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def race(lines: Sequence[Line], meet: Path) -> tuple[list[int], list[str]]:
    """Exit codes and words of promoters that have all compared before one of them writes anything."""
    meet.mkdir()
    words = [sys.executable, "-c", RACER]
    both = [
        subprocess.Popen(
            [*words, str(one.root), str(meet)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for one in lines
    ]
    for process, one in zip(both, lines, strict=True):
        assert process.stdin is not None
        process.stdin.write(one.params.model_dump_json())
        process.stdin.close()
    codes = [process.wait(timeout=120) for process in both]
    said = [process.stdout.read() for process in both if process.stdout]
    for process in both:
        assert process.stdout is not None
        process.stdout.close()
    return codes, said
