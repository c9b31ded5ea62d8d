"""What scoring and monitoring open, and what they refuse, before anything slow is imported, fetched or started.

The command asks here first, and what it then starts asks once more: it may be started by a schedule instead.
"""

from pathlib import Path

from components.errors import DataError, DigestMismatch, ParamsError, StorageError, short_digests
from components.inference.begun import planned, refuse_foreign
from components.inference.inputs import Folder, Inputs, Objects, refuse_output_inside
from components.inference.manifests import Columns, Table
from components.inference.results import require_finished
from components.inference.unusable import refuse_unusable
from components.params.inputs import InputParams
from components.params.scoring import Job
from components.params.tables import KINDS
from components.params.watching import Look
from components.sources.base import public
from components.sources.prefix import open_prefix
from components.storage.publish import sha256_tree

OF_TABLES = ("path", "content", "id", "files", "separator", "header")


def open_job(root: Path, job: Job) -> Inputs:
    """The inputs of a job, which can be used as far as this can be known without a model.

    Raises DataError, SourceError or ParamsError for the inputs; ParamsError or StorageError for the output;
    StorageError or DigestMismatch for a bundle.
    """
    inputs, output = _open_inputs(root, job), root / job.output
    refuse_output_inside(inputs, output)
    refuse_foreign(output)
    if job.bundle is not None:
        check_bundle(root / job.bundle, job.digest)
    if not planned(output):  # a job that began had inputs
        refuse_unusable(inputs)
    return inputs


def check_bundle(folder: Path, trusted: str | None) -> str:
    """Its digest. Raises StorageError where there is none, DigestMismatch where it is another than `trusted`."""
    if not (folder / "manifest.json").is_file():
        raise StorageError(
            f"{folder} holds no release: there is no manifest.json.",
            "Name a release's folder by --bundle, or a registered version by --alias or --version.",
        )
    digest = sha256_tree(folder)
    if trusted is not None and trusted != digest:
        ours, theirs = short_digests(digest, trusted)
        raise DigestMismatch(f"{folder} has the digest {ours}, not {theirs}.", "Copy the bundle again.")
    return digest


def open_look(root: Path, look: Look) -> Inputs | None:
    """The inputs of a look; None where it looks at what was scored alone.

    Raises as `open_job` for the inputs, StorageError for what was scored, DataError for labels that are not there.
    """
    if look.scored is not None:
        require_finished(root / look.scored)
    if look.labels is not None and not (root / look.labels).is_file():
        raise DataError(f"{root / look.labels} does not exist.", "Name a table by --labels.")
    if look.input is None:
        return None
    inputs = _open_inputs(root, look)
    refuse_unusable(inputs)
    return inputs


def _open_inputs(root: Path, asked: InputParams) -> Inputs:
    """Those that `asked` names. Raises DataError where there is nothing of that name, ParamsError for a column where
    there are none."""
    assert asked.input is not None
    columns = [name for name in OF_TABLES if getattr(asked, name)]
    path = root / asked.input.removeprefix("file:")
    remote = asked.input.startswith("s3:")
    if columns and (remote or path.is_dir()):
        raise ParamsError(
            f"--{columns[0]} is for tables, but {public(asked.input)} is none.",
            f"Name a table: .{', .'.join(KINDS)}.",
        )
    if remote:
        return Objects(open_prefix(asked.input))
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist.", "Name a folder, a table, or s3://BUCKET/PREFIX.")
    path_column = asked.path or (None if asked.content else "path")
    wanted = Columns(path_column, asked.content, asked.id, asked.separator, asked.header)
    return Table(path, wanted, None if asked.files is None else root / asked.files)
