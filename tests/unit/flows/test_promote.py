"""The command: what it says and with which code it ends; the comparison itself is tests/unit/stages/test_promote.py."""

import re
import shutil
from pathlib import Path

import pytest
import written
import yaml

from components.errors import ParamsError
from components.params import Params, load_params
from components.registry.desk import Desk, open_desk
from components.registry.ledger import Note, Version
from components.registry.reference import Shelf
from components.registry.register import Candidate, Registered, register
from components.registry.runs import start_run
from components.storage.publish import sha256_bytes, write_json
from flows.promote import CODES, main
from flows.standing import headline, instant, ruling_lines, ruling_markdown
from tests.unit.flows.slow import imported_by

PARAMS = {**written.PARAMS, "tracking": {"model": "cells"}}
PASS = {"verdict": "pass", "rules": [{"rule": "accuracy at least 0.5", "outcome": "pass"}]}


@pytest.fixture
def root(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME", "GRAFTLINE_LEDGER_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "key.pem"))
    (tmp_path / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, tmp_path / ".graftline" / "mlflow" / "mlflow.db")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    return tmp_path


def _registered(root: Path, params: Params, boundary: float) -> Registered:
    from brightness import write_release

    for name in ("release", "controls"):
        shutil.rmtree(root / name, ignore_errors=True)
    write_release(root, {"model.onnx": boundary})
    made = Candidate(root / "release", PASS, PASS, {}, {}, ["CPUExecutionProvider"], None, b"{}")
    return register(root, params.tracking, made, start_run(root, params, "flow"))


def _champion(desk: Desk, done: Registered, source: Version | None) -> Version:
    target = Version(done.version, done.digest, sha256_bytes(b"{}"))
    desk.move(Note("promote", "ada@host", source, target, ("it is superior",)))
    return target


@pytest.fixture
def desk(root: Path) -> Desk:
    """Version 1, then version 2 were champion."""
    params = load_params(root / "params.yaml")
    desk = open_desk(root, params.tracking)
    one = _champion(desk, _registered(root, params, 0.01), None)
    _champion(desk, _registered(root, params, 0.02), one)
    return desk


