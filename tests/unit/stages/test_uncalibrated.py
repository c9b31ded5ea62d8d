"""Which of several candidates is taken: never one whose score is not a number."""

import pytest

from components.errors import TrainingError
from components.stages.uncalibrated import best

NAN = float("nan")


@pytest.mark.parametrize(
    ("scores", "losses", "taken"),
    [
        ([0.1, 0.3, 0.2], None, 1),
        ([0.3, 0.3], None, 0),
        ([0.3, 0.3], [2.0, 1.0], 1),
        ([NAN, 0.1], [0.0, 5.0], 1),
        ([0.1, NAN], [5.0, 0.0], 0),
        ([0.3, 0.3], [NAN, 1.0], 1),
    ],
)
def test_the_highest_score_and_then_the_lowest_loss(
    scores: list[float], losses: list[float] | None, taken: int
) -> None:
    assert best("head.metric", "auroc", scores, losses) == taken


def test_where_no_score_is_a_number_there_is_none() -> None:
    with pytest.raises(TrainingError, match=r"head\.metric: auroc is not a number for any of 2 candidates"):
        best("head.metric", "auroc", [NAN, NAN], [1.0, 2.0])
