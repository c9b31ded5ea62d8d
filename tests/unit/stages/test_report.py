"""report: the worst mistakes, from predictions written by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from texts import WORDS, write_tokenizer

from components.errors import StorageError
from components.modalities.text.decode import Modality
from components.params.backbone import TextSpec
from components.params.task import TaskParams
from components.problems import judge
from components.problems.operation import show
from components.stages.predicted import predicted
from components.stages.report import _show

TASK, TARGET = TaskParams(), {"problem": "classification", "classes": ["good", "bad"]}


def written(folder: Path) -> Path:
    columns = {
        "id": ["a", "b", "c", "d"],
        "target": [0, 1, 1, 0],
        "fp32.decision": [1, 1, 0, 1],
        "fp32.p.good": [0.3, 0.1, 0.95, 0.2],
        "fp32.p.bad": [0.7, 0.9, 0.05, 0.8],
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    return folder / "predictions.parquet"


def test_the_surest_mistakes_come_first(tmp_path: Path) -> None:
    kept = predicted(written(tmp_path), "fp32", judge(TASK, TARGET))
    found = show(TASK, TARGET).worst(kept.outcome, 12)
    assert [(kept.ids[w.row], w.actual, w.predicted, w.confidence, w.output) for w in found] == [
        ("c", "bad", "good", 0.95, 0),
        ("d", "good", "bad", 0.8, 1),
        ("a", "good", "bad", 0.7, 1),
    ]
    assert [kept.ids[w.row] for w in show(TASK, TARGET).worst(kept.outcome, 1)] == ["c"]


def test_a_text_is_shown_as_its_words_without_marks_and_padding(tmp_path: Path) -> None:
    spec = TextSpec(size=16, vocabulary=len(WORDS))
    modality = Modality(TaskParams(modality="text"), spec, None, write_tokenizer(tmp_path))
    sample = modality.decode(b"bad mails")
    evidence = np.linspace(0, 1, len(sample), dtype=np.float32)
    shown = _show(modality, sample, evidence)
    assert [word for word, _ in shown.words] == [" bad", " mail", "s"]
    assert [weight for _, weight in shown.words] == pytest.approx(evidence[1:4])
    assert not shown.picture


def test_predictions_of_another_shape_are_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"predictions\.parquet"):
        predicted(written(tmp_path), "int8", judge(TASK, TARGET))
