"""What people see of marks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.problems.base import Fitted
from components.problems.operation import Wrong
from components.problems.shown import Chart, Panel, PlainShow, Words, in_words
from marks.mark.judge import Outcome

TITLES = {"position_f1": "F1 of positions", "exact": "Samples without a mistake"}


class Show(PlainShow):
    """See components.problems.operation.Show for what each member promises."""

    titles = TITLES
    targets = "marked positions"
    mistakes = "Samples with the most positions that were missed or made up."

    def fitted(self, fitted: Fitted) -> Sequence[Words]:
        return (("Threshold of a mark", in_words(fitted.get("threshold"))),)

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those with the most positions that were missed or made up."""
        off = outcome.marks - 2 * outcome.hits
        rows = [int(row) for row in np.argsort(-off, kind="stable")[:most] if off[row] > 0]
        said = [
            [" ".join(map(str, of[row])) or "none" for of in (outcome.targets, outcome.decided)]
            for row in rows
        ]
        return [Wrong(row, *words, None, 0) for row, words in zip(rows, said, strict=True)]

    def panels(self, facts: Mapping[str, Any]) -> Sequence[Panel]:
        chart = Chart("Positions", "table", "positions.csv", ("marked", "found"))
        counts = [(name.capitalize(), in_words(facts.get(name))) for name in ("marked", "found")]
        return (Panel((chart,), facts=counts),)
