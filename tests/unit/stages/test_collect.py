"""`gc` on a real small registry, DVC cache and caches: what goes, what stays and why, and whoever dies meanwhile."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brightness import write_release
from promoted import PASS, line_params

from components.backbones.catalogue import entry
from components.params import Params
from components.registry import ledger, unneeded
from components.registry.desk import Desk, open_desk
from components.registry.ledger import Note, Version
from components.registry.register import Candidate, register
from components.registry.runs import start_run
from components.stages.collect import Options, Pile, collect, table
from components.storage.garbage import DAY, Item
from components.storage.publish import kernel_lock, sha256_bytes, sha256_tree
from components.storage.samples import Field, SampleStore, Space
from components.training.checkpoints import Checkpoints

LATER = 100  # days
OLD, NEW = (
    Space("w" * 64, "below-3", "p" * 64, Field("x", (2,), "float32")),
    Space("v" * 64, "below-3", "p", Field("x", (2,), "float32")),
)
WEIGHTS = entry("efficientnet_lite0").sha256  # of the package that holds them


class Workspace:
    """Five versions: 1, 2 and 3 were champion one after the other, 4 never was, 5 is the release that lies here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / ".graftline"
        params = line_params(root / "pictures")
        # The experiment of a copied store has its artefacts elsewhere.
        tracking = params.tracking.model_copy(update={"experiment": "collected"})
        self.params: Params = params.model_copy(update={"tracking": tracking})

    @property
    def desk(self) -> Desk:
        return open_desk(self.root, self.params.tracking)

    def collect(self, **options: object) -> dict[str, Pile]:
        return {pile.kind: pile for pile in collect(self.root, self.params, Options(**options))}  # type: ignore[arg-type]

    def versions(self) -> list[str]:
        found = self.desk.connection.client.search_model_versions("name = 'cells'")
        return sorted(str(version.version) for version in found)

    def commit(self, text: str) -> bytes:
        """dataset/ with another content, in DVC's cache; what dvc.lock then says."""
        from dvc.repo import Repo

        (self.root / "dataset").mkdir(exist_ok=True)
        (self.root / "dataset" / "samples").write_text(text)
        (self.root / "dataset" / "always").write_text("the same")
        with chdir(self.root):
            Repo().commit("make", force=True)
        return (self.root / "dvc.lock").read_bytes()

    def cached(self) -> set[str]:
        """Texts in DVC's cache."""
        files = self.root / ".dvc" / "cache" / "files"
        return {path.read_text() for path in files.rglob("*") if path.is_file() and path.suffix != ".dir"}

    def register(self, slope: float, lock: bytes) -> Version:
        for name in ("release", "controls"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        write_release(self.root, {"model.onnx": slope})
        tags = {unneeded.LOCK_TAG: sha256_bytes(lock), "graftline.checkpoint_sha256": f"{slope:064.0f}"}
        providers = ["CPUExecutionProvider"]
        made = Candidate(self.root / "release", PASS, PASS, tags, {}, providers, None, b"{}", lock)
        run = start_run(self.root, self.params, "flow")
        done = register(self.root, self.params.tracking, made, run)
        return Version(done.version, done.digest, sha256_bytes(b"{}"))


def _age(folder: Path, days: float) -> None:
    then = time.time() - days * DAY
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Workspace]:
    from dvc.repo import Repo

    patch = pytest.MonkeyPatch()
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        patch.delenv(name, raising=False)
    root = tmp_path_factory.mktemp("collected")
    patch.setenv("GRAFTLINE_LEDGER_KEY", str(root / "key.pem"))
    (root / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, root / ".graftline" / "mlflow" / "mlflow.db")
    Repo.init(str(root), no_scm=True)
    (root / "dvc.yaml").write_text("stages: {make: {cmd: 'true', outs: [dataset]}}\n")
    workspace = Workspace(root)
    locks = [workspace.commit(text) for text in "ABC"]
    versions = [workspace.register(n, locks[n // 3 + n // 5]) for n in (1, 2, 3)]
    desk, before = workspace.desk, None
    for version in versions:
        with desk.locked():
            desk.move(Note("promote", "ada@host", before, version, ("it is superior",)))
        before = version
    workspace.register(4, locks[0])
    workspace.register(5, locks[2])
    yield workspace
    patch.undo()


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy for each test, 100 days later."""
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    copied = Workspace(tmp_path / "line")
    shutil.copytree(made.root, copied.root)
    with closing(sqlite3.connect(copied.state / "mlflow" / "mlflow.db")) as store:
        for table_, column in PLACES:
            change = f"UPDATE {table_} SET {column} = replace({column}, ?, ?)"
            store.execute(change, (made.root.as_uri(), copied.root.as_uri()))
        store.commit()
    later = SimpleNamespace(time=lambda: time.time() + LATER * DAY)
    monkeypatch.setattr(unneeded, "time", later)  # the registry's ages; files are aged one by one
    _age(copied.root / ".dvc" / "cache", LATER)
    return copied


PLACES = (
    ("experiments", "artifact_location"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def _whole(root: Path) -> str:
    """Digest of everything but what looking leaves: locks, journals, the database."""
    kept = [root / ".dvc" / "cache", root / "dataset", *(root / ".graftline" / n for n in KEPT)]
    return sha256_bytes("".join(sha256_tree(path) for path in kept if path.exists()).encode())


KEPT = ("store", "training", "downloads", "models", "mlflow/artifacts", "mlflow/mlflow.ledger")


def _fill(workspace: Workspace) -> None:
    """One old and one young thing of each kind."""
    store = SampleStore(workspace.state / "store")
    for space in (OLD, NEW):
        store.add(space, ["a", "b"], np.ones((2, 2), np.float32))
    for name in ("old", "young"):
        folder = workspace.state / "training" / name
        folder.mkdir(parents=True)
        (folder / "000001.checkpoint").write_bytes(b"x" * 1000)
        (folder / "lock").write_text("1")
    downloads = workspace.state / "downloads"
    (downloads / "quarantine").mkdir(parents=True)
    for name in (
        WEIGHTS,
        f"{0:064.0f}",
        f"{3:064.0f}",
        "a" * 64,
        f"{'b' * 64}.part",
        f"quarantine/{'c' * 64}.{'d' * 64}",
    ):
        (downloads / name).write_bytes(b"y" * 10)
    (downloads / "notes.txt").write_text("not ours")
    (workspace.state / "store" / ".x.bin.abcdefgh").write_bytes(b"z" * 7)
    for path in (store._folder(OLD), workspace.state / "training" / "old", downloads):
        _age(path, 15)
    _age(workspace.state / "store" / "none", 15)
    then = time.time() - 2 * DAY
    os.utime(workspace.state / "store" / ".x.bin.abcdefgh", (then, then))
    os.utime(downloads / ("a" * 64))


def test_a_dry_run_says_what_goes_and_why_the_rest_stays_and_changes_nothing(workspace: Workspace) -> None:
    _fill(workspace)
    before = _whole(workspace.root)
    piles = workspace.collect(dry=True)
    assert _whole(workspace.root) == before
    assert workspace.versions() == list("12345")
    said = {item.name: item.kept for item in piles["registered versions"].items}
    assert said == {
        "version 1": "",
        "version 2": "what a rollback brings back",
        "version 3": "alias champion",
        "version 4": "",
        "version 5": "this workspace's release",
    }
    objects = (p for p in (workspace.root / ".dvc" / "cache" / "files").rglob("*") if p.is_file())
    assert sum(item.size for item in piles["DVC cache"].items) == sum(p.stat().st_size for p in objects)
    shown = "\n".join(table(list(piles.values()), True))
    assert "would free" in shown
    assert "version 1, version 4" in shown
    assert "lineage of version" in shown
    again = {kind: (pile.items, pile.remark) for kind, pile in workspace.collect().items()}
    assert again == {kind: (pile.items, pile.remark) for kind, pile in piles.items()}, "it did what it said"


def test_what_nobody_needs_goes_and_lineage_stays(workspace: Workspace) -> None:
    _fill(workspace)
    workspace.collect()
    assert workspace.versions() == ["2", "3", "5"]
    desk = workspace.desk
    now = desk.state()
    assert now.champion
    for version in (now.champion, *now.earlier[-1:]):
        desk.verify(version)
    assert len(list((workspace.state / "mlflow" / "artifacts").rglob("MLmodel"))) == 3
    assert workspace.cached() == {"A", "B", "C", "the same"}, "2 was made from A, 3 from B"
    spaces = {path.name for path in (workspace.state / "store").iterdir()}
    assert spaces == {NEW.digest[:32]}
    assert [path.name for path in (workspace.state / "training").iterdir()] == ["young"]
    left = {path.name for path in (workspace.state / "downloads").rglob("*") if path.is_file()}
    wanted = {WEIGHTS, f"{3:064.0f}", "a" * 64, "notes.txt"}
    assert left == wanted, "the workspace's backbone, version 3's checkpoint, a young one, a stranger"
    assert not any(pile.remark for pile in workspace.collect(dry=True).values())


def test_objects_of_no_needed_version_go_from_dvcs_cache(workspace: Workspace) -> None:
    with (desk := workspace.desk).locked():
        desk.rollback("1", "ada@host", "")  # now nothing needs 2 and 3
    lists = list((workspace.root / ".dvc" / "cache" / "files").rglob("*.dir"))
    for path in lists:
        os.utime(path)  # another worktree with this cache has just written one that names old files
    workspace.collect()
    assert workspace.versions() == ["1", "5"]
    assert workspace.cached() == {"A", "B", "C", "the same"}
    _age(workspace.root / ".dvc" / "cache", LATER)
    workspace.collect()
    assert workspace.cached() == {"A", "C", "the same"}
    from dvc.repo import Repo

    shutil.rmtree(workspace.root / "dataset")
    with chdir(workspace.root):
        Repo().checkout()
    assert (workspace.root / "dataset" / "samples").read_text() == "C"


def test_what_was_served_lately_is_needed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """3 was champion until 50 days ago; 4 scored something 40 days ago."""
    now = time.time()
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 50 * DAY))
    monkeypatch.setattr(ledger, "_now", lambda: when)
    with (desk := workspace.desk).locked():
        desk.rollback("1", "ada@host", "")
    client, start = desk.connection.client, int((now + 60 * DAY) * 1000)
    run = client.create_run(desk.connection.experiment, start, {"graftline.engine": "score"})
    digest = client.get_model_version("cells", "4").tags["graftline.release_sha256"]
    client.log_param(run.info.run_id, "release_sha256", digest)
    said = {i.name: i.kept for i in workspace.collect(dry=True)["registered versions"].items}
    assert said["version 3"] == f"champion until {when}"
    assert said["version 4"].startswith("scored on ")
    assert said["version 2"] == ""


def test_a_rollback_goes_on_meanwhile_and_what_it_brings_back_stays(workspace: Workspace) -> None:
    """Version 1 is not needed when the collector looks; it serves again before the collector frees it."""
    with unneeded.open_shelf(workspace.root, workspace.params.tracking, 90, "") as shelf:
        (item,) = [item for item in shelf.items() if item.name == "version 1"]
        assert not item.kept
        with (desk := workspace.desk).locked():
            desk.rollback("1", "ada@host", "")
        assert shelf.free(item) == "alias champion"
        assert "1" in shelf.look()
    assert "1" in workspace.versions()


def test_windows_and_references_go_after_their_time(workspace: Workspace) -> None:
    state = workspace.state
    old, young = (state / "monitoring" / "cells" / (letter * 16) for letter in "ab")
    report, card = (state / "reports" / "runs" / f"2026.{kind}" for kind in ("html", "md"))
    alarm = state / "monitoring" / "cells" / "alarms" / "x.json"
    reference = state / "references" / f"{'c' * 64}.parquet"
    for path in (old / "index.html", young / "index.html", report, card, alarm, reference):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for path in (old, report.parent, alarm.parent, reference.parent):
        _age(path, LATER)
    workspace.collect()
    assert [path.exists() for path in (old, young, report, card, alarm, reference)] == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]


def test_what_somebody_uses_is_left_alone(workspace: Workspace) -> None:
    _fill(workspace)
    locks = workspace.state / "locks"
    with (
        kernel_lock(locks / "fine_tune-0123abcd"),  # a stage of another workspace with these caches
        Checkpoints(workspace.state / "training" / "old").held(),
        kernel_lock(locks / "register"),
        kernel_lock(locks / "models"),
    ):
        before = _whole(workspace.root)
        piles = workspace.collect()
    kept = workspace.state / "downloads"
    assert "fine_tune-0123abcd" in piles["sample store"].remark
    assert "not known" in piles["DVC cache"].remark
    assert "register" in piles["registered versions"].remark
    assert {item.kept for item in piles["unfinished trainings"].items} == {
        "being trained",
        "written within 14 days",
    }
    assert "downloads" not in piles, "nobody knows whose these are"
    assert (kept / f"{0:064.0f}").exists()
    (workspace.state / "store" / ".x.bin.abcdefgh").write_bytes(b"z" * 7)  # what alone went
    assert _whole(workspace.root) == before


def test_a_version_whose_lock_nobody_knows_keeps_dvcs_cache(workspace: Workspace) -> None:
    model = next((workspace.state / "mlflow" / "artifacts").rglob("dvc.lock"))
    for path in (workspace.state / "mlflow" / "artifacts").rglob("dvc.lock"):
        path.unlink()
    assert not model.exists()
    before = workspace.cached()
    pile = workspace.collect()["DVC cache"]
    assert pile.remark == "kept: version 2, 3 has no dvc.lock that could be found"
    assert workspace.cached() == before


class Killed(BaseException):
    """Nothing in between catches it."""


@pytest.mark.parametrize("where", ["delete_artifacts", "delete_logged_model", "unlink"])
def test_whoever_dies_meanwhile_the_next_call_ends_the_same(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    _fill(workspace)
    with monkeypatch.context() as dying:
        _dies(dying, where)
        with pytest.raises(Killed):
            workspace.collect()
    assert set(workspace.versions()) >= {"2", "3", "5"}
    workspace.collect()
    assert workspace.versions() == ["2", "3", "5"]
    assert len(list((workspace.state / "mlflow" / "artifacts").rglob("MLmodel"))) == 3
    assert [path.name for path in (workspace.state / "store").iterdir()] == [NEW.digest[:32]]
    assert workspace.collect(dry=True)["registered versions"].items == [
        item for item in workspace.collect(dry=True)["registered versions"].items if item.kept
    ]


def _dies(patch: pytest.MonkeyPatch, where: str) -> None:
    def dying(*_: object, **__: object) -> None:
        raise Killed

    if where == "unlink":
        patch.setattr(Path, "unlink", _after(1, Path.unlink))
    elif where == "delete_artifacts":
        from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

        patch.setattr(LocalArtifactRepository, "delete_artifacts", dying)
    else:
        from mlflow import MlflowClient

        patch.setattr(MlflowClient, "delete_logged_model", dying)


def _after(calls: int, real: Callable[..., None]) -> Callable[..., None]:
    """Die in the sample store, between the index and its data."""
    left = [calls]

    def unlink(path: Path, *words: bool, **options: bool) -> None:
        real(path, *words, **options)
        if path.parent.parent.name == "store":
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    return unlink


@pytest.mark.parametrize(("dry", "said"), [(True, "Nothing would be freed."), (False, "Nothing was freed.")])
def test_that_there_is_nothing_to_free_is_said(dry: bool, said: str) -> None:
    young = Item("space", 10**6, kept="used lately")
    assert list(table([Pile("sample store", [young]), Pile("DVC cache")], dry))[-1] == said
    assert "Nothing" not in list(table([Pile("sample store", [Item("space", 10**6)])], dry))[-1]


def test_what_takes_long_shows_how_far_it_is(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    """Versions are asked for, DVC's objects and the caches are walked through: a dry run is as slow as a real one."""
    (workspace.state / "models" / ("a" * 64)).mkdir(parents=True, exist_ok=True)
    workspace.collect(dry=True)
    said = capfd.readouterr().err
    for words in (
        "Looking at the registry",
        "registered versions",
        "DVC cache, ages",
        "DVC cache, sizes",
        "look for leftovers",
        "fetched releases",
    ):
        assert words in said
