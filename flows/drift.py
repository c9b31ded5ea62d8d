"""What a look at a window says to people."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from components.reporting.notation import figure
from flows.markdown import row

if TYPE_CHECKING:
    from components.stages.monitor import Found


def headline(found: "Found") -> str:
    """Whether it drifts, and in what, in one sentence."""
    facts = found.facts
    whole = f"window {found.window[:12]} against version {facts['version']} of {facts['model']}"
    if not found.alarm:
        return f"No drift: {whole}, {facts['samples']} samples."
    return f"Drift in {', '.join(test.name for test in found.tests if test.alarm)}: {whole}."


def lines(found: "Found") -> Iterator[str]:
    for test in found.tests:
        mark, moved = "DRIFT" if test.alarm else "same", _medians(test.reference, test.window)
        p = f"adjusted p {test.adjusted:<9.3g} {_threshold(found)}"
        yield f"  {mark:<6} {test.name:<14} {test.by:<12} {p}  {moved}".rstrip()
    for kind, name, value in _metrics(found):
        yield f"  {name}, {kind}: {_figure(value)}"
    if reason := found.facts["not_estimated"]:
        yield f"  {reason}"
    yield f"  page: {found.page}"


def markdown(found: "Found") -> str:
    """For Prefect's artifacts."""
    rows = "".join(
        row(
            "drift" if test.alarm else "same",
            test.name,
            f"{test.by} {test.value:.3g}",
            f"{test.adjusted:.3g}",
            _medians(test.reference, test.window),
        )
        for test in found.tests
    )
    metrics = "\n".join(f"- {name}, {kind}: {_figure(value)}" for kind, name, value in _metrics(found))
    return (
        f"# {headline(found)}\n\n| | what | how | adjusted p ({_threshold(found)}) | |\n|---|---|---|---|---|\n"
        f"{rows}\n{metrics}\n\n"
        f"Page: `{found.page}`\n"
    )


def _threshold(found: "Found") -> str:
    return f"threshold {found.facts['rate']:.3g}"


def _metrics(found: "Found") -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Kind, metric and its interval: those that the problem names first, of each kind."""
    kinds, first = found.facts["metrics"], found.facts["headline"]
    assert isinstance(kinds, Mapping)
    assert isinstance(first, list)
    for kind, figures in kinds.items():
        named = [name for name in first if name in figures] or list(figures)
        yield from ((kind, name, figures[name]) for name in named)


def _figure(value: Mapping[str, object]) -> str:
    return f"{figure(value) or 'undefined'}, {value['n']} samples"


def _medians(reference: float | None, window: float | None) -> str:
    return "" if reference is None or window is None else f"median {reference:.3g} → {window:.3g}"
