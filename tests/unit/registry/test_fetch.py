"""A registered release comes back whole or not at all; MLflow loads nothing."""

import shutil
from pathlib import Path

import pytest
from brightness import write_release

from components.errors import DigestMismatch, RegistryError
from components.inference.bundle import verify
from components.params import Params
from components.registry.desk import open_desk
from components.registry.fetch import Fetched, fetch
from components.registry.ledger import Note, Version
from components.registry.register import VERIFIED_TAG, Candidate, register
from components.registry.runs import start_run
from components.registry.store import Connection
from components.storage.publish import sha256_tree, write_json

PASS: dict[str, object] = {"verdict": "pass", "rules": [{"rule": "accuracy at least 0.5", "outcome": "pass"}]}


@pytest.fixture
def registered(workspace: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Two versions of the model `cells`; the second is the champion."""
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(workspace / "key.pem"))
    for slope in (0.02, 0.05):
        shutil.rmtree(workspace / "release", ignore_errors=True)
        write_release(workspace, {"model.onnx": slope})
        made = Candidate(workspace / "release", PASS, PASS, {}, {}, ["CPUExecutionProvider"], samples=b"{}")
        register(workspace, params.tracking, made, start_run(workspace, params, "flow"))
    desk = open_desk(workspace, params.tracking)
    found = desk.find(sha256_tree(workspace / "release"))
    assert found is not None
    champion = Version("2", sha256_tree(workspace / "release"), found.samples, found.folder)
    with desk.locked():
        desk.move(Note("promote", "ada@host", target=champion))
    return desk.connection


def artefacts(registered: Connection, version: str) -> Path:
    """Where the registry keeps the version's files."""
    uri = registered.client.get_model_version_download_uri("cells", version)
    return Path(uri.removeprefix("file://"))


def test_alias_and_version_lead_to_the_bundle_s_very_bytes(
    workspace: Path, params: Params, registered: Connection
) -> None:
    champion, first = (fetch(workspace, params.tracking, version) for version in (None, "1"))
    assert (champion.name, champion.version, first.version) == ("cells", "2", "1")
    for found in (champion, first):
        assert found.folder == workspace / ".graftline" / "models" / found.digest
        assert sha256_tree(found.folder) == found.digest
        verify(found.folder)
    # What is here already is not asked for again, and a damaged copy is.
    kept = artefacts(registered, "2")
    hidden = kept.rename(kept.with_name("hidden"))
    assert fetch(workspace, params.tracking).folder == champion.folder
    hidden.rename(kept)
    (champion.folder / "model.onnx").write_bytes(b"damaged")
    assert sha256_tree(fetch(workspace, params.tracking).folder) == champion.digest


def test_a_tampered_artefact_is_refused(workspace: Path, params: Params, registered: Connection) -> None:
    model = artefacts(registered, "2") / "release" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    with pytest.raises(DigestMismatch, match="cells version 2 is not the release that was registered"):
        fetch(workspace, params.tracking)
    assert not list((workspace / ".graftline" / "models").glob("[0-9a-f]*"))


def test_what_is_not_there_or_was_never_verified_is_said_with_the_remedy(
    workspace: Path, params: Params, registered: Connection
) -> None:
    def asked(version: str | None = None, alias: str = "champion") -> Fetched:
        return fetch(workspace, params.tracking, version, alias)

    with pytest.raises(
        RegistryError, match=r"No version of cells has the alias 'best'\. Aliases: champion\."
    ):
        asked(alias="best")
    with pytest.raises(RegistryError, match="cells has no version 7"):
        asked("7")
    registered.client.set_model_version_tag("cells", "1", VERIFIED_TAG, "failed")
    with pytest.raises(RegistryError, match="cells version 1 was not verified after its upload"):
        asked("1")
    none = params.tracking.model_copy(update={"model": "none"})
    with pytest.raises(RegistryError, match=r"holds no model none\. Run: make run"):
        fetch(workspace, none)
    verdict = {"verdict": "inconclusive", "release_sha256": sha256_tree(workspace / "release")}
    write_json(workspace / "verdict.json", verdict)
    said = (
        r"none: the gate's verdict on the release of this workspace is inconclusive\. "
        r"See .*\.graftline/reports/report\.html\."
    )
    with pytest.raises(RegistryError, match=said):
        fetch(workspace, none)
    for change in ({"release_sha256": "0" * 64}, PASS):  # of another release, or one that passed
        write_json(workspace / "verdict.json", {**verdict, **change})
        with pytest.raises(RegistryError, match=r"holds no model none\. Run: make run"):
            fetch(workspace, none)
    registered.client.delete_registered_model_alias("cells", "champion")
    with pytest.raises(
        RegistryError, match=r"alias 'champion'\. Aliases: none\. .*python -m flows\.promote\. Or"
    ):
        asked()
