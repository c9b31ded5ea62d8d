"""docs/gates.md shows what was measured: its tables are written from the results, and the results keep the promise."""

from typing import Any

import pytest

from benchmarks.enumerated import difference
from benchmarks.guarantee_tables import PAGE, published, written
from benchmarks.guarantees import enumerable, rows

ENUMERATED, DRAWN = 2.5, 3.5  # %: errors that docs/gates.md promises at most
WRITE = "run: python -m benchmarks.guarantees --tables"
# Not measured yet: `python -m benchmarks.guarantees --missing` measures them.
MISSING: dict[tuple[str, str], tuple[int, ...]] = {
    ("a slice loses at most 0.05: promoted", "samples"): (10,),
    ("auroc of several classes loses at most", "groups"): (100,),
    ("ece of several classes loses at most 0.05", "groups"): (100,),
    ("auroc better than a control", "groups"): (100,),
    ("average_precision better than a control", "groups"): (100,),
    ("ece better than a control", "groups"): (100,),
}


def _key(cell: Any) -> tuple[str, str, int]:
    return cell["rule"], cell["unit"], cell["n"]


def test_the_tables_say_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page, published()) == page, WRITE


def test_every_rule_was_measured_at_every_size() -> None:
    drawn = {(row.rule, "groups" if row.groups else "samples", size) for row in rows() for size in row.sizes}
    missing = {(*rule, size) for rule, sizes in MISSING.items() for size in sizes}
    assert {_key(cell) for cell in published()} == (drawn | set(enumerable())) - missing


def test_no_rule_errs_more_than_is_promised() -> None:
    most = {True: ENUMERATED, False: DRAWN}
    assert [cell for cell in published() if cell["error"] > most[_key(cell) in enumerable()]] == []


def test_every_rule_passes_a_better_model_where_samples_are_many() -> None:
    """An interval that no model passes errs in nothing."""
    most = {
        cell["rule"]: cell["power"] for cell in published() if cell["unit"] == "samples" and cell["n"] == 2000
    }
    assert min(most.values()) >= 95, most


def test_a_figure_of_the_results_is_what_the_code_gives_today() -> None:
    (cell,) = [c for c in published() if _key(c) == ("accuracy loses at most 0.05", "samples", 100)]
    assert difference(100, 0.05) == pytest.approx(dict(cell))


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places for the table of samples"):
        written("no table", published())
