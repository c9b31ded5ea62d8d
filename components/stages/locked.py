"""What dvc.lock says of the outputs of the stages."""

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
