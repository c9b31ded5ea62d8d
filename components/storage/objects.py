"""DVC's objects, in its cache and at a remote: each is hashed before anybody uses it, wherever it comes from."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from components.errors import DigestMismatch, SourceError, StorageError, first_line
from components.storage.listing import LARGEST, SUFFIX, Entry, md5_file, parse_listing
from components.system_errors import writing

CHUNK = 2**20
WORKERS = 8  # a remote answers slowly, and hashing needs no interpreter


class Files(Protocol):
    """What is used of DVC's file systems."""

    @property
    def protocol(self) -> str: ...
    def open(self, path: str, mode: str) -> BinaryIO: ...
    def info(self, path: str) -> Mapping[str, object]: ...
    def remove(self, path: str) -> None: ...


class Store(Protocol):
    """What is used of DVC's object stores."""

    @property
    def fs(self) -> Files: ...
    def oid_to_path(self, oid: str) -> str: ...
    def makedirs(self, path: str) -> None: ...
    def protect(self, path: str) -> None: ...
    def add(self, path: list[str], fs: object, oid: list[str], *, check_exists: bool) -> int: ...


class Missing(StorageError):
    """An object is neither in the cache nor at the remote."""


class Objects:
    """The objects of a repository: those of its cache and, where `remote` is given, of the remote.

    Attributes:
        damaged: names of objects whose bytes in the cache were others; they were removed from it.
    """

    def __init__(self, cache: Store, remote: Store | None = None) -> None:
        self._cache = cache
        self._remote = remote
        self.damaged: list[str] = []

    @property
    def files(self) -> Files:
        return self._cache.fs

    def path(self, name: str) -> Path:
        """Where object `name` lies in the cache, if it does."""
        return Path(self._cache.oid_to_path(name))

    def entries(self, name: str, output: str) -> list[Entry]:
        """The files that the list `name` puts into the folder `output`; see `parse_listing`.

        Raises Missing, DigestMismatch where the remote's bytes are others, and what `parse_listing` raises.
        """
        self.bring(name, output, LARGEST)
        with self.path(name).open("rb") as file:
            data = file.read(LARGEST + 1)
        if _md5(data) != name.removesuffix(SUFFIX):
            raise DigestMismatch(f"The object {name} of {output} changed while it was read.")
        try:
            return parse_listing(data, name, output)
        except StorageError:
            self.discard(name)  # `dvc checkout` would follow it
            raise

    def bring(self, name: str, output: str, limit: int | None = None) -> None:
        """Make sure that the cache holds `name` whole: what is damaged there goes, and comes from the remote again.

        Args:
            output: what it is part of, for messages.
            limit: bytes that it may have.
        """
        if self.whole(name):
            return
        if self._remote is None:
            raise Missing(f"The object {name} of {output} is not in DVC's cache, and no DVC remote is set.")
        self._fetch(self._remote, name, output, limit)

    def bring_all(self, names: Iterable[str], output: str, limit: int | None) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda name: self.bring(name, output, limit), sorted(set(names))))

    def whole(self, name: str) -> bool:
        """Whether the cache holds `name` with the bytes that its name says; others are removed."""
        path = self.path(name)
        try:
            if md5_file(path) == name.removesuffix(SUFFIX):
                return True
        except FileNotFoundError:
            return False
        self.damaged.append(name)
        self.discard(name)
        return False

    def discard(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.path(name).unlink()

    def _fetch(self, remote: Store, name: str, output: str, limit: int | None) -> None:
        target = self.path(name)
        self._cache.makedirs(str(target.parent))
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".fetched.")
        try:
            with writing(target):
                with os.fdopen(handle, "wb") as file:
                    digest = _copy(remote, name, output, file, limit)
                    file.flush()
                    os.fsync(file.fileno())
                if digest != name.removesuffix(SUFFIX):
                    raise DigestMismatch(
                        f"The object {name} of {output} has other bytes at the DVC remote (MD5 {digest}).",
                        "Nothing was written. `python -m components push`, where the bytes are whole, repairs it.",
                    )
                Path(temporary).replace(target)
                self._cache.protect(str(target))
        finally:
            Path(temporary).unlink(missing_ok=True)


class Remote:
    """A remote that takes objects, and is asked whether it has them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def has(self, name: str, objects: Objects) -> bool:
        """Whether `name` is there, as large as in the cache; a list, and all that is read from a disk, is hashed.

        Raises SourceError where the remote does not answer.
        """
        path = self._store.oid_to_path(name)
        try:
            size = self._store.fs.info(path)["size"]
        except FileNotFoundError:
            return False
        except Exception as error:  # as above
            raise SourceError(f"The DVC remote cannot be read: {first_line(error)}.") from None
        local = objects.path(name)
        if local.exists() and size != local.stat().st_size:
            return False
        if not name.endswith(SUFFIX) and self._store.fs.protocol != "local":
            return True
        digest = hashlib.md5(usedforsecurity=False)
        for data in _chunks(self._store, name, name):
            digest.update(data)
        return digest.hexdigest() == name.removesuffix(SUFFIX)

    def put(self, objects: Objects, names: Sequence[str]) -> None:
        """Copy objects of the cache there, over what is there. Raises SourceError where it does not take one."""
        if not names:
            return
        files, paths = self._store.fs, [self._store.oid_to_path(name) for name in names]
        try:
            for path in paths:
                with suppress(FileNotFoundError):
                    files.info(path)
                    files.remove(path)
            here = [str(objects.path(name)) for name in names]
            self._store.add(here, objects.files, list(names), check_exists=False)
        except Exception as error:  # as above
            self._discard_halves(objects, names)
            raise SourceError(f"The DVC remote cannot be written: {first_line(error)}.") from None

    def _discard_halves(self, objects: Objects, names: Iterable[str]) -> None:
        """Not every store lets an object appear whole or not at all."""
        for name in names:
            with suppress(Exception):  # what it said first is what is told
                if not self.has(name, objects):
                    self._store.fs.remove(self._store.oid_to_path(name))


def _copy(remote: Store, name: str, output: str, into: BinaryIO, limit: int | None) -> str:
    """The MD5 of the remote's bytes of `name`, which are in `into` then."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    for data in _chunks(remote, name, output):
        size += len(data)
        if limit is not None and size > limit:
            raise StorageError(
                f"The object {name} of {output} is larger at the DVC remote than the {limit} bytes that it may be.",
                "Nothing was written.",
            )
        digest.update(data)
        into.write(data)
    return digest.hexdigest()


def _chunks(remote: Store, name: str, output: str) -> Iterable[bytes]:
    try:
        with remote.fs.open(remote.oid_to_path(name), "rb") as file:
            while data := file.read(CHUNK):
                yield data
    except FileNotFoundError:
        raise Missing(f"The object {name} of {output} is neither in DVC's cache nor at the remote.") from None
    except Exception as error:  # each store's library has its own tree of errors
        raise SourceError(f"The DVC remote cannot be read: {first_line(error)}.") from None


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
