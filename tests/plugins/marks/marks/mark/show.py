"""Mistakes of marks."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluation.intervals import Interval
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description
from components.problems.operation import Wrong
from marks.mark.judge import Outcome


class Show:
    """See components.problems.operation.Show for what each member promises."""

    parts_of = ""

    def __init__(self, task: TaskParams, description: Description) -> None:
        pass

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those with the most positions that were missed or made up."""
        off = outcome.marks - 2 * outcome.hits
        rows = [int(row) for row in np.argsort(-off, kind="stable")[:most] if off[row] > 0]
        said = [
            [" ".join(map(str, of[row])) or "none" for of in (outcome.targets, outcome.decided)]
            for row in rows
        ]
        return [Wrong(row, *words, None, 0) for row, words in zip(rows, said, strict=True)]

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        return {}
