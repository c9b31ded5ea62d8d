"""`register` takes what the stages made, and nothing else: an edited verdict or manifest makes no version."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from promoted import Line
from run_git import git

from components.errors import DigestMismatch, GateRefused, StorageError
from components.inference.bundle import open_bundle
from components.params.scoring import read_job
from components.registry.model import CARD
from components.registry.register import CONTRACT_TAG
from components.stages import gate
from components.stages.artefacts import locked_outputs
from components.stages.card import refresh_card, write_card
from components.stages.register import register
from components.stages.score import looked_for, open_release
from components.stages.table import Context
from components.storage.listing import object_name
from components.storage.publish import sha256_bytes, sha256_tree, write_json
from components.tracker import NullTracker

LOCKED = ("release", "evaluation", "verdict.json")


def _lock(root: Path) -> None:
    outs = [{"path": name, "hash": "md5", "md5": object_name(root / name)} for name in LOCKED]
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"all": {"outs": outs}}}))


@pytest.fixture
def line(new_line: Line) -> Line:
    """A release with its verdict, as `dvc repro` leaves them; its speed was measured before."""
    root = new_line.root
    new_line.release()
    context = Context(NullTracker(), root / "cache", 1, ("cpu",))
    inputs = {name: root / name for name in ("release", "evaluation")}
    gate.run(inputs, {"verdict.json": root / "verdict.json"}, new_line.params, context)
    _lock(root)
    setting = sha256_bytes(f"{new_line.params.runtime.providers} 1".encode())[:8]
    measured = {"batch1_ms_p95": 1.0, "samples_per_second": 1000.0}
    name = f"{sha256_tree(root / 'release')}-{setting}.json"
    write_json(root / ".graftline" / "operational" / name, measured)
    return new_line


def test_what_the_stages_made_is_registered(line: Line) -> None:
    first = register(line.root, line.params)
    again = register(line.root, line.params)
    assert (first.created, again.created, again.version) == (True, False, first.version)


def test_the_contract_is_kept_with_the_version_and_scoring_compares_it(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    version = register(line.root, line.params).version
    client, job = line.desk.connection.client, read_job({"input": "in", "output": "out", "version": 1})
    assert looked_for(line.root, line.params, job).startswith(
        "Looking for version 1 of cells in the registry at "
    )
    bundle, _ = open_release(line.root, line.params, job)
    assert "Looking for" not in capsys.readouterr().err, "the command says it, and then opens it twice"
    kept = client.get_model_version("cells", version).tags[CONTRACT_TAG]
    assert kept == bundle.contract.sha256 == open_bundle(line.root / "release").contract.sha256
    client.set_model_version_tag("cells", version, CONTRACT_TAG, "0" * 64)
    with pytest.raises(DigestMismatch, match="cells version 1 was registered with the contract 0000"):
        open_release(line.root, line.params, job)


def _edit(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    facts = json.loads(path.read_bytes())
    change(facts)
    write_json(path, facts)


def _no_digest(root: Path) -> None:
    _edit(root / "release" / "manifest.json", lambda facts: facts.update(threshold=0.9))
    _edit(root / "verdict.json", lambda facts: facts.pop("release_sha256"))
    _lock(root)


def _failed_rules(root: Path) -> None:
    def fail(facts: dict[str, object]) -> None:
        facts["rules"] = [{"rule": "accuracy at least 0.5", "outcome": "fail"}]

    _edit(root / "verdict.json", fail)
    _lock(root)


def _no_rules(root: Path) -> None:
    _edit(root / "verdict.json", lambda facts: facts.update(rules=[]))
    _lock(root)


def _release_and_digest(root: Path) -> None:
    _edit(root / "release" / "manifest.json", lambda facts: facts.update(threshold=0.9))
    digest = sha256_tree(root / "release")
    _edit(root / "verdict.json", lambda facts: facts.update(release_sha256=digest))


def _evaluation(root: Path) -> None:
    _edit(root / "evaluation" / "metrics.json", lambda facts: facts.update(note="x"))


def _verdict(root: Path) -> None:
    _edit(root / "verdict.json", lambda facts: facts.update(note="x"))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_no_digest, r"verdict\.json judges another release \(nothing\)"),
        (_failed_rules, r"verdict\.json says pass, but its rules do not:\n  - accuracy at least 0\.5: fail"),
        (_no_rules, r"verdict\.json says pass, but its rules do not:\n  - it holds no rule"),
        (_release_and_digest, r"release is not what export_onnx wrote"),
        (_evaluation, r"evaluation is not what evaluate wrote"),
        (_verdict, r"verdict\.json is not what gate wrote"),
        (lambda root: (root / "dvc.lock").unlink(), r"release is not named in dvc\.lock"),
    ],
)
def test_what_was_edited_is_not(line: Line, edit: Callable[[Path], object], said: str) -> None:
    edit(line.root)
    with pytest.raises((GateRefused, DigestMismatch), match=said):
        register(line.root, line.params)
    assert line.desk.find(sha256_tree(line.root / "release")) is None


def _files(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in CARD]


def test_the_card_is_the_version_s_byte_for_byte(line: Line) -> None:
    """With the model's name, the release's digest and the commit."""
    git(line.root, "init", "-q")
    git(line.root, "commit", "-q", "--allow-empty", "-m", "first")
    commit = git(line.root, "rev-parse", "HEAD")
    readme = write_card(line.root, line.params)
    assert readme == line.root / ".graftline" / "reports" / "README.md"
    written = _files(readme.parent)
    facts = json.loads(written[1])
    assert facts["model"]["name"] == "cells"
    assert facts["model"]["release_sha256"] == sha256_tree(line.root / "release")
    assert (facts["training"]["git_commit"], facts["training"]["git_dirty"]) == (commit, True)
    assert f"- Commit: {commit}, with changes that no commit holds\n" in readme.read_text()
    assert facts["gate"]["verdict"] == "pass"

    readme.write_text("of before")
    version = register(line.root, line.params).version
    assert _files(line.stored(version)) == written
    assert _files(readme.parent) == written, "it replaces an older one beside the report"


def test_the_card_of_a_clean_tree_names_its_commit_alone(line: Line) -> None:
    (line.root / ".gitignore").write_text("/.graftline\n")
    git(line.root, "init", "-q")
    git(line.root, "add", "-A")
    git(line.root, "commit", "-q", "-m", "all of it")
    readme = write_card(line.root, line.params)
    assert json.loads((readme.parent / "card.json").read_bytes())["training"]["git_dirty"] is False
    assert f"- Commit: {git(line.root, 'rev-parse', 'HEAD')}\n" in readme.read_text()


def test_a_refused_release_has_a_card_that_says_so(line: Line) -> None:
    _failed_rules(line.root)
    _edit(line.root / "verdict.json", lambda facts: facts.update(verdict="fail"))
    _lock(line.root)
    before = sha256_tree(line.root / "release")
    readme = write_card(line.root, line.params)
    assert "## Gate: fail" in readme.read_text()
    assert sha256_tree(line.root / "release") == before


def test_no_card_tells_of_another_release_s_verdict(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """The command refuses; where the report is written again, the old card is deleted."""
    readme = write_card(line.root, line.params)
    _edit(line.root / "release" / "manifest.json", lambda facts: facts.update(threshold=0.9))
    _lock(line.root)
    with pytest.raises(GateRefused, match=r"verdict\.json judges another release"):
        write_card(line.root, line.params)
    refresh_card(line.root, line.params)
    assert [(readme.parent / name).exists() for name in CARD] == [False, False]
    assert "no model card beside the report: verdict.json judges another release" in capsys.readouterr().err


def test_without_a_release_there_is_no_card(line: Line) -> None:
    shutil.rmtree(line.root / "release")
    with pytest.raises(StorageError, match="release does not exist"):
        write_card(line.root, line.params)


def test_names_of_objects_are_dvc_s(tmp_path: Path) -> None:
    for name in ("b.json", "a/ä.bin", "a.txt"):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 9)
    repo = Repo.init(str(tmp_path), no_scm=True)
    repo.add(str(tmp_path / "out"))
    repo.close()
    named = yaml.safe_load((tmp_path / "out.dvc").read_text())["outs"][0]["md5"]
    assert object_name(tmp_path / "out") == named
    assert locked_outputs(tmp_path) == {}
