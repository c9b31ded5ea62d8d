"""From params to inputs, before any model is looked for: imports nothing slow."""

from pathlib import Path

from components.errors import DataError, ParamsError
from components.inference.inputs import Folder, Inputs, Objects
from components.inference.manifests import Columns, Table
from components.params.inputs import InputParams
from components.params.tables import KINDS
from components.sources.base import public
from components.sources.prefix import open_prefix

OF_TABLES = ("path", "content", "id", "files", "separator", "header")


def open_inputs(root: Path, asked: InputParams) -> Inputs:
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
