"""Small classes get samples on every side, and no sample ever moves afterwards."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data.build import Samples, build_dataset
from components.data.contents import Content
from components.data.dealing import ENOUGH, assign, split_named
from components.data.lock import Assignments, Lock, LockedSource, read_lock
from components.data.reading import read, with_assignments
from components.data.splits import SIDES, side_of
from components.errors import DataError
from components.modalities import load_modality
from components.params.data import DataParams, Limits, Split
from components.params.task import TaskParams
from components.problems.classification.target import check_classes
from components.problems.labels import Labelled, Remedies
from components.sources.base import Entry

TEXTS = TaskParams(modality="text")
SPLIT = Split(salt="s")  # the default shares: .6, .15, .05, .2


def lock_of(files: Mapping[str, int]) -> Lock:
    """Path → a number that stands for the content."""
    entries = tuple(Entry(path, 1, f"{number:064x}") for path, number in sorted(files.items()))
    return Lock("file:x", "r", "CC0", "folders", entries)


class Nothing:
    def read(self, path: str) -> bytes:
        raise AssertionError(f"{path} is read")


def params_of(split: Split = SPLIT, **values: object) -> DataParams:
    return DataParams.model_validate({"source": "file:x", "licence": "CC0", "split": split, **values})


def refreshed(files: Mapping[str, int], old: Lock | None = None, params: DataParams | None = None) -> Lock:
    return with_assignments(lock_of(files), Nothing(), params or params_of(), TaskParams(), old)[0]


def placed(lock: Lock, params: DataParams | None = None) -> dict[str, Content]:
    return {c.id: c for c in read(lock, Nothing(), params or params_of(), TaskParams()).contents}


def sides_of(lock: Lock) -> dict[str, str]:
    return {name: content.side for name, content in placed(lock).items()}


def classes(count: int, size: int, first: int = 0) -> dict[str, int]:
    return {f"c{c:02}/{n:03}.png": first + c * 1000 + n for c in range(count) for n in range(size)}


@pytest.mark.parametrize(("count", "size"), [(20, 30), (50, 60), (12, 26), (2, 10), (300, 12)])
def test_many_small_classes_lie_on_every_side_with_the_default_shares(count: int, size: int) -> None:
    files = classes(count, size)
    by_hash = Counter((f"c{n // 1000:02}", side_of(f"{n:064x}", SPLIT)) for n in files.values())
    assert min(by_hash[f"c{c:02}", side] for c in range(count) for side in SIDES) == 0  # what is to be cured
    contents = list(placed(refreshed(files)).values())
    labelled = [Labelled(content.label, content.side) for content in contents]
    check_classes(labelled, sorted({sample.label for sample in labelled}), Limits(), Remedies())
    found = Counter((content.label, content.side) for content in contents)
    for side in SIDES:
        expected = int(size * getattr(SPLIT, side) + 1e-9)
        wanted = min(4 if side == "train" else ENOUGH, max(2, expected))
        assert min(found[f"c{c:02}", side] for c in range(count)) >= wanted


def test_where_the_hash_gives_enough_nothing_is_dealt() -> None:
    lock = refreshed(classes(2, 900))
    assert lock.assignments is not None
    assert lock.assignments.sides == {}
    assert lock.assignments.classes == ("c00", "c01")
    assert all(side == side_of(name, SPLIT) for name, side in sides_of(lock).items())


def test_the_record_survives_being_written(tmp_path: object) -> None:
    lock = refreshed(classes(3, 20) | {'"odd" ü\u2028/1.png': 99, "c00/ a.png": 98, " c/x\r": 97})
    assert lock.assignments is not None
    assert lock.assignments.sides
    path = tmp_path / "l"  # type: ignore[operator]
    path.write_text(lock.text(), encoding="utf-8", newline="")
    assert read_lock(path) == lock
    path.write_bytes(lock.text().replace("\n", "\r\n").encode())  # as git may check it out
    assert read_lock(path) == lock


def test_an_older_lock_keeps_every_side_and_every_byte() -> None:
    """Without a record the hash says all: a class on every side may have been trained on."""
    files = classes(4, 40)
    old = lock_of(files)
    full = {
        name
        for name in ("c00", "c01", "c02", "c03")
        if {side_of(f"{n:064x}", SPLIT) for path, n in files.items() if path.startswith(name)} == set(SIDES)
    }
    assert full
    kept = {path: number for path, number in files.items() if path[:3] in full}
    assert refreshed(kept, lock_of(kept)).text() == lock_of(kept).text()
    grown = refreshed(kept | {"c09/1.png": 99_999}, lock_of(kept))
    assert {name: side for name, side in sides_of(grown).items() if name != f"{99_999:064x}"} == {
        f"{number:064x}": side_of(f"{number:064x}", SPLIT) for number in kept.values()
    }
    assert sides_of(old) == {f"{n:064x}": side_of(f"{n:064x}", SPLIT) for n in files.values()}


def test_a_class_that_an_older_lock_left_without_a_side_is_dealt() -> None:
    """It was refused, so nothing was trained on it."""
    files = classes(20, 30)
    lock = refreshed(files, lock_of(files))
    found = Counter((content.label, content.side) for content in placed(lock).values())
    assert all(found[f"c{c:02}", side] for c in range(20) for side in SIDES)


Steps = st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(1, 20)), min_size=1, max_size=5)


def used(found: Mapping[str, Content]) -> tuple[dict[str, str], set[str]]:
    """Sides by content, and the contents that may have been trained on: of classes that `version_data` would take."""
    sides: dict[str, set[str]] = {}
    for content in found.values():
        sides.setdefault(content.label, set()).add(content.side)
    counts = Counter(content.label for content in found.values())
    whole = {name for name, on in sides.items() if on == set(SIDES) and counts[name] >= 10}
    return {name: c.side for name, c in found.items()}, {i for i, c in found.items() if c.label in whole}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), Steps, st.booleans())
def test_adding_and_removing_never_moves_a_sample(
    size: int, steps: list[tuple[bool, int, int]], older: bool
) -> None:
    files = classes(3, size)
    lock = lock_of(files) if older else refreshed(files)
    sides, trained = used(placed(lock))
    for fresh, (adding, which, count) in enumerate(steps, 1):
        if adding:
            new = range(fresh * 1_000_000, fresh * 1_000_000 + count)
            files |= {f"c{which:02}/{number}.png": number for number in new}
        else:
            for path in sorted(path for path in files if path.startswith(f"c{which:02}"))[:count]:
                del files[path]
        if not files:
            return
        lock = refreshed(files, lock)
        before, (sides, _) = sides, used(placed(lock))
        assert all(sides[name] == before[name] for name in trained & set(sides))
        trained |= used(placed(lock))[1]


GROUPED = params_of(
    layout="manifest", labels={"file": "t.csv", "text": "text", "label": "kind", "group": "user"}
)


class Table:
    """Rows (text, user), which may be several of one text. What a text says is its class, too."""

    uri, revision = "file:x", "r"

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        lines = [f"{text},{text.partition(' ')[0]},{user}\n" for text, user in rows]
        self._bytes = "".join(["text,kind,user\n", *lines]).encode()
        entry = Entry("t.csv", len(self._bytes), hashlib.sha256(self._bytes).hexdigest())
        self.lock = Lock("file:x", "r", "CC0", "manifest", (entry,))

    def read(self, path: str) -> bytes:
        return self._bytes

    def list(self) -> Sequence[Entry]:
        return self.lock.entries

    def text_of(self, content: Content) -> str:
        """What its row says: the path is `t.csv#NUMBER`."""
        return self._bytes.decode().splitlines()[int(content.path.partition("#")[2])].split(",")[0]

    def refreshed(self, old: Lock | None = None, params: DataParams = GROUPED) -> Lock:
        return with_assignments(self.lock, self, params, TEXTS, old)[0]

    def placed(self, lock: Lock, params: DataParams = GROUPED) -> dict[str, Content]:
        return {c.id: c for c in read(lock, self, params, TEXTS).contents}


TextsAndUsers = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["", *(f"u{n}" for n in range(25))])))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), TextsAndUsers), min_size=2, max_size=4), st.booleans())
def test_nor_does_a_sample_in_groups_whose_copies_come_and_go(
    steps: list[tuple[bool, list[tuple[int, str]]]], older: bool
) -> None:
    rows = {(f"{'ab'[n % 2]} {n}", f"u{n % 20}") for n in range(60)}
    table = Table(sorted(rows))
    lock = table.refreshed(table.lock if older else None)
    sides, trained = used(table.placed(lock))
    for adding, drawn in steps:
        some = {(f"{'ab'[n % 2]} {n}", user) for n, user in drawn}
        rows = rows | some if adding else rows - {row for row in rows if row[0] in {text for text, _ in some}}
        rows |= some  # without `adding`, they leave all other groups
        table = Table(sorted(rows))
        lock = table.refreshed(lock)
        before, (sides, now) = sides, used(table.placed(lock))
        assert all(sides[name] == before[name] for name in trained & set(sides) & set(before))
        trained |= now
        sides = before | sides  # those that return


def test_copies_from_new_users_leave_every_text_where_it_is(tmp_path: Path) -> None:
    rows = [(f"{'ab'[n % 2]} {n}", f"u{n % 40}") for n in range(400)]
    first = Table(rows)
    lock = first.refreshed()
    path = tmp_path / "source.lock"
    path.write_text(lock.text())
    assert read_lock(path) == lock
    grown = Table([*rows, *((text, f"new {n}") for n, (text, _) in enumerate(rows))])
    copied = grown.placed(grown.refreshed(read_lock(path)))
    assert {i: c.side for i, c in copied.items()} == {i: c.side for i, c in first.placed(lock).items()}
    left = Table([(text, f"new {n}") for n, (text, _) in enumerate(rows)])
    others = left.placed(left.refreshed(grown.refreshed(lock)))
    assert {i: c.side for i, c in others.items()} == {i: c.side for i, c in copied.items()}


def test_groups_that_moved_texts_leave_on_two_sides_are_counted(tmp_path: Path) -> None:
    def told(table: Table, lock: Lock) -> list[str]:
        task = load_modality(TEXTS)
        samples = Samples(TEXTS, lambda payload: task.inspect(payload, GROUPED.limits))
        built = build_dataset(lock, LockedSource(lock, table), samples, GROUPED, tmp_path / lock.revision, 2)
        return [note for note in built.notes if "groups" in note]

    rows = [(f"{'ab'[n % 2]} {n}", f"u{n % 40}") for n in range(400)]
    table = Table(rows)
    lock = table.refreshed()
    assert told(table, lock) == []
    target = next(c for c in table.placed(lock).values() if c.side == "train")
    moved = next(c for c in table.placed(lock).values() if c.side == "test")
    text = table.text_of(moved)
    changed = Table([(t, target.group if t == text else user) for t, user in rows])
    (said,) = told(changed, replace(changed.refreshed(lock), revision="r2"))
    assert said.startswith(
        "1 groups have samples in several splits: 1 samples lie apart from most of their group"
    )


def test_an_older_lock_of_a_table_with_groups_keeps_every_side_and_records_it() -> None:
    table = Table([(f"{'ab'[n % 2]} {n}", f"u{n % 40}") for n in range(400)])
    lock = table.refreshed(table.lock)
    assert lock.assignments is not None
    assert len(lock.assignments.samples) == 400
    assert {i: c.side for i, c in table.placed(lock).items()} == {
        i: c.side for i, c in table.placed(table.lock).items()
    }


def test_another_column_of_groups_is_another_split() -> None:
    table = Table([(f"{'ab'[n % 2]} {n}", f"u{n % 40}") for n in range(400)])
    by_user, by_text = (
        table.refreshed(),
        params_of(layout="manifest", labels=GROUPED.labels.model_copy(update={"group": "text"})),
    )
    with pytest.raises(DataError, match=r"another data\.split"):
        table.placed(by_user, by_text)
    assert table.refreshed(by_user, by_text).text() == table.refreshed(None, by_text).text()


def contents(groups: Iterable[tuple[str, str, int]]) -> list[Content]:
    """(group, label, how many)"""
    made = []
    for group, label, count in groups:
        for n in range(count):
            side = side_of(group, SPLIT)
            name = f"{group}{label}{n}"
            made.append(Content(name, name, 1, label, (label,), group, "", side, (), 1))
    return made


def settle(found: Sequence[Content], kept: Assignments | None = None) -> Assignments:
    return assign(found, params_of(), kept, set())


def test_groups_move_as_a_whole_and_leave_no_class_short() -> None:
    found = contents((f"g{n:02}", label, 2) for n in range(40) for label in "ab")
    made = settle(found)
    moved = [replace(c, side=made.sides.get(c.key, c.side)) for c in found]
    assert all(len({c.side for c in moved if c.group == group}) == 1 for group in {c.group for c in moved})
    counts = Counter((c.label, c.side) for c in moved)
    assert min(counts[label, side] for label in "ab" for side in SIDES) >= 4


def test_a_group_of_a_class_that_was_looked_at_does_not_move_for_a_new_one() -> None:
    old = contents((f"g{n:02}", "a", 3) for n in range(30))
    kept = settle(old)
    new = contents((f"g{n:02}", "b", 1) for n in range(30))
    made = settle([replace(c, side=kept.sides.get(c.key, c.side)) for c in (*old, *new)], kept)
    assert made.sides == kept.sides
    assert made.classes == ("a", "b")


def test_declared_splits_deal_only_what_they_leave_open() -> None:
    """50 classes of 10 on a declared validation side, of which a quarter calibrates."""
    files = {
        f"{side}/c{c:02}/{s}{n}.png": 10_000 * s + 100 * c + n
        for s, (side, size) in enumerate({"train": 20, "val": 10, "test": 8}.items())
        for c in range(50)
        for n in range(size)
    }
    found = Counter((content.label, content.side) for content in placed(refreshed(files)).values())
    assert all(found[f"c{c:02}", "train"] == 20 and found[f"c{c:02}", "test"] == 8 for c in range(50))
    assert min(found[f"c{c:02}", side] for c in range(50) for side in ("validation", "calibration")) >= 2


def test_another_salt_starts_over_and_a_lock_of_another_split_is_refused() -> None:
    files = classes(20, 30)
    lock = refreshed(files)
    other = params_of(Split(salt="other"))
    with pytest.raises(DataError, match=r"another data\.split\. Run `python -m components refresh`"):
        placed(lock, other)
    again = refreshed(files, lock, other)
    assert again.assignments is not None
    assert again.assignments.split == split_named(other)
    assert again.text() == refreshed(files, None, other).text()
    assert len({content.side for content in placed(again, other).values()}) == 4


FOLDED = GROUPED.model_copy(update={"split": Split(salt="s", folds=3)})


def of_machines(machines: Iterable[int]) -> Table:
    """Four texts of each machine."""
    return Table([(f"{'ab'[k % 2]} {n} {k}", f"m{n}") for n in sorted(machines) for k in range(4)])


def folds(lock: Lock) -> Mapping[str, int]:
    assert lock.assignments is not None
    return lock.assignments.folds


Machines = st.sets(st.integers(0, 40), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 40), min_size=3, max_size=12),
    st.lists(st.tuples(st.booleans(), Machines), max_size=4),
)
def test_nor_does_a_group_that_was_dealt_to_a_fold(
    first: set[int], steps: list[tuple[bool, set[int]]]
) -> None:
    there = set(first)
    table = of_machines(there)
    lock = table.refreshed(params=FOLDED)
    known, sides = dict(folds(lock)), {i: c.side for i, c in table.placed(lock, FOLDED).items()}
    for adding, some in steps:
        there = there | some if adding else there - some
        table = of_machines(there)
        if len({known[f"m{n}"] for n in there if f"m{n}" in known}) < 3:
            return  # a fold may have lost all its groups
        lock = table.refreshed(lock, FOLDED)
        assert known.items() <= folds(lock).items()  # those that return come back to their fold
        now = {i: c.side for i, c in table.placed(lock, FOLDED).items()}
        assert all(now[i] == sides[i] for i in now.keys() & sides.keys())
        known, sides = dict(folds(lock)), sides | now


def test_new_groups_go_to_the_folds_that_have_fewest(tmp_path: Path) -> None:
    lock = of_machines(range(6)).refreshed(params=FOLDED)
    assert sorted(Counter(folds(lock).values()).values()) == [2, 2, 2]
    path = tmp_path / "source.lock"
    path.write_text(lock.text())
    assert read_lock(path) == lock
    grown = of_machines(range(9)).refreshed(read_lock(path), FOLDED)
    assert sorted(Counter(folds(grown).values()).values()) == [3, 3, 3]
    assert folds(lock).items() <= folds(grown).items()


def test_the_first_record_of_folds_is_how_they_were_dealt_before_there_was_one() -> None:
    table = of_machines(range(7))
    before = {i: c.side for i, c in table.placed(table.lock, FOLDED).items()}
    lock = table.refreshed(table.lock, FOLDED)
    assert {i: c.side for i, c in table.placed(lock, FOLDED).items()} == before
    # Another fold to test is the same split; another number of folds is not.
    tested = FOLDED.model_copy(update={"split": Split(salt="s", folds=3, fold=1)})
    assert folds(table.refreshed(lock, tested)) == folds(lock)
    other = FOLDED.model_copy(update={"split": Split(salt="s", folds=4)})
    with pytest.raises(DataError, match=r"another data\.split"):
        table.placed(lock, other)
    assert set(folds(table.refreshed(lock, other)).values()) == {0, 1, 2, 3}


def test_a_fold_whose_groups_are_all_gone_is_named() -> None:
    lock = of_machines(range(6)).refreshed(params=FOLDED)
    left = [n for n in range(6) if folds(lock)[f"m{n}"] != 1]
    with pytest.raises(DataError, match=r"All groups of fold 1 are gone.*salt"):
        of_machines(left).refreshed(lock, FOLDED)
