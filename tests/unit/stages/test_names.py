"""File names of every kind: refresh, lock and reading give the same names, or refresh refuses at once."""

import tempfile
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odd_names import ODD_NAMES

from components.data.lock import LockedSource, read_lock
from components.errors import SourceRefused
from components.params import Params
from components.params.load import check
from components.sources import open_source
from components.stages.refresh import refresh

GATE = {"rules": [{"metric": "accuracy", "at_least": 0.5}]}
PLAIN = "plain 3.png"  # not on the test side: without it, the export would have nothing to compare
# What a file system takes: no slash, no zero, no surrogate, at most 255 bytes.
Name = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in (".", ".."))


def params_of() -> Params:
    data = {"source": "file:raw", "licence": "CC0", "layout": "folders"}
    return check({"data": data, "gate": GATE, "export": {"parity": {"samples": 1}}})


def round_trip(root: Path, names: list[str]) -> list[str]:
    """The names in the lock, each read through it."""
    for number, name in enumerate(names):
        file = root / "raw" / "ab"[number % 2] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    refresh(params_of(), root, root / "cache")
    lock = read_lock(root / "data" / "source.lock")
    locked = LockedSource(lock, open_source(f"file:{root}/raw", None, root))
    for entry in lock.entries:
        assert locked.read(entry.path) == entry.path.partition("/")[2].encode()
    return [entry.path.partition("/")[2] for entry in lock.entries]


@settings(max_examples=60, deadline=None)
@given(st.lists(Name, min_size=1, max_size=3, unique=True))
@example(ODD_NAMES[0])
@example(ODD_NAMES[1])
@example(ODD_NAMES[2])
@example(ODD_NAMES[3])
@example(ODD_NAMES[4])
def test_names_survive_or_are_refused_at_once(names: list[str]) -> None:
    plain = all(category(letter) != "Cc" for name in names for letter in name.removesuffix("\r"))
    with tempfile.TemporaryDirectory() as folder:
        if plain:
            assert sorted(round_trip(Path(folder), [*names, PLAIN])) == sorted([*names, PLAIN])
        else:
            with pytest.raises(SourceRefused, match="control character"):
                round_trip(Path(folder), names)


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "\x85", "a\rb", "x\x9b31m"])
def test_control_characters_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceRefused, match="holds a control character") as caught:
        round_trip(tmp_path, [name])
    assert caught.value.message.isprintable()


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw" / "a").mkdir(parents=True)
    (tmp_path / "raw" / "a" / "\udcff.png").write_bytes(b"")
    with pytest.raises(SourceRefused, match="is not UTF-8"):
        refresh(params_of(), tmp_path, tmp_path / "cache")
