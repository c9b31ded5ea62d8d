"""docs/benchmark-methods.md: what the methods gave, for people who choose."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.workspace import ROOT, machine

PAGE = ROOT / "docs" / "benchmark-methods.md"
HEAD = """# What the methods gave

Written by `make benchmark-methods` from `benchmarks/methods.yaml`, which says every parameter. Balanced accuracy on the
target's calibration side, which neither trains nor chooses anything there; the test sides are not read. Means over
{seeds} seeds ± their standard deviation. "Against" is the paired difference from the control, with its 95 % interval
over samples; **worse** marks negative transfer: the whole interval lies below 0. Nothing was tuned on the target: the
methods' default weights, the epoch by the source's validation side where the target's labels are hidden.

Machine: {cpu}, {cores} cores, {date}; not run on a GPU. Seconds are those of the stage that trains, activations cached.
"""


def write_page(summary: Mapping[str, Mapping[str, object]], path: Path = PAGE) -> None:
    """Tables of all pairs that have results."""
    counts = [row["seeds"] for pair in summary.values() for row in pair["cells"].values()]  # type: ignore[attr-defined]
    if not counts:
        return
    seeds = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(max(counts))
    parts = [HEAD.format(seeds=seeds, **machine())]
    parts += [_table(name, pair) for name, pair in summary.items() if pair["cells"]]
    path.write_text("\n".join(parts))


def _table(name: str, pair: Mapping[str, object]) -> str:
    rows = pair["cells"]
    assert isinstance(rows, dict)
    on_source = any("source_balanced_accuracy" in row for row in rows.values())
    head = ["method", "balanced accuracy", f"against {pair['control']}", "share of the gap"]
    head += ["on the source"] if on_source else []
    head += ["seconds", "MiB"]
    lines = [f"## {name}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for title, row in rows.items():
        spread = "" if row["sd"] is None else f" ± {row['sd']:.3f}"
        share = row.get("share_of_gap")
        cells = [title, f"{row['balanced_accuracy']:.3f}{spread}", _against(row.get("against"))]
        cells += ["" if share is None else f"{share:.0%}"]
        cells += [f"{row.get('source_balanced_accuracy', 0):.3f}"] if on_source else []
        cells += [f"{row['seconds']:.0f}", f"{row['mib']}"]
        lines.append(f"| {' | '.join(cells)} |")
    first = next(iter(rows.values()))
    return "\n".join([*lines, "", f"n = {first['n']} samples.", ""])


def _against(found: object) -> str:
    if not isinstance(found, list):
        return ""
    mean, low, high = found
    mark = " **worse**" if high < 0 else " better" if low > 0 else ""
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f}){mark}"
