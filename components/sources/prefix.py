"""The objects below an `s3:` prefix, read one by one: nothing is copied to the disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from components.errors import DataError, SourceError, first_line
from components.sources.base import public


class Files(Protocol):
    """What is used of an fsspec file system."""

    def find(self, path: str, detail: bool) -> Mapping[str, Mapping[str, object]]: ...
    def cat_file(self, path: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Object:
    """Attributes:
    path: below the prefix.
    key: as the store names it.
    size: bytes.
    state: changes with the content: ETag, or the time of the last change.
    """

    path: str
    key: str
    size: int
    state: str


class Prefix:
    """Objects whose key begins with `root`/, and the bytes that they have now."""

    def __init__(self, uri: str, files: Files, root: str) -> None:
        self.uri = uri
        self._files = files
        self._root = root.strip("/")
        self._found: Sequence[Object] = ()

    def objects(self) -> Sequence[Object]:
        """Sorted by path; the store is asked once. Raises SourceError where it cannot be listed, or holds none."""
        if not self._found:
            try:
                listed = self._files.find(self._root, detail=True)
            except Exception as error:  # each store's library has its own tree of errors
                raise SourceError(
                    f"{public(self.uri)} cannot be listed: {first_line(error).rstrip('.')}.",
                    "Check access and name.",
                ) from None
            found = (self._object(key, facts) for key, facts in listed.items() if not key.endswith("/"))
            self._found = sorted(found, key=lambda item: item.path)
        if not self._found:
            raise SourceError(f"{public(self.uri)} holds no objects.", "Check bucket and prefix.")
        return self._found

    def read(self, key: str) -> bytes:
        """Raises DataError where there is no such object any more, SourceError where the store does not answer."""
        try:
            return self._files.cat_file(key)
        except FileNotFoundError:
            raise DataError("No such object") from None
        except Exception as error:  # as above
            raise SourceError(
                f"{public(self.uri)}: {key} cannot be read: {first_line(error).rstrip('.')}.",
                "Then run the same command: it continues.",
            ) from None

    def _object(self, key: str, facts: Mapping[str, object]) -> Object:
        name = key.strip("/")
        path = name.removeprefix(self._root).strip("/") or name.rsplit("/", 1)[-1]
        state = facts.get("ETag") or facts.get("LastModified") or facts.get("created") or ""
        return Object(path, key, int(str(facts.get("size") or 0)), str(state))


def open_prefix(uri: str) -> Prefix:
    """`s3://bucket/prefix`; credentials and endpoint come from the environment, as for every AWS client."""
    import fsspec

    try:
        files: Files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    except ImportError:
        raise SourceError(
            f"{public(uri)} needs the extra `s3`.", "Install it: pip install 'graftline[s3]'."
        ) from None
    return Prefix(uri, files, uri.removeprefix("s3://"))
