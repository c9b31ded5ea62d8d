"""Answers of samples as evaluation takes them, the release's and those of what it is compared with."""

import numpy as np
import pytest

from components.inference.assembly import Assembly, stacked
from components.modalities import load_modality
from components.params.task import TaskParams
from components.problems import decision
from components.problems.windows import Window

DESCRIPTION = {
    "problem": "regression",
    "numbers": [{"name": "y"}],
    "statistics": {"mean": [0.0], "scale": [1.0]},
}
# Of a release with prediction intervals, and of one that had too few calibration samples for them.
FITTED = {"intervals": ({"margins": [2.0]}, 3), "none": ({"margins": None}, 1)}


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("fitted", FITTED)
def test_a_control_may_answer_with_or_without_intervals_whatever_the_release_does(
    fitted: str, loss: str
) -> None:
    """A network from random weights answers with predictions alone, a constant with an interval."""
    task = TaskParams.model_validate({"problem": "regression", "loss": loss})
    said, columns = FITTED[fitted]
    assembly = Assembly(load_modality(task), decision(task, DESCRIPTION, said))
    assert len(assembly.decision.columns) == columns
    for width in (1, 3):
        rows = [np.arange(width) + number for number in range(4)]
        np.testing.assert_array_equal(assembly.together(rows), np.stack(rows))
    assert assembly.together([]).shape == (0, columns)


def test_rows_of_one_shape_are_stacked_and_known_by_their_sample() -> None:
    sizes = [[3], [2, 3, 2], [], [3, 2]]
    samples = [
        [Window(np.full(size, 10 * place + number)) for number, size in enumerate(cut)]
        for place, cut in enumerate(sizes)
    ]
    found = [(list(keys), stack.shape, stack[:, 0].tolist()) for keys, stack in stacked(samples, 2)]
    assert found == [
        ([(1, 0), (1, 2)], (2, 2), [10, 12]),
        ([(3, 1)], (1, 2), [31]),
        ([(0, 0), (1, 1)], (2, 3), [0, 11]),
        ([(3, 0)], (1, 3), [30]),
    ]
