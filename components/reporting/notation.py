"""How metrics and numbers are written for people: the same on every page, on the card and in every log."""

from collections.abc import Iterable, Mapping

from components.params import plugins


def number(value: object) -> float | None:
    """A finite number, read from text too; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


def figure(value: object, form: str = ".3f") -> str:
    """`0.876 (0.850 to 0.900)`: a number, or an object with `estimate`, `low` and `high`.

    Without an interval it is the estimate alone, and without an estimate nothing.
    """
    facts = value if isinstance(value, Mapping) else {"estimate": value}
    estimate = number(facts.get("estimate"))
    if estimate is None:
        return ""
    interval = ends(facts, form)
    return f"{estimate:{form}} ({interval})" if interval else f"{estimate:{form}}"


def explained(facts: Mapping[str, object]) -> str:
    """The same; without an interval it says why: `0.876 (no interval: 9 groups are too few)`."""
    said, reason = figure(facts), str(facts.get("reason") or "")
    if ends(facts) or not reason:
        return said
    return f"{said} (no interval: {reason})" if said else reason


def ends(facts: Mapping[str, object], form: str = ".3f") -> str:
    """`0.850 to 0.900`: the interval alone; nothing where one of its ends is unknown."""
    low, high = number(facts.get("low")), number(facts.get("high"))
    return "" if low is None or high is None else f"{low:{form}} to {high:{form}}"


def title(name: str, titles: Mapping[str, str]) -> str:
    """A metric's name for people: of one that is not among `titles`, its own in words.

    What follows ` of ` is the name of a class, a label or a number, and stays as it is.
    """
    metric, of, part = name.partition(" of ")
    words = metric.replace("_", " ")
    return (titles.get(metric) or words[:1].upper() + words[1:]) + of + part


def inside(name: str) -> str:
    """A title within a sentence: `balanced accuracy`, but `F1` and `AUROC`."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def rule_words(rule: str, problem: str, titles: Mapping[str, str]) -> str:
    """A rule of the gate with titles for its metrics; what it says of slices, groups and models stays as it is."""
    for name in _metrics(problem, titles):
        said = inside(title(name, titles))
        for before in ("", "difference of "):
            if rule.startswith(f"{before}{name} "):
                return before + said + rule[len(before + name) :]
        for side in ("above", "below"):  # the rule on overfitting names its metric twice
            gap = f"training {name} {side} validation {name} "
            if rule.startswith(gap):
                return f"training {said} {side} validation {said} {rule[len(gap) :]}"
    return rule


def _metrics(problem: str, titles: Mapping[str, str]) -> Iterable[str]:
    stated = (plugins.fact("problems", problem, key) for key in ("METRICS", "PARTS"))
    return dict.fromkeys((*titles, *(name for names in stated for name in names)))
