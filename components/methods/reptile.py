"""Reptile: a start from which a few steps suffice, on any of several tasks.

Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms, 2018, algorithm 1: for one task after another, with
U(θ) the weights after `inner_steps` = k steps on batches of that task alone,

    θ ← θ + ε (U(θ) - θ)                        ε: `outer_share`

A task is a value of `pretrain.tasks`; all have the same classes, so they share the head, which is thrown away. As the
paper's code does, the optimiser keeps its moments from task to task; unlike it, its first moment is not switched off.
Running means of norms follow each batch. An epoch is a whole number of runs, and shows about as many samples as there
are; what is judged is the network before any step on a task.
"""

from collections.abc import Iterator

import numpy as np
from torch import nn

from components.errors import DataError
from components.methods.base import Slow
from components.methods.pretraining import Given, Known, Names, Posed, Pretraining, seeded, tasks_of
from components.methods.samples import Asked, Indices, Samples


class Reptile(Pretraining):
    """Answers 'what is learned beforehand?': what is near to the solution of every task."""

    sees = "labelled"

    def check(self, known: Known) -> None:
        if len(found := tasks_of(known.tasks[0])) < 2:
            raise DataError(
                f"pretrain.method 'reptile' needs two tasks or more; all training samples are of {str(found[0])!r}.",
                "Set pretrain.tasks to a column that has several values among them.",
            )

    def pose(self, given: Given) -> Posed:
        steps, known = self._params.inner_steps, given.known
        head = seeded(given.seed, lambda: nn.Linear(given.width, known.classes))
        slow = Slow(steps, self._params.outer_share)
        return Posed(Runs(given.train, known.tasks[0], steps), given.validation, head, slow=slow)


class Runs(Asked):
    """So many batches in a row of one task, then as many of another."""

    def __init__(self, samples: Samples, tasks: Names, steps: int) -> None:
        super().__init__(samples)
        self._members = [np.flatnonzero(tasks == task) for task in tasks_of(tasks)]
        self._steps = steps

    def shuffled(self, seed: int, epoch: int, size: int) -> list[Indices]:
        source = np.random.default_rng([seed, epoch, 6])
        runs = max(len(self.targets) // (self._steps * size), len(self._members))
        order = np.concatenate([source.permutation(len(self._members)) for _ in range(runs)])[:runs]
        return [chunk for task in order for chunk in self._run(source, self._members[task], size)]

    def _run(self, source: np.random.Generator, members: Indices, size: int) -> Iterator[Indices]:
        """Batches of one task, each without a repetition."""
        for _ in range(self._steps):
            yield source.permutation(members)[:size]
