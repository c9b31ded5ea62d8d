"""What dvc.lock says of the outputs of the stages."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from components.errors import StorageError


def locked_outputs(root: Path) -> dict[str, str]:
    """Output → its object's name, as DVC wrote it when the stage had run; nothing where there is no dvc.lock."""
    path = root / "dvc.lock"
    if not path.exists():
        return {}
    try:
        stages = yaml.load(path.read_bytes(), yaml.CSafeLoader)["stages"]
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise StorageError(f"{path} is damaged.", "Run: git checkout dvc.lock") from None


def object_name(path: Path) -> str:
    """The name of DVC's object for what lies at `path` now: of a folder, the MD5 of the list of its files."""
    if not path.is_dir():
        return _md5(path.read_bytes()) if path.is_file() else ""
    files: list[Mapping[str, str]] = [
        {"md5": _md5(file.read_bytes()), "relpath": file.relative_to(path).as_posix()}
        for file in path.rglob("*")
        if file.is_file()
    ]
    listed = sorted(files, key=lambda file: file["relpath"])
    return f"{_md5(json.dumps(listed, sort_keys=True).encode())}.dir"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
