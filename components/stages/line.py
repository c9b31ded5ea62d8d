"""The line as a stage sees it: its artefacts and the parts of its problem, each opened when first asked for, and once.

Nothing is opened that nobody asks for, so a stage needs no more inputs, sections and parts than its row declares. What
needs the network is in `stages.network.NetworkLine`: stages without one must not depend on the code of networks.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from components import problems
from components.data.dataset import Dataset
from components.params import Params
from components.problems.base import Array, Baseline, Decision, Fitted, Judge, Network, Targets
from components.stages.table import STAGES, Context


class Line:
    """What a stage was given, opened.

    Attributes:
        inputs: artefact → where it lies, as the stage got them; another one is a KeyError.
    """

    def __init__(
        self,
        inputs: Mapping[str, Path],
        params: Params,
        context: Context,
        dataset: Dataset | None = None,
    ) -> None:
        """`dataset` is one that is open already."""
        self.inputs, self.params, self.context = inputs, params, context
        if dataset is not None:
            self.dataset = dataset

    @classmethod
    def of(cls, root: Path, params: Params, context: Context, dataset: Dataset | None = None) -> Self:
        """All artefacts of the workspace `root`."""
        inputs = {name: root / name for row in STAGES for name in row.outputs}
        return cls(inputs, params, context, dataset)

    @cached_property
    def dataset(self) -> Dataset:
        return Dataset.open(self.inputs["dataset"])

    @cached_property
    def problem(self) -> Network:
        """Head, loss and scores."""
        return problems.network(self.params.task, self.dataset.description)

    @cached_property
    def decision(self) -> Decision:
        """Before anything was fitted."""
        return self.fitted(None)

    def fitted(self, fitted: Fitted | None) -> Decision:
        return problems.decision(self.params.task, self.dataset.description, fitted)

    def calibrated(self, outputs: Mapping[str, Array], targets: Mapping[str, Targets]) -> Fitted:
        """What the decision fits to outputs of the validation and calibration splits."""
        task = self.params.task
        fit = problems.decision_type(task).fit
        return fit(task, self.dataset.description, outputs, targets, self.params.select)

    @cached_property
    def judge(self) -> Judge:
        return problems.judge(self.params.task, self.dataset.description)

    @cached_property
    def baseline(self) -> Baseline:
        return problems.baseline(self.params.task, self.dataset.description)
