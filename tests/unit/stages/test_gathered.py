"""A sample is decided alike wherever it is looked at: answers keep the type that evaluation takes them in."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from components.inference.observing import Row
from components.inference.plan import Model
from components.inference.results import Scored
from components.monitoring.observed import from_parquet, to_parquet
from components.params.task import TaskParams
from components.problems import decision
from components.stages.reference import gathered

CLASSES = {"problem": "classification", "classes": ["no", "yes"]}
TASK = TaskParams(problem="classification")
DECIDES = decision(TASK, CLASSES, {"positive": "yes", "threshold": 0.5})
# As the mean of several rows can be: rounded to float32, it reaches the threshold.
MERGED = np.array([0.5 + 1e-9, 0.5 - 1e-9])


def test_an_answer_that_rounding_would_flip_is_decided_as_evaluation_does() -> None:
    assert DECIDES(MERGED[None]).tolist() == [0]
    assert DECIDES(MERGED[None].astype(np.float32)).tolist() == [1]
    bundle = SimpleNamespace(task=TASK, description=CLASSES, decision=DECIDES)
    row = Row("a", "d" * 64, "", MERGED, np.zeros(3, np.float32), {})
    observed = gathered(bundle, [row], {}, {})  # type: ignore[arg-type]
    assert observed.decided == ["no"]
    kept = from_parquet(to_parquet(observed), "the reference")
    assert DECIDES(kept.answers).tolist() == [0]
    table = pa.table({name: MERGED[place : place + 1] for place, name in enumerate(DECIDES.columns)})
    scored = Scored(Path(), [], Model("m", "1", "d" * 64, "fp32"), ["a"], ["d"], [None], table, False)
    assert DECIDES(scored.answers(DECIDES.columns)).tolist() == [0]


def test_answers_of_one_row_stay_as_the_release_gives_them() -> None:
    bundle = SimpleNamespace(task=TASK, description=CLASSES, decision=DECIDES)
    row = Row("a", "d" * 64, "", MERGED.astype(np.float32), np.zeros(3, np.float32), {})
    observed = gathered(bundle, [row], {}, {})  # type: ignore[arg-type]
    assert from_parquet(to_parquet(observed), "the reference").answers.dtype == np.float32
