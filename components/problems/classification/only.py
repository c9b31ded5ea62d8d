"""For commands that make sense with classes only."""

from components.errors import ParamsError
from components.problems.base import Description


def class_names(description: Description, what: str) -> tuple[str, ...]:
    """The classes. ParamsError, which names `what` was asked for, where the problem is another one."""
    if description["problem"] != "classification":
        raise ParamsError(
            f"{what} looks at classes, which the problem {description['problem']!r} does not have.",
            "It is defined for task.problem: classification.",
        )
    return tuple(description["classes"])
