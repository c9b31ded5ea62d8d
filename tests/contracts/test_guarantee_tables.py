"""docs/gates.md shows what was measured: its tables are written from the results, and the results keep the promise."""

import json
import re
from types import ModuleType

import pytest

from benchmarks import fairness, multi_label, regression
from benchmarks.ends import key
from benchmarks.guarantee_tables import PAGE, published, written
from benchmarks.guarantees import enumerable, rows
from benchmarks.workspace import RESULTS

ENUMERATED, DRAWN = 2.5, 3.5  # %: errors that docs/gates.md promises at most
BELOW_EXACT = 5  # points of power that it says are lost at most
QUICK = 100  # samples: up to here the enumeration takes less than a third of a second
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


def test_every_enumerated_rule_has_about_the_power_of_the_exact_test() -> None:
    cells = [cell for cell in published() if key(cell) in enumerable()]
    assert [cell for cell in cells if not cell["power"] >= cell["exact"] - BELOW_EXACT] == []


@pytest.mark.parametrize("at", [at for at in enumerable() if at[2] <= QUICK], ids=str)
def test_a_figure_of_the_results_is_what_the_code_gives_today(at: tuple[str, str, int]) -> None:
    (cell,) = [c for c in published() if key(c) == at]
    assert enumerable()[at]() == pytest.approx(dict(cell))


def test_what_a_population_gave_is_what_the_code_gives_today() -> None:
    (cell,) = [c for c in published("regression") if key(c) == ("mae, one model", "samples", 100)]
    above, below, draws = cell["errors"]["normal"]
    found = regression.asked("mae", "one model", 1, 100)["normal"].draws().errors(draws)
    assert found == pytest.approx((above, below, draws), abs=0.5)  # another machine's rounding


def test_what_the_page_says_of_groups_was_measured() -> None:
    """Its tables of `gate.fairness` are written by hand."""
    found = json.loads((RESULTS / "fairness.json").read_text(encoding="utf-8"))
    drawn, enumerated = found["drawn"], found["enumerated"]
    lines = _numbers(PAGE.read_text(encoding="utf-8").partition("### Groups: fairness")[2])
    for one in fairness.SIZES:
        row = [cell for cell in enumerated if cell["groups"].startswith(f"{one}, ")]
        assert _both(row) in lines[str(one),]
    for name in dict.fromkeys(cell["rule"] for cell in drawn if "fails" not in cell):
        row = [cell for cell in drawn if cell["rule"] == name]
        of_samples = name.removesuffix(", clusters of 5")
        assert _both(row) in lines[of_samples.replace("_", " "),], name
    for cell in [cell for cell in drawn if "fails" in cell]:
        assert (
            _rounded(cell["error"], cell["fails"], round(cell["power"]))
            in lines[cell["rule"], cell["groups"]]
        )
    assert [cell for cell in (*drawn, *enumerated) if cell["error"] > DRAWN] == []


ROUNDED = 0.051  # two kinds of rounding to one digit


def _rounded(*numbers: float) -> object:
    return pytest.approx(list(numbers), abs=ROUNDED)


def _both(cells: list[dict[str, float]]) -> object:
    """As the page has them."""
    return _rounded(*(number for cell in cells for number in (cell["error"], round(cell["power"]))))


def _numbers(text: str) -> dict[tuple[str, ...], list[list[float]]]:
    """Words at the beginning of lines of tables → the numbers behind them, of each such line."""
    found: dict[tuple[str, ...], list[list[float]]] = {}
    for line in text.splitlines():
        words = [cell.strip() for cell in line.strip("|").split("|")]
        named = 2 if re.match(r"\d+ (of|to) ", " ".join(words[1:2])) else 1
        rest = " / ".join(filter(None, words[named:])).split(" / ")
        if line.startswith("|") and all(re.fullmatch(r"[\d.]+", number) for number in rest):
            found.setdefault(tuple(words[:named]), []).append([float(number) for number in rest])
    return found


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places for the table of samples"):
        written("no table", published())
