"""What finds the best epoch, on numbers that are added up by hand."""

from pathlib import Path

import numpy as np
import pytest
import tiny
from training_workspace import of_classes

from components.errors import DataError
from components.params import load_params
from components.stages.best_epoch import by_labels
from components.stages.line import Line
from components.stages.table import Context
from components.tracker import NullTracker


def line(best_by: str) -> Line:
    params = load_params(Path("params.yaml"))
    params = params.model_copy(
        update={
            "tune": params.tune.model_copy(update={"best_by": best_by}),
            "task": params.task.model_copy(update={"positive": "good"}),
        }
    )
    return Line({}, params, Context(NullTracker(), Path("none"), 1, ("cpu",)), of_classes("bad", "good"))


def of(targets: list[int]) -> tiny.Views:
    rows = np.zeros((len(targets), 4, 6, 6), dtype=np.float16)
    return tiny.Views(rows, np.array(targets, dtype=np.int64), 1, 0)


def test_the_loss_needs_nothing_beside_it() -> None:
    assert by_labels(of([0, 1]), line("loss")) is None


def test_balanced_accuracy_is_the_mean_of_the_recalls() -> None:
    criterion = by_labels(of([0, 0, 0, 0, 1, 1]), line("balanced_accuracy"))
    assert criterion is not None
    assert criterion.name == "balanced_accuracy"
    # Three of four, and one of two.
    good = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.4])
    assert criterion.measure(np.log(np.stack([1 - good, good], axis=1))) == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_a_metric_without_all_classes_is_refused() -> None:
    criterion = by_labels(of([0, 0]), line("auroc"))
    assert criterion is not None
    with pytest.raises(DataError, match="auroc is undefined on the 2 validation samples"):
        criterion.measure(np.full((2, 2), 0.5))


def test_a_network_that_diverged_is_for_the_loop_to_refuse() -> None:
    criterion = by_labels(of([0, 1]), line("f1"))
    assert criterion is not None
    assert np.isnan(criterion.measure(np.full((2, 2), np.nan)))
