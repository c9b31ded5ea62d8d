"""The problem `classification` with classes that are called 0, 1, …, for tests that need one."""

from components.params.task import TaskParams
from components.problems import judge, network
from components.problems.base import Description, Judge, Network


def described(count: int = 2) -> Description:
    return {"problem": "classification", "classes": [str(number) for number in range(count)]}


def classes(count: int = 2) -> Network:
    """What is trained: a linear head of `count` logits and cross-entropy."""
    return network(TaskParams(), described(count))


def judged(count: int = 2) -> Judge:
    """How decisions are judged; of two classes, the second is the positive one."""
    return judge(TaskParams(), described(count))
