"""docs/benchmark-methods.md: what the methods gave, for people who choose."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.picture import write_picture
from benchmarks.workspace import ROOT, machine

HALF, MARGIN = 0.5, 0.02  # what the bold lines below the tables ask
PAGE = ROOT / "docs" / "benchmark-methods.md"
HEAD = """# What the methods gave

Written by `make benchmark-methods` from `benchmarks/methods.yaml`, which says every parameter; what follows from it
stands in [methods.md](methods.md). Balanced accuracy on the target's calibration side, which no row learns from, nor
chooses its epoch by; the test sides are not read. Means over {seeds} ± their standard deviation. "Against" is the
paired difference from the control, with its 95 % interval over seeds and samples, both drawn anew: with three seeds it
reaches about as far as the worst and the best of them. **worse** marks negative transfer: the whole interval lies below
0. The share of the gap is of that between the control and the network trained on the target's labels.

Where the target's labels are hidden, nothing is tuned by them: rates and weights are the methods' defaults, and the
epoch is chosen by information maximisation on the target's validation samples, or by the source's labels where a row
says so. How many epochs there are, and that the criterion helps at all, was settled by looking at MCC, MMD and CDAN
with seed 1 on two of these pairs (digits to MNIST, mono to poly), on the very samples that are shown here. The default
weights of CORAL, DANN and CDAN were chosen by the accuracy on a target, too: scikit-learn's digits, turned and noisy;
as they are, these digits are a domain of two pairs.

Two pairs keep a source, with five seeds; EWC's default weight was chosen by their rows. Mono, then poly had one draw of
the sides at first, and a learning rate of 0.001. With other draws hardly anything of mono was forgotten at that rate
(0.007 of three seeds' balanced accuracy), so there was nothing to keep, and L2-SP and EWC, 3000 its weight, cost 0.02
and 0.03 of it. The rate was raised until plain fine-tuning forgot, by seed 9, which is not shown.

Where a pair names labels a class, the training side has so many. The validation side, 5 % (110 to 130 cells, 250
mails), keeps all of its labels, and chose the epoch or `head.l2` of every row, even at one label a class: with so few
labels in all, each row would do worse.

Machine: {cpu}, {cores} cores, {when}; not run on a GPU. Core-seconds are those of the stage that trains, its
activations cached, the least of the seeds; "trained" counts the numbers that it changes. Of {count} cells the longest
took {longest:.0f} core-seconds, all of them {minutes:.0f} core-minutes.

![Balanced accuracy on the target by method and pair, between source only and target only](benchmark-methods.svg)

A full circle is the mean, a line its interval, a small circle a seed; blue is better than the control, red worse.
"""


def write_page(
    summary: Mapping[str, Mapping[str, object]], spent: Mapping[str, object], path: Path = PAGE
) -> None:
    """Tables of all pairs that have results; `spent` as `kept.spent` says it."""
    counts = [row["seeds"] for pair in summary.values() for row in pair["cells"].values()]  # type: ignore[attr-defined]
    some = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(max(counts))
    seeds = f"{some} seed{'s' * (some != '1')}"
    write_picture(summary, path.with_suffix(".svg"))
    parts = [HEAD.format(seeds=seeds, **spent, **machine())]
    parts += [_table(name, pair) for name, pair in summary.items() if pair["cells"]]
    path.write_text("\n".join(parts))


def _table(name: str, pair: Mapping[str, object]) -> str:
    rows = pair["cells"]
    assert isinstance(rows, dict)
    on_source = any("source_balanced_accuracy" in row for row in rows.values())
    shared = any(row.get("share_of_gap") is not None for row in rows.values())
    keeps = on_source and not shared
    head = ["method", "balanced accuracy", f"against {pair['control']}"]
    head += ["share of the gap"] * shared + ["on the source"] * on_source
    head += [f"there, against {pair['control']}"] * keeps
    head += ["trained", "core-seconds", "MiB"]
    lines = [f"## {name}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for title, row in rows.items():
        spread = "" if row["sd"] is None else f" ± {row['sd']:.3f}"
        share = row.get("share_of_gap")
        cells = [title, f"{row['balanced_accuracy']:.3f}{spread}", _against(row.get("against"))]
        cells += ["" if share is None else f"{share:.0%}"] * shared
        cells += [f"{row.get('source_balanced_accuracy', 0):.3f}"] * on_source
        cells += [_against(row.get("source_against"))] * keeps
        cells += [f"{row['trained']:,}" if row["trained"] else "", f"{row['seconds']:.0f}", f"{row['mib']}"]
        lines.append(f"| {' | '.join(cells)} |")
    first = next(iter(rows.values()))
    counted = f"n = {_count(first['n'])} samples"
    if "source_n" in first:
        counted += f", {_count(first['source_n'])} of the source"
    said = [f"{counted}.", *_answers(pair, shared, keeps)]
    return "\n".join([*lines, "", *(f"- {line}" for line in said), ""])


def _listed(titles: Sequence[str]) -> str:
    return ", ".join(f"`{title}`" for title in titles) or "none"


def _count(sizes: Sequence[int]) -> str:
    return " to ".join(str(size) for size in dict.fromkeys(sizes))


def _answers(pair: Mapping[str, object], shared: bool, keeps: bool) -> Iterator[str]:
    """What is asked of the pair: is half of the gap closed, is the source kept, are two methods level?"""
    rows, control = pair["cells"], pair["control"]
    assert isinstance(rows, dict)
    if shared:
        tried = {
            t: row for t, row in rows.items() if t != pair["goal"] and row.get("share_of_gap") is not None
        }
        half = [t for t, row in tried.items() if row["share_of_gap"] >= HALF]
        best = max(tried, key=lambda t: tried[t]["share_of_gap"], default=None)
        if half:
            yield f"**Half of the gap or more is closed by {_listed(half)}.**"
        elif best is not None:
            yield f"**Nothing closes half of the gap;** the most closes `{best}`, {tried[best]['share_of_gap']:.0%}."
    if keeps:
        more = {t: row["against"] for t, row in rows.items() if row.get("source_against", [0, 0])[1] > 0}
        level = [t for t, (_, low, _) in more.items() if low >= -MARGIN]
        unknown = [t for t, (_, low, high) in more.items() if low < -MARGIN and high >= 0]
        yield f"**More of the source than {control}, and within 2 points on the target: {_listed(level)}.**"
        if unknown:
            yield f"**More of the source, and no measurable difference on the target: {_listed(unknown)}.**"
    for one, other, mean, low, high in pair.get("level", []):  # type: ignore[attr-defined]
        share = rows[one]["trained"] / rows[other]["trained"]
        shown = "within 2 points" if low >= -MARGIN else "not shown to be within 2 points"
        yield (
            f"**`{one}` against `{other}`: {mean:+.3f} ({low:+.3f} to {high:+.3f}), {shown}**, with {share:.1%} of the "
            "numbers trained."
        )


def _against(found: object) -> str:
    if not isinstance(found, list):
        return ""
    mean, low, high = found
    mark = " **worse**" if high < 0 else " better" if low > 0 else ""
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f}){mark}"
