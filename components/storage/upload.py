"""A finished folder of scores, copied to an object store."""

from pathlib import Path
from typing import Protocol

from components.errors import StorageError, first_line

MANIFEST = "_manifest.json"  # of batch scoring: there when every input has its row


class Files(Protocol):
    """What is used of an fsspec file system."""

    def put_file(self, lpath: str, rpath: str) -> None: ...


def upload(folder: Path, uri: str) -> int:
    """Copy `folder` to `uri` (s3://BUCKET/PREFIX); its manifest goes last. Returns the number of objects.

    An object appears whole or not at all, and a prefix without its manifest is not finished: so readers never take
    half for all, and a command that was killed is run again.

    Raises StorageError where the folder is not finished, or the store refuses.
    """
    if not (folder / MANIFEST).is_file():
        raise StorageError(
            f"{folder} is not finished: it has no {MANIFEST}.", "Finish it: the same flows.score."
        )
    files = _open(uri)
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name[0] not in "._")
    for name in [*names, MANIFEST]:
        try:
            files.put_file(str(folder / name), f"{uri.removeprefix('s3://').rstrip('/')}/{name}")
        except Exception as error:  # each store's library has its own tree of errors
            said = f"{uri}: {name} cannot be written: {first_line(error)}."
            raise StorageError(said, "The same run continues it.") from None
    return len(names) + 1


def _open(uri: str) -> Files:
    import fsspec

    if not uri.startswith("s3://"):
        raise StorageError(f"{uri!r} is no address of an object store.", "Write s3://BUCKET/PREFIX.")
    try:
        made: Files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    except ImportError:
        raise StorageError(
            f"{uri} needs the extra `s3`.", "Install it: pip install 'graftline[s3]'."
        ) from None
    return made
