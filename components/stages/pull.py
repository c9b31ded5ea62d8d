"""The command `pull`: every output that dvc.lock and the `.dvc` files name, in the workspace, with exactly their bytes.

`dvc pull` believes the remote: it writes wherever a list of files says, and takes what comes without hashing it. Here
every list is checked before anything is written, and every file is hashed while it is.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from components.errors import GraftlineError, ParamsError, StorageError
from components.progress import log
from components.stages.artefacts import note_artefact
from components.stages.dvc_repo import Output, locked_repo
from components.storage.git import without_git
from components.storage.listing import Entry, list_folder, md5_file, object_name, wrong_place
from components.storage.objects import CHUNK, Missing, Objects
from components.storage.publish import publish_folder, remove
from components.system_errors import writing

REFUSED = "Nothing was written. Who changed that file? Do not run anything before you know."


def pull(root: Path, names: Sequence[str] = (), force: bool = False) -> list[str]:
    """Bring the outputs `names` (none: all) from DVC's cache, or from the default remote; returns those that changed.

    Args:
        force: overwrite what differs, too, and is saved nowhere.

    Raises StorageError, DigestMismatch or SourceError. Where a list or a path is refused, nothing was written at all.
    """
    with locked_repo(root) as repo:
        wanted = outputs(root, repo.outputs(), names)
        return _Pull(root, Objects(repo.cache, repo.remote("pull")), force).run(wanted)


def restore(root: Path) -> None:
    """Bring back what dvc.lock names and the cache has whole; whatever is missing, the stages make."""
    try:
        with locked_repo(root) as repo:
            puller = _Pull(root, Objects(repo.cache), force=True)
            for one in outputs(root, repo.outputs()):
                with suppress(Missing):
                    puller.run([one])
    except GraftlineError as error:
        log(f"Nothing is brought back from DVC's cache: {error}")


def outputs(root: Path, found: Iterable[Output], names: Sequence[str] = ()) -> list[Output]:
    """What is to be there, after a look at every path. Raises StorageError where one of them is refused."""
    wanted = [out for out in found if out.name and (not names or out.path in names)]
    if unknown := set(names) - {one.path for one in wanted}:
        raise ParamsError(f"No stage and no .dvc file has made {', '.join(sorted(unknown))}.")
    for one in wanted:
        if why := wrong_place(root, one.path, bool(one.stage)):
            raise StorageError(f"An output at {one.path!r:.120} is refused: {why}.", REFUSED)
    if held := _tracked(root, [one.path for one in wanted]):
        raise StorageError(f"An output at {held} is refused: git holds it.", REFUSED)
    return wanted


def _tracked(root: Path, paths: Sequence[str]) -> str:
    """A file of git's at one of `paths`, which an output would replace; empty where there is none, or no git."""
    if not paths:
        return ""
    words = ["git", "-C", str(root), "--literal-pathspecs", "ls-files", "--", *paths]
    env = without_git(os.environ)
    done = subprocess.run(words, capture_output=True, env=env, text=True, check=False)
    return done.stdout.partition("\n")[0] if done.returncode == 0 else ""


class _Pull:
    """One pull: first all lists, then all objects, then the workspace."""

    def __init__(self, root: Path, objects: Objects, force: bool) -> None:
        self._root = root
        self._objects = objects
        self._force = force

    def run(self, wanted: Sequence[Output]) -> list[str]:
        files = {one: self._files(one) for one in wanted}
        late = [one for one in wanted if not self._is_there(one)]
        for one in late:
            self._refuse_unsaved(one)
        for one in late:
            try:
                self._objects.bring_all([entry.md5 for entry in files[one]], one.path, one.size)
            except Missing as error:
                again = f"`dvc repro {one.stage}` makes {one.path} again." if one.stage else ""
                raise Missing(error.message, again) from None
        for one in late:
            self._write(one, files[one])
            if one.stage:
                note_artefact(self._root, one.path)
        if self._objects.damaged:
            log(f"{len(self._objects.damaged)} objects of DVC's cache were damaged and are replaced.")
        return [one.path for one in late]

    def _files(self, one: Output) -> list[Entry]:
        if not one.is_folder:
            return [Entry("", one.name)]
        return self._objects.entries(one.name, one.path)

    def _is_there(self, one: Output) -> bool:
        """Whether the workspace has these bytes: DVC would believe size and time."""
        path = self._root / one.path
        return path.exists() and path.is_dir() == one.is_folder and object_name(path) == one.name

    def _refuse_unsaved(self, one: Output) -> None:
        path = self._root / one.path
        if self._force or not path.exists():
            return
        held = list_folder(path) if path.is_dir() else [Entry("", md5_file(path))]
        for entry in held:
            if not self._objects.whole(entry.md5):
                name = f"{one.path}/{entry.path}".rstrip("/")
                raise StorageError(
                    f"{name} is not what dvc.lock names, and its bytes are saved nowhere.",
                    f"To overwrite it: python -m components pull --force {one.path}",
                )

    def _write(self, one: Output, files: Sequence[Entry]) -> None:
        target = self._root / one.path
        if not one.is_folder:
            beside = target.with_name(f".{target.name}.partial")
            self._copy(files[0], one, beside)
            remove(target)
            beside.replace(target)
            return
        with publish_folder(target) as folder:
            for entry in files:
                self._copy(entry, one, folder / entry.path)

    def _copy(self, entry: Entry, one: Output, path: Path) -> None:
        """Hashed while it is written: nobody knows what lies in the cache by now."""
        digest = hashlib.md5(usedforsecurity=False)
        with writing(Path(one.path, entry.path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._objects.path(entry.md5).open("rb") as source, path.open("xb") as file:
                    while data := source.read(CHUNK):
                        digest.update(data)
                        file.write(data)
                    os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):  # what refused the file is told
                    path.unlink()
                raise
        if digest.hexdigest() != entry.md5:
            path.unlink(missing_ok=True)
            raise StorageError(f"The object {entry.md5} of {one.path} changed while it was read.")
