"""`s3:` and `hf:` – object stores, through libraries that are optional extras."""

import hashlib
import importlib.util
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from components.errors import SourceError, SourceRefused
from components.progress import progress
from components.sources.base import Entries, Entry, check_digest, contained, file_digest, listing_digest
from components.sources.local import FolderSource

WORKERS = 8
HF = re.compile(
    r"hf://(?:(?P<kind>datasets|models)/)?(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[^/@]+)(?:/(?P<path>.+))?"
)


class Files(Protocol):
    """What is used of an fsspec file system."""

    def find(self, path: str, detail: bool) -> Mapping[str, Mapping[str, object]]: ...
    def get_file(self, rpath: str, lpath: str) -> None: ...


class ObjectSource:
    """The objects below a prefix, each fetched once as long as the store says that it has not changed.

    A store names an object's state by ETag and size; Graftline names it by SHA-256, so each object is copied
    to `cache/downloads/objects/` and hashed there. With `only`, no other objects are looked at.
    """

    def __init__(
        self,
        uri: str,
        files: Files,
        root: str,
        cache: Path,
        sha256: str | None = None,
        only: Sequence[str] = (),
    ) -> None:
        self.uri = uri
        self._files = files
        self._root = root.strip("/")
        self._folder = cache / "downloads" / "objects"
        self._sha256 = sha256
        self._only = only
        self._found: dict[str, tuple[Entry, Path]] | None = None

    @property
    def revision(self) -> str:
        """The digest of the listing."""
        return listing_digest(self.list())

    def list(self) -> Entries:
        """Fetches what is not here yet, in parallel."""
        if self._found is None:
            objects = self._objects()
            self._folder.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(WORKERS) as pool:
                done = pool.map(self._fetch, objects, objects.values())
                rows = list(progress(done, "fetch objects", "file", total=len(objects)))
            check_digest(self.uri, self._sha256, listing_digest(e for e, _ in rows) if self._sha256 else "")
            self._found = {entry.path: (entry, local) for entry, local in sorted(rows)}
        return [entry for entry, _ in self._found.values()]

    def read(self, path: str) -> bytes:
        """The object's bytes as they were listed, verified."""
        self.list()
        row = (self._found or {}).get(path)
        if row is None:
            raise SourceRefused(f"{self.uri} holds no object {path!r}.")
        data = row[1].read_bytes()
        check_digest(f"{self.uri}: {path} in the cache", row[0].sha256, hashlib.sha256(data).hexdigest())
        return data

    def _objects(self) -> dict[str, Mapping[str, object]]:
        try:
            found = self._files.find(self._root, detail=True)
        except Exception as error:  # each store's library has its own tree of errors
            raise SourceError(
                f"{self.uri} cannot be listed: {_first_line(error)}", "Check access and name."
            ) from error
        objects = {
            key: info
            for key, info in sorted(found.items())
            if not key.endswith("/") and (not self._only or self._name(key) in self._only)
        }
        if not objects:
            raise SourceRefused(f"{self.uri} holds no objects.", "Check bucket and prefix.")
        return objects

    def _name(self, key: str) -> str:
        """The object's path below the prefix; its last part where the prefix is the object itself."""
        name = key.strip("/")
        return name.removeprefix(self._root).strip("/") or name.rsplit("/", 1)[-1]

    def _fetch(self, key: str, info: Mapping[str, object]) -> tuple[Entry, Path]:
        """objects/<the store's name of this state>/<SHA-256>: a damaged copy is fetched again."""
        path = contained(self._name(key))
        state = info.get("ETag") or info.get("LastModified") or info.get("created")
        identity = f"{self.uri}\0{key}\0{info.get('size')}\0{state}"
        home = self._folder / hashlib.sha256(identity.encode()).hexdigest()
        for kept in home.glob("?" * 64) if state else ():
            if file_digest(kept) == kept.name:
                return Entry(path, kept.stat().st_size, kept.name), kept
        home.mkdir(parents=True, exist_ok=True)
        part = home / "part"
        try:
            self._files.get_file(key, str(part))
        except Exception as error:  # as above
            raise SourceError(f"{self.uri}: {path} cannot be fetched: {_first_line(error)}") from error
        local = part.replace(home / file_digest(part))
        return Entry(path, local.stat().st_size, local.name), local


def open_s3(uri: str, sha256: str | None, cache: Path, only: Sequence[str] = ()) -> ObjectSource:
    """`s3://bucket/prefix`; credentials and endpoint come from the environment, as for every AWS client."""
    import fsspec

    try:
        # No listings from memory: a process that lives for weeks must see what is new.
        files: Files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        raise SourceRefused(
            f"{uri} needs the extra `s3`.", "Install it: pip install 'graftline[s3]'."
        ) from error
    return ObjectSource(uri, files, uri.removeprefix("s3://"), cache, sha256, only)


def open_hf(uri: str, sha256: str | None, cache: Path, only: Sequence[str] = ()) -> FolderSource:
    """`hf://owner/name@revision/path`, or `hf://datasets/owner/name@revision/path`."""
    match = HF.fullmatch(uri)
    if match is None:
        raise SourceRefused(f"{uri!r} is malformed.", "Write hf://owner/name@revision/path.")
    if importlib.util.find_spec("huggingface_hub") is None:
        raise SourceRefused(f"{uri} needs the extra `hf`.", "Install it: pip install 'graftline[hf]'.")
    try:
        root, commit = _snapshot(match, cache / "downloads" / "hf", only)
    except Exception as error:  # the library's errors have no common base
        raise SourceError(
            f"{uri} cannot be fetched: {_first_line(error)}", "Check name, revision, access."
        ) from error
    path = match["path"]
    return FolderSource(uri, root / path if path else root, sha256, commit, only)


def _snapshot(match: re.Match[str], folder: Path, only: Sequence[str]) -> tuple[Path, str]:
    """The repository's files below the path, at the commit that the revision names now, and that commit."""
    import huggingface_hub

    kind = "dataset" if match["kind"] == "datasets" else "model"
    repo, path = match["repo"], match["path"]
    commit = str(huggingface_hub.HfApi().repo_info(repo, revision=match["revision"], repo_type=kind).sha)
    what = "/".join([f"{kind}/{repo}@{commit}/{path}", *only])
    target = folder / hashlib.sha256(what.encode()).hexdigest()
    done = target.with_suffix(".done")
    if not done.is_file():
        wanted = [path, *(f"{path}/{name}" for name in only or "*")] if path else [*only] or None
        huggingface_hub.snapshot_download(
            repo, revision=commit, repo_type=kind, local_dir=target, allow_patterns=wanted
        )
        # The library's own notes for resuming, which are no part of the repository.
        shutil.rmtree(target / ".cache", ignore_errors=True)
        done.touch()
    return target, commit


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
