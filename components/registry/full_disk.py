"""A disk that is full below MLflow's store: recognised whoever says it, SQLite, MLflow or the system."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import StorageError
from components.storage.sqlite import path_in

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from components.registry.store import Connection

# SQLite's words where a limit on file sizes is met, and where a disk is broken.
BROKEN = "disk I/O error"
FULL = (
    "database or disk is full",
    BROKEN,
    *(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
)


def full(error: BaseException) -> str:
    """The words by which `error`, or what it declares as its cause, says so; empty where it does not."""
    said = "\n".join(str(cause) for cause in _causes(error))
    return next((words for words in FULL if words in said), "")


def full_disk(error: BaseException, uri: str) -> StorageError | None:
    """`error` of the store at `uri` as one of ours, which names the folder; None where the disk is not full.

    Args:
        uri: empty where nobody knows it.
    """
    words = full(error)
    if not words:
        return None
    store, file = _folder(uri), _file(error)
    where = store if not file or store in map(str, Path(file).parents) else file
    return StorageError(
        f"What MLflow keeps{f' in {where}' if where else ''} could not be written: {words}.",
        f"Free some room there{' or check the disk' if words == BROKEN else ''}, and run the same command.",
    )


@contextmanager
def discarded_where_full(connection: "Connection", upload: "LoggedModel") -> Iterator[None]:
    """An upload that finds no room is taken away again, files first: they are what fills the disk."""
    try:
        yield
    except Exception as error:
        if full(error):
            from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

            # What cannot be taken away is an upload that no version names: `collect` frees it.
            with suppress(Exception):
                get_artifact_repository(upload.artifact_location, connection.place.uri).delete_artifacts()
                connection.client.delete_logged_model(upload.model_id)
        raise


def _folder(uri: str) -> str:
    file = path_in(uri) if uri else None
    return str(file.parent) if file else uri


def _file(error: BaseException) -> str:
    """The folder of the file that was being written; empty where the error does not say."""
    for cause in _causes(error):
        if isinstance(cause, shutil.Error) and cause.args and isinstance(cause.args[0], list):
            copied = [str(to) for _, to, why in cause.args[0] if any(words in str(why) for words in FULL)]
            return str(Path(copied[0]).parent) if copied else ""
        if isinstance(cause, OSError) and (name := cause.filename2 or cause.filename):
            return str(Path(str(name)).parent)
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
