"""Windows of numbers, without any network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.monitoring.judged import Problem
from components.monitoring.observed import Observed
from components.params.task import TaskParams
from components.problems import decision
from components.problems.operation import Watch

CLASSES = {"problem": "classification", "classes": ["no", "yes"]}


def problem_of(
    description: Mapping[str, Any], fitted: Mapping[str, Any] | None = None, **task: object
) -> Problem:
    """As a release of it would have it."""
    given = TaskParams.model_validate({"problem": description["problem"], **task})
    return Problem.of(given, description, decision(given, description, fitted))


def watch_of(**fitted: object) -> Watch:
    """Of `no` and `yes`."""
    return problem_of(CLASSES, fitted).watch


def window_of(
    embeddings: npt.NDArray[np.floating],
    sure: npt.NDArray[np.floating] | None = None,
    statistics: Mapping[str, npt.NDArray[np.float64]] | None = None,
    **about: object,
) -> Observed:
    """`sure` (N,) is the probability of the second of two classes, decided from 0.5 on."""
    count = len(embeddings)
    positive = np.full(count, 0.75) if sure is None else np.asarray(sure)
    answers = np.stack([1 - positive, positive], axis=1).astype(np.float32)
    return answered(problem_of(CLASSES), answers, embeddings, statistics, **about)


def answered(
    problem: Problem,
    answers: npt.NDArray[np.float32],
    embeddings: npt.NDArray[np.floating] | None = None,
    statistics: Mapping[str, npt.NDArray[np.float64]] | None = None,
    **about: object,
) -> Observed:
    """What a release of `problem` gave these answers (N, columns) for."""
    count = len(answers)
    return Observed(
        [f"s{number}" for number in range(count)],
        [f"{number:064}" for number in range(count)],
        problem.decision.columns,
        np.asarray(answers, dtype=np.float32),
        problem.watch.words(answers),
        np.empty((0, 0), np.float32) if embeddings is None else np.asarray(embeddings, dtype=np.float32),
        statistics or {},
        [""] * count,
        about,
    )
