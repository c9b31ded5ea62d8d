"""A sweep's picture against positions and ranks that were worked out by hand."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from components.reporting.scatter import Axis, axis, by_value, shown, trade_off
from components.reporting.svg import Scale
from components.reporting.sweep import counted, gained, render
from components.reporting.trials import Measured, Outcome, Sweep, Trial


def trial(
    number: int,
    scores: tuple[float, ...],
    seconds: float,
    outcome: Outcome = "complete",
    current: bool = False,
) -> Trial:
    folds = {"tuned": tuple(Measured(score, seconds) for score in scores)} if scores else {}
    values = {"tune.blocks": number + 1, "tune.method": "<b>" if number % 2 else "last_blocks"}
    reason = "" if outcome in ("complete", "pruned") else "it <cannot> be"
    return Trial(number, values, outcome, folds, current, reason)


TRIALS = (
    trial(0, (0.80, 0.82), 10, current=True),
    trial(1, (0.90, 0.88), 40),
    trial(2, (0.85, 0.85), 20),
    trial(3, (0.84, 0.84), 30),  # worse and slower than 2
    trial(4, (0.89, 0.89), 50),  # as good as 1, later and slower
    trial(5, (0.70,), 5, "pruned"),
    trial(6, (), 0, "impossible"),
)
REFERENCE = (Measured(0.75, 1), Measured(0.77, 1))
SWEEP = Sweep("demo", "auroc", "AUROC", True, 2, "30 training samples", TRIALS, REFERENCE)


def test_ranks_go_by_score_then_by_number() -> None:
    assert [one.number for one in SWEEP.ranked] == [1, 4, 2, 3, 0]
    assert SWEEP.score(SWEEP.ranked[0]) == pytest.approx(0.89)
    assert SWEEP.spread(SWEEP.ranked[0]) == pytest.approx(0.02 / 2**0.5)
    falling = replace(SWEEP, rising=False)
    assert [one.number for one in falling.ranked] == [0, 3, 2, 1, 4]


def test_nothing_beats_the_front_in_both() -> None:
    assert [one.number for one in SWEEP.front] == [0, 2, 1]


def test_the_gain_is_fold_by_fold() -> None:
    gain = SWEEP.gain()
    assert gain is not None
    assert gain[0] == pytest.approx((0.10 + 0.06) / 2)
    assert gain[1] == 2
    assert gained(SWEEP) == "+0.0800 against params.yaml as it was, better in 2 of 2 folds."
    assert "not beaten" in gained(replace(SWEEP, trials=TRIALS[:1]))
    others = replace(SWEEP, trials=TRIALS[1:])
    assert "not among the trials, because the space does not hold its values." in gained(others)
    failed = replace(TRIALS[0], outcome="failed", folds={})
    said = gained(replace(others, trials=(failed, *others.trials)))
    assert said == "params.yaml as it was has no score, because trial 0 failed."


def test_a_head_that_is_as_good_is_said() -> None:
    good = replace(SWEEP, reference=(Measured(0.90, 1), Measured(0.90, 1)))
    assert gained(good).endswith("No trial beats the head alone.")


def test_counts_are_in_words() -> None:
    assert counted(SWEEP) == "5 complete, 1 pruned, 1 impossible"
    assert counted(replace(SWEEP, trials=())) == "no trial"
    assert counted(replace(SWEEP, settings=8)) == "5 complete, 1 pruned, 1 impossible"
    assert counted(replace(SWEEP, settings=7)).endswith("; the space holds no other setting")


def test_a_value_that_nothing_else_was_tried_for_has_no_picture() -> None:
    alone = [replace(one, values={**one.values, "tune.epochs": 5}) for one in TRIALS]
    page = render(replace(SWEEP, trials=alone))
    assert re.findall(r'<figcaption class="code">(.*?)<', page) == ["tune.blocks", "tune.method"]
    assert '<td data-column="tune.epochs">5</td>' in page


def test_seconds_of_many_sizes_are_on_a_logarithmic_scale() -> None:
    """1 to 100 with a pad of 9 %: log10 from -0.18 to 2.18."""
    placed = axis([1.0, 100.0], 0, 236, log=True)
    assert placed(1) == pytest.approx(18)
    assert placed(10) == pytest.approx(118)
    assert placed.marks() == [1, 2, 5, 10, 20, 50, 100]
    assert Axis(Scale(-4.2, -0.8, 0, 1), log=True).marks() == [1e-4, 1e-3, 1e-2, 0.1]
    assert Axis(Scale(0.1, 0.2, 0, 1), log=True).marks() == pytest.approx([10**0.1, 10**0.2])


def test_the_trade_off_shows_every_trial_that_was_scored() -> None:
    drawn = trade_off(SWEEP)
    assert len(re.findall('class="dot first"', drawn)) == 4
    assert len(re.findall('class="dot second"', drawn)) == 1
    assert len(re.findall('class="dot faint"', drawn)) == 1
    assert len(re.findall('class="dot third"', drawn)) == 1
    assert len(re.findall('class="ring"', drawn)) == 3
    for words in ("best", "params.yaml", "head alone"):
        assert f">{words}</text>" in drawn
    assert trade_off(replace(SWEEP, trials=())) == ""


def test_numbers_and_names_each_have_their_axis() -> None:
    assert len(re.findall("<circle", by_value(SWEEP, "tune.blocks"))) == 6
    names = by_value(SWEEP, "tune.method")
    assert ">last_blocks</text>" in names
    assert "&lt;b&gt;" in names


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.001, "0.001"),
        (None, "none"),
        ([], "none"),
        ([0.1, "a"], "0.1, a"),
        (True, "true"),
        ("l2_sp", "l2_sp"),
    ],
)
def test_values_are_shown_as_people_write_them(value: object, words: str) -> None:
    assert shown(value) == words


class Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_on_a_phone_a_trial_is_a_card_with_its_number_and_values() -> None:
    page = render(SWEEP)
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = body.split("<tr ")[1:]
    assert [re.findall(r"trial </span>(\d+)", row) for row in rows] == [
        [str(n)] for n in (1, 4, 2, 3, 0, 5, 6)
    ]
    columns = ["AUROC", "±", "seconds", "outcome", "tune.blocks", "tune.method"]
    assert all(re.findall(r'<td data-column="(.*?)">', row) == columns for row in rows)
    assert '<td data-column="tune.blocks">2</td>' in rows[0]
    assert 'class="cards"' in page


@pytest.mark.parametrize("trials", [TRIALS, TRIALS[5:], ()], ids=["all", "nothing whole", "none"])
def test_the_page_is_balanced_fetches_nothing_and_escapes(trials: tuple[Trial, ...]) -> None:
    page = render(replace(SWEEP, trials=trials))
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert "http" not in page.replace("http-equiv", "")
    assert "<b>" not in page
    assert ("No trial is complete yet" in page) == (trials is not TRIALS)
    assert ("6: it &lt;cannot&gt; be" in page) == bool(trials)
