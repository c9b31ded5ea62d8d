"""docs/gates.md shows what was measured: its tables are written from the results, and the results keep the promise."""

from types import ModuleType

import pytest

from benchmarks import multi_label, regression
from benchmarks.ends import key
from benchmarks.enumerated import difference
from benchmarks.guarantee_tables import PAGE, published, written
from benchmarks.guarantees import enumerable, rows

ENUMERATED, DRAWN = 2.5, 3.5  # %: errors that docs/gates.md promises at most
DRAWN_BENCHMARKS = ("regression", "multi_label")
WRITE = "run: python -m benchmarks.{} --tables"


@pytest.mark.parametrize("name", ["guarantees", *DRAWN_BENCHMARKS])
def test_the_tables_say_what_was_measured(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page, published(name), name) == page, WRITE.format(name)


def test_every_rule_was_measured_at_every_size() -> None:
    drawn = {(row.rule, "groups" if row.groups else "samples", size) for row in rows() for size in row.sizes}
    assert {key(cell) for cell in published()} == drawn | set(enumerable())


@pytest.mark.parametrize("benchmark", [regression, multi_label], ids=DRAWN_BENCHMARKS)
def test_every_metric_was_measured_at_every_size(benchmark: ModuleType) -> None:
    name = benchmark.__name__.removeprefix("benchmarks.")
    assert [key(cell) for cell in published(name)] == [at for at, _ in benchmark.cells()]


@pytest.mark.parametrize("name", DRAWN_BENCHMARKS)
def test_no_end_of_an_interval_misses_more_than_is_promised(name: str) -> None:
    assert [cell for cell in published(name) if cell["error"] > DRAWN] == []


def test_no_rule_errs_more_than_is_promised() -> None:
    most = {True: ENUMERATED, False: DRAWN}
    assert [cell for cell in published() if cell["error"] > most[key(cell) in enumerable()]] == []


def test_every_rule_passes_a_better_model_where_samples_are_many() -> None:
    """An interval that no model passes errs in nothing."""
    most = {
        cell["rule"]: cell["power"] for cell in published() if cell["unit"] == "samples" and cell["n"] == 2000
    }
    assert min(most.values()) >= 95, most


def test_a_figure_of_the_results_is_what_the_code_gives_today() -> None:
    (cell,) = [c for c in published() if key(c) == ("accuracy loses at most 0.05", "samples", 100)]
    assert difference(100, -0.05) == pytest.approx(dict(cell))


def test_what_a_population_gave_is_what_the_code_gives_today() -> None:
    (cell,) = [c for c in published("regression") if key(c) == ("mae, one model", "samples", 100)]
    above, below, draws = cell["errors"]["normal"]
    found = regression.asked("mae", "one model", 1, 100)["normal"].draws().errors(draws)
    assert found == pytest.approx((above, below, draws), abs=0.5)  # another machine's rounding


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places for the table of samples"):
        written("no table", published())
