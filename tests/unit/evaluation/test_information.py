"""How good answers look without labels, by hand."""

import numpy as np
import pytest

from components.evaluation.unlabelled import information_maximisation


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([[1, 0], [0, 1]], np.log(2)),  # sure and varied
        ([[1, 0], [1, 0]], 0),  # sure, all the same
        ([[0.5, 0.5], [0.5, 0.5]], 0),  # varied, never sure
        ([[0.9, 0.1], [0.1, 0.9]], np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)),
        ([[1, 0, 0], [1, 0, 0], [0, 1, 0]], np.log(3) - 2 / 3 * np.log(2)),
    ],
)
def test_it_is_the_entropy_of_the_mean_less_the_mean_entropy(
    answers: list[list[float]], expected: float
) -> None:
    assert information_maximisation(np.array(answers)) == pytest.approx(expected, abs=1e-12)
