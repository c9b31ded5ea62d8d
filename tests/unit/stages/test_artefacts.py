"""A bit that flips between two stages is noticed by whoever reads the artefact, although DVC notices nothing."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from components.errors import DigestMismatch, StorageError
from components.params import load_params
from components.stages.artefacts import check_artefacts, note_artefact
from components.stages.commands import context
from components.stages.execute import execute
from components.stages.promote import promote
from components.stages.register import register
from components.stages.report import report
from components.stages.table import STAGES
from components.storage.listing import list_folder, object_name
from components.storage.publish import sha256_tree

ROOT = Path(__file__).parents[3]
OUTPUTS = [out for row in STAGES for out in row.outputs]
FILES = [f"{out}/{name}" for out in OUTPUTS if "." not in out for name in ("a.json", "deep/b.npy")]


def flip(path: Path) -> None:
    """One bit, with size and time as they were."""
    kept = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (kept.st_size, kept.st_mtime_ns)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with every artefact, of which nobody knows anything."""
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    for name in [*FILES, "verdict.json"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f'"the bytes of {name}"')
    for name in ("params.yaml", "versions.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def noted(bare: Path) -> Path:
    """As the runner leaves it."""
    for name in OUTPUTS:
        note_artefact(bare, name)
    return bare


@pytest.fixture
def locked(bare: Path) -> Path:
    """As `dvc pull` leaves it: only dvc.lock knows."""
    stages = {
        row.name: {"outs": [{"path": out, "md5": object_name(bare / out)} for out in row.outputs]}
        for row in STAGES
    }
    (bare / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    return bare


def test_what_the_runner_wrote_is_known_by_one_digest(noted: Path) -> None:
    assert check_artefacts(noted) == {name: sha256_tree(noted / name) for name in OUTPUTS}


@pytest.mark.parametrize("name", [*FILES, "verdict.json"])
def test_a_flipped_bit_is_refused_and_the_file_is_named(noted: Path, name: str) -> None:
    flip(noted / name)
    maker = next(row.name for row in STAGES if name.split("/")[0] in row.outputs)
    with pytest.raises(
        DigestMismatch, match=rf"{name} is not what {maker} wrote.*pull --force {name.split('/')[0]}"
    ):
        check_artefacts(noted)


@pytest.mark.parametrize("name", OUTPUTS)
def test_dvc_lock_knows_what_no_run_here_made(locked: Path, name: str) -> None:
    check_artefacts(locked)
    shutil.rmtree(locked / ".graftline")
    flip(locked / name if "." in name else locked / name / "a.json")
    with pytest.raises(DigestMismatch, match=f"{name} is not what"):
        check_artefacts(locked)


def test_the_file_is_named_by_dvc_s_list_where_no_run_here_made_it(locked: Path) -> None:
    entries = [{"md5": entry.md5, "relpath": entry.path} for entry in list_folder(locked / "features")]
    name = object_name(locked / "features")
    path = locked / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(entries))
    flip(locked / "features" / "deep" / "b.npy")
    with pytest.raises(DigestMismatch, match=r"features/deep/b\.npy is not"):
        check_artefacts(locked)


def test_once_dvc_lock_agreed_the_file_can_be_named(locked: Path) -> None:
    check_artefacts(locked)
    flip(locked / "features" / "deep" / "b.npy")
    with pytest.raises(DigestMismatch, match=r"features/deep/b\.npy is not"):
        check_artefacts(locked)


def test_a_stage_without_inputs_is_not_kept_from_making_its_output_again(noted: Path) -> None:
    flip(noted / "checkpoint" / "a.json")
    assert check_artefacts(noted, []) == {}


def test_the_only_file_of_a_folder_is_named(noted: Path) -> None:
    shutil.rmtree(noted / "source" / "deep")
    note_artefact(noted, "source")
    flip(noted / "source" / "a.json")
    with pytest.raises(DigestMismatch, match=r"source/a\.json is not"):
        check_artefacts(noted)


def test_files_too_many_and_too_few_are_named(noted: Path) -> None:
    (noted / "head" / "more.bin").write_text("more")
    with pytest.raises(DigestMismatch, match=r"head/more\.bin"):
        check_artefacts(noted, ["head"])
    (noted / "head" / "more.bin").unlink()
    (noted / "head" / "a.json").unlink()
    with pytest.raises(DigestMismatch, match=r"head/a\.json"):
        check_artefacts(noted, ["head"])


def test_what_a_stage_wrote_counts_before_dvc_knows_it(locked: Path) -> None:
    """In the middle of `dvc repro`, and where a stage is run by hand."""
    (locked / "head" / "a.json").write_text("another run's")
    note_artefact(locked, "head")
    assert check_artefacts(locked, ["head"])


def test_what_dvc_checked_out_counts_although_a_run_wrote_other_bytes(locked: Path) -> None:
    known = (locked / "head" / "a.json").read_text()
    (locked / "head" / "a.json").write_text("another run's")
    note_artefact(locked, "head")
    (locked / "head" / "a.json").write_text(known)
    assert check_artefacts(locked, ["head"])


def test_what_nobody_knows_is_taken_as_it_is(bare: Path) -> None:
    assert check_artefacts(bare)["head"] == sha256_tree(bare / "head")


def test_a_damaged_lock_says_what_to_do(bare: Path) -> None:
    (bare / "dvc.lock").write_text("stages: [")
    with pytest.raises(StorageError, match=r"dvc\.lock is damaged\. Run: git checkout dvc\.lock"):
        check_artefacts(bare)


READERS = [(row.name, artefact) for row in STAGES for artefact in row.inputs if artefact in OUTPUTS]


@pytest.mark.parametrize(("stage", "artefact"), READERS)
def test_no_stage_begins_with_a_damaged_input(noted: Path, stage: str, artefact: str) -> None:
    flip(noted / artefact / "deep" / "b.npy")
    with pytest.raises(DigestMismatch, match=rf"{artefact}/deep/b\.npy"):
        execute(stage, noted, load_params(noted / "params.yaml"))


@pytest.mark.parametrize("name", ["release/a.json", "evaluation/a.json", "verdict.json", "checkpoint/a.json"])
@pytest.mark.parametrize("command", [register, promote, lambda *words: report(*words, context(*words))])
def test_no_command_reads_what_is_damaged(noted: Path, name: str, command: Callable[..., object]) -> None:
    flip(noted / name)
    with pytest.raises(DigestMismatch, match=name):
        command(noted, load_params(noted / "params.yaml"))
