"""An example of each problem and of each modality: all that the contract tests know of them by name.

A new problem gets an entry in PROBLEMS, a new modality one in MODALITIES; no contract test changes. Those of
tests/plugins/counts and marks stand here, too: other distributions keep the same contracts. Masks, boxes and spellings
do not: their answers are no rows of numbers; tests/e2e takes them through all stages.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from components.params.backbone import ImageSpec, InputSpec, TextSpec
from components.params.task import TaskParams
from components.problems import target
from components.problems.base import Targets

Draw = np.random.Generator
# Heads and methods that rely on classes, and those that rely on what links outputs to classes or labels.
OF_CLASSES = frozenset(
    {
        "cdan",
        "distillation",
        "entropy",
        "ewc",
        "information_maximisation",
        "mcc",
        "prototypes",
        "prototypical",
        "pseudo_labels",
        "reptile",
        "tent",
        "tradaboost",
    }
)
OF_LOGITS = frozenset({"logistic", "neighbours"})


@dataclass(frozen=True)
class Problem:
    """
    Attributes:
        description: of its targets, as its `Reading.describe` gives it.
        labels: (generator, how many, rows of a sample) → labels, as the manifest has them; no two columns of their
            targets are alike.
        keys: what section `task` must have.
        refuses: names of heads and methods that `check` refuses, whatever else is given to them.
        without: parts of components/problems/operation.py that it does without.
        in_order: three names → their description and what its decision has fitted, where targets have names, which
            come in any order.
    """

    description: Mapping[str, Any]
    labels: Callable[[Draw, int, int], Sequence[str]]
    keys: Mapping[str, Any] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    in_order: Callable[[Sequence[str]], tuple[Mapping[str, Any], Mapping[str, Any]]] | None = None

    def targets(self, count: int, seed: int = 0, rows: int = 16) -> Targets:
        """Of `count` samples with so many rows each."""
        return target(self.description).targets(self.labels(np.random.default_rng(seed), count, rows))


@dataclass(frozen=True)
class Modality:
    """
    Attributes:
        payloads: four samples as files hold them, of different sizes where sizes may differ. The second and third
            differ from the others in what plain models see.
        spec: what a backbone of it wants to see.
        backbone: section `backbone` with one of them.
        keys: what section `task` must have.
        refuses: names of methods that `check` refuses: they need another modality, or another kind of backbone.
    """

    payloads: Sequence[bytes]
    spec: InputSpec
    backbone: Mapping[str, Any]
    keys: Mapping[str, Any] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()


def _classes(draw: Draw, count: int, rows: int) -> Sequence[str]:
    return ["abc"[number % 3] for number in range(count)]


def _several(draw: Draw, count: int, rows: int) -> Sequence[str]:
    has = draw.integers(0, 2, (count, 3))
    return [json.dumps([name for name, one in zip("abc", row, strict=True) if one]) for row in has]


def _numbers(draw: Draw, count: int, rows: int) -> Sequence[str]:
    return [json.dumps(row) for row in (draw.normal(size=(count, 2)) * (2, 5) + (1, -20)).tolist()]


def _counts(draw: Draw, count: int, rows: int) -> Sequence[str]:
    return [str(number) for number in draw.poisson(2, count)]


def _positions(draw: Draw, count: int, rows: int) -> Sequence[str]:
    return [json.dumps(np.flatnonzero(draw.random(rows) < 0.3).tolist()) for _ in range(count)]


# Name → unit, range, mean, scale, margin.
NUMBERS: Mapping[str, tuple[Any, ...]] = {
    "a": ("mm", [0, 9], 1.0, 2.0, 1.0),
    "b": (None, None, -20.0, 5.0, 2.0),
    "c": ("K", [200.0, 400.0], 300.0, 7.0, 3.0),
}


def _numbers_in_order(names: Sequence[str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    held = [(name, *NUMBERS[name]) for name in names]
    described = {
        "problem": "regression",
        "numbers": [{"name": name, "unit": unit, "range": ends} for name, unit, ends, *_ in held],
        "statistics": {"mean": [row[3] for row in held], "scale": [row[4] for row in held]},
    }
    return described, {"margins": [row[5] for row in held]}


def _picture(number: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(number).integers(0, 256, (30 + number, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


PROBLEMS: Mapping[str, Problem] = {
    "classification": Problem(
        {"problem": "classification", "classes": ["a", "b", "c"]},
        _classes,
        in_order=lambda names: (
            {"problem": "classification", "classes": list(names)},
            {"temperature": 2.0},
        ),
    ),
    "multi_label": Problem(
        {"problem": "multi_label", "labels": ["a", "b", "c"]},
        _several,
        keys={"none": ""},
        refuses=OF_CLASSES,
        in_order=lambda names: (
            {"problem": "multi_label", "labels": list(names)},
            {"thresholds": [{"a": 0.3, "b": 0.8, "c": 0.5}[name] for name in names]},
        ),
    ),
    "regression": Problem(
        {
            "problem": "regression",
            "numbers": [{"name": "a"}, {"name": "b"}],
            "statistics": {"mean": [1.0, -20.0], "scale": [2.0, 5.0]},
        },
        _numbers,
        refuses=OF_CLASSES | OF_LOGITS,
        in_order=_numbers_in_order,
    ),
    "count": Problem(
        {"problem": "count", "statistics": {"mean": 2.0}},
        _counts,
        refuses=OF_CLASSES | OF_LOGITS,
        without=frozenset({"explore"}),
    ),
    "mark": Problem(
        {"problem": "mark"},
        _positions,
        keys={"length": 16},
        refuses=OF_CLASSES | OF_LOGITS,
        without=frozenset({"watch", "explore"}),
    ),
}
MODALITIES: Mapping[str, Modality] = {
    "image": Modality(
        [_picture(number) for number in range(4)],
        ImageSpec(32, (127.0,) * 3, (128.0,) * 3),
        {"name": "efficientnet_lite0"},
        refuses=frozenset({"masked_tokens"}),
    ),
    "text": Modality(
        [b"good mail", b"very bad mails", b"bad " * 30, b"good good bad"],
        TextSpec(size=32, vocabulary=10),
        {"name": "minilm_l6"},
        refuses=frozenset({"simclr", "adabn"}),
    ),
    "bytes": Modality(
        [bytes(range(first, first + 16)) for first in (0, 200, 210, 10)],
        InputSpec(16),
        {"name": "byte_network", "uri": "file:../bytes", "sha256": "0" * 64, "licence": "CC0"},
        refuses=frozenset({"masked_tokens", "simclr", "adabn"}),
    ),
    "series": Modality(
        [bytes(range(count)) for count in (1, 17, 33, 90)],
        InputSpec(16),
        {"name": "series_network", "uri": "file:../series", "sha256": "0" * 64, "licence": "CC0"},
        keys={"length": 16, "stride": 8},
        refuses=frozenset({"masked_tokens", "simclr", "adabn"}),
    ),
}


def task(modality: str, problem: str = "classification") -> dict[str, Any]:
    """Section `task`."""
    needed = {**MODALITIES[modality].keys, **PROBLEMS[problem].keys}
    return {"modality": modality, "problem": problem, **needed}


def asked(problem: str, modality: str = "image") -> TaskParams:
    return TaskParams.model_validate(task(modality, problem))
