"""From a job to its inputs, before any model is looked for: imports nothing slow."""

from pathlib import Path

from components.errors import DataError, ParamsError
from components.inference.inputs import Folder, Inputs, Objects, refuse_output_inside
from components.inference.manifests import Columns, Table
from components.params.scoring import Job
from components.params.tables import KINDS
from components.sources.base import public
from components.sources.prefix import open_prefix

OF_TABLES = ("path", "content", "id", "files", "separator", "header")


def open_inputs(root: Path, job: Job) -> Inputs:
    """Raises DataError where there is nothing of that name, ParamsError for a column where there are none."""
    columns = [name for name in OF_TABLES if getattr(job, name)]
    path = root / job.input.removeprefix("file:")
    remote = job.input.startswith("s3:")
    if columns and (remote or path.is_dir()):
        raise ParamsError(
            f"--{columns[0]} is for tables, but {public(job.input)} is none.",
            f"Name a table: .{', .'.join(KINDS)}.",
        )
    if remote:
        return Objects(open_prefix(job.input))
    if path.is_dir():
        refuse_output_inside(path, root / job.output)
        return Folder(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist.", "Name a folder, a table, or s3://BUCKET/PREFIX.")
    path_column = job.path or (None if job.content else "path")
    wanted = Columns(path_column, job.content, job.id, job.separator, job.header)
    return Table(path, wanted, None if job.files is None else root / job.files)