def test_looking_back_moving_back_and_checking(
    root: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify"], root) == 0
    said = capsys.readouterr().out
    assert re.search(r"ledger of cells is whole. Its head: entry 4, [0-9a-f]{64}\.", said)
    assert "Champion: version 2" in said
    assert "bring back version 1" in said
    assert said.count("(covered: release and samples only)") == 2, "their entries name no more"

    assert main(["rollback", "--note", "too eager"], root) == 0
    assert capsys.readouterr().out == "cells version 1 is champion now.\n"
    assert desk.alias("champion") == "1"

    assert main(["history"], root) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert re.search(r"3 .*promote +1 → 2 +ada@host +it is superior$", lines[3])
    assert re.search(r"5 .*rollback +2 → 1 +.*too eager$", lines[5])

    assert main(["at", "2999-01-01"], root) == 0
    assert "2999-01-01T00:00:00Z: version 1, champion since " in capsys.readouterr().out
    assert main(["at", "2001-01-01T12:00+02:00"], root) == 0
    assert capsys.readouterr().out == "2001-01-01T10:00:00Z: nothing served.\n"

    assert main(["rollback"], root) == 3
    assert "nothing to go back to" in capsys.readouterr().err


def test_a_changed_ledger_and_exchanged_files_are_found(
    root: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = root / ".graftline" / "mlflow" / "mlflow.ledger" / "cells.jsonl"
    kept = ledger.read_bytes()
    ledger.write_bytes(kept.replace(b"superior", b"inferior", 1))
    for words in (["verify"], ["history"], ["rollback"]):
        assert main(words, root) == 14
        assert "entry 1 was changed" in capsys.readouterr().err
    ledger.write_bytes(kept)
    uri = desk.connection.client.get_model_version_download_uri("cells", "1")
    write_json(Path(uri.removeprefix("file://")) / "release" / "parity.json", {})
    for words in (["verify"], ["rollback"]):
        assert main(words, root) == 11
        assert "cells version 1" in capsys.readouterr().err
    assert desk.alias("champion") == "2"
    desk.connection.client.set_registered_model_alias("cells", "champion", "1")
    assert main(["verify"], root) == 20
    assert "somebody moved it past the ledger" in capsys.readouterr().err


@pytest.fixture
def whole(root: Path) -> tuple[Desk, Path]:
    """Version 1 was promoted with the digest of all its files; where these lie."""
    params = load_params(root / "params.yaml")
    desk, done = open_desk(root, params.tracking), _registered(root, params, 0.01)
    found = desk.find(done.digest)
    assert found is not None
    desk.move(Note("promote", "ada@host", None, Version("1", done.digest, found.samples, found.folder)))
    uri = desk.connection.client.get_model_version_download_uri("cells", "1")
    return desk, Path(uri.removeprefix("file://"))


@pytest.mark.parametrize(
    "name", ["model.onnx", "MLmodel", "conda.yaml", "requirements.txt", "samples.json", "new.py"]
)
def test_verify_covers_every_file_of_the_version(
    root: Path, whole: tuple[Desk, Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    _, folder = whole
    assert main(["verify"], root) == 0
    assert "with the files that were promoted (covered: all of its files)." in capsys.readouterr().out
    with (folder / name).open("ab") as file:
        file.write(b"#")
    assert main(["verify"], root) == 11
    said = capsys.readouterr().err
    assert ("samples.json is" if name == "samples.json" else "a file beside release/") in said


def test_verify_looks_at_the_reference_of_monitoring(
    root: Path, whole: tuple[Desk, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = Shelf(root, load_params(root / "params.yaml").tracking)
    kept = shelf.keep(shelf.find("1"), b"a reference")
    assert main(["verify"], root) == 0, "a reference that comes later changes no other file"
    assert "the reference of monitoring is the one that its tag names" in capsys.readouterr().out
    (whole[1] / "monitoring" / f"{kept.reference}.parquet").write_bytes(b"another")
    assert main(["verify"], root) == 11
    assert "flows.monitor reference --version 1" in capsys.readouterr().err


def test_an_alias_that_no_entry_names_is_taken_away(
    root: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clear"], root) == 3
    assert (
        "version 2 serves. To set it again: python -m flows.promote rollback --to 2"
        in capsys.readouterr().err
    )
    shutil.rmtree(root / ".graftline" / "mlflow" / "mlflow.ledger")
    assert main(["clear"], root) == 0
    assert capsys.readouterr().out == "No version of cells is champion now; version 2 was.\n"
    assert desk.alias("champion") is None
    assert [entry.note.kind for entry in desk.ledger.entries()] == ["clear"]
    assert main(["clear"], root) == 0


def test_a_rollback_works_while_a_training_holds_the_workspace(root: Path, desk: Desk) -> None:
    from components.storage.home import stage_lock
    from components.storage.publish import kernel_lock

    with kernel_lock(stage_lock(root, "workspace")):
        assert main(["rollback"], root) == 0
        assert main([], root) == 75


def test_before_anything_was_promoted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history"], root) == 0
    assert capsys.readouterr().out == "Nothing was promoted yet.\n"
    assert main(["at", "soon"], root) == 2
    assert "'soon' is no time" in capsys.readouterr().err
    assert main(["approve", "1"], root) == 3
    assert "does not wait for approval (waiting: none)" in capsys.readouterr().err


def test_a_shared_registry_is_refused_at_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracking = {"model": "cells", "uri": "https://mlflow.example.org"}
    (root / "params.yaml").write_text(yaml.safe_dump({**PARAMS, "tracking": tracking}))
    for words in (["history"], ["rollback"], ["verify"]):
        assert main(words, root) == 20
        assert "is shared" in capsys.readouterr().err


def test_the_help_does_not_call_the_command_required(capsys: pytest.CaptureFixture[str]) -> None:
    for words, usage in (([], "[-h] [COMMAND ...]"), (["rollback"], "rollback [-h] [--to VERSION]")):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        assert capsys.readouterr().out.startswith(f"usage: python -m flows.promote {usage}")


def test_every_outcome_has_a_code_and_a_sentence() -> None:
    from components.evaluation.judged import Judged
    from components.evaluation.promotion import Ruling
    from components.stages.promote import Promotion

    rule = Judged("f1 loses at most 0.02", "metric", "inconclusive", "+0.01 | odd")
    for outcome in CODES:
        done = Promotion(outcome, "3", "2", Ruling(outcome, ("a reason",), (rule,)))
        assert "version 3" in headline(done)
        assert "  because a reason" in list(ruling_lines(done))
        assert "| inconclusive | f1 loses at most 0.02 | +0.01 \\| odd |" in ruling_markdown(done)
    assert len(set(CODES.values())) == len(CODES) - 1


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert instant("2026-11-01T12:00") == "2026-11-01T12:00:00Z"
    assert instant("2026-11-01T12:00:30+01:00") == "2026-11-01T11:00:30Z"
    with pytest.raises(ParamsError, match="is no time"):
        instant("12 o'clock")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 14, "release, which promote reads, does not exist. Run: make run"),
        (["at", "noon"], 2, "'noon' is no time"),
        (["rollback", "--to", "9"], 3, "version 9 was never champion. Versions that were: 1, 2."),
        (["approve", "9"], 3, "version 9 does not wait for approval"),
        (["reject", "9"], 3, "version 9 does not wait for approval"),
    ],
)
def test_what_the_ledger_or_the_folder_says_needs_nothing_slow(
    root: Path, desk: Desk, words: list[str], code: int, said: str
) -> None:
    shutil.rmtree(root / "release")
    ended = imported_by("flows.promote", words, root)
    assert said in ended.said
    assert ended.code == code
    assert ended.names == []
