"""What a look at a window says to people."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

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
        yield f"  {mark:<6} {test.name:<14} {test.by:<12} adjusted p {test.adjusted:<9.3g} {moved}".rstrip()
    for name, value in _accuracy(found):
        low, estimate, high = (float(str(value[key])) for key in ("low", "estimate", "high"))
        yield f"  accuracy, {name}: {estimate:.3f} ({low:.3f} to {high:.3f}), {value['samples']} samples"
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
    accuracy = "\n".join(
        f"- accuracy, {name}: {float(str(v['estimate'])):.3f}" for name, v in _accuracy(found)
    )
    return (
        f"# {headline(found)}\n\n| | what | how | adjusted p | |\n|---|---|---|---|---|\n{rows}\n{accuracy}\n\n"
        f"Page: `{found.page}`\n"
    )


def _accuracy(found: "Found") -> Iterator[tuple[str, Mapping[str, object]]]:
    values = found.facts["accuracy"]
    assert isinstance(values, Mapping)
    yield from values.items()


def _medians(reference: float | None, window: float | None) -> str:
    return "" if reference is None or window is None else f"median {reference:.3g} → {window:.3g}"
