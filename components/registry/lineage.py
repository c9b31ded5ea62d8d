"""The chain from a release back to raw data and checkpoint, as flat tags."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from components.errors import redact
from components.storage.git import without_git
from components.storage.publish import read_json, sha256_file


def lineage(root: Path) -> dict[str, str]:
    """Source, data, checkpoint, code and lock of what lies in `root`; unknown parts are left out."""
    tags = {
        **_source(root / "data" / "source.lock"),
        **_picked(root / "dataset" / "dataset.json", "data", ("digest", "licence")),
        **_picked(
            root / "checkpoint" / "provenance.json",
            "checkpoint",
            ("name", "uri", "revision", "sha256", "licence", "weights_sha256"),
        ),
        **_adaptation(root / "adapted" / "provenance.json"),
        **git_state(root),
    }
    for name in ("dvc.lock", "params.yaml", "data/source.lock"):
        if (root / name).exists():
            tags[f"graftline.{name.rpartition('/')[2].replace('.', '_')}_sha256"] = sha256_file(root / name)
    return {key: redact(value) for key, value in tags.items()}


def git_state(root: Path) -> dict[str, str]:
    """Commit, and whether the tree differs from it; nothing outside a repository."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {}
    # dvc.lock and source.lock are results, which a run writes: they make no tree dirty.
    changed = _git(
        root, "status", "--porcelain", "--", ".", ":!dvc.lock", ":!data/source.lock", ":!verdict.json"
    )
    return {
        "mlflow.source.git.commit": commit,
        "graftline.git_commit": commit,
        "graftline.git_dirty": "true" if changed or changed is None else "false",
    }


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            env=without_git(os.environ),
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _source(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        head = json.loads(file.readline() or "{}")
    return _tags(head, "source", ("uri", "revision", "licence", "layout"))


def _adaptation(path: Path) -> dict[str, str]:
    """What was done to the checkpoint, and what came of it; nothing where it was taken as it is."""
    found = read_json(path) if path.exists() else {}
    about = found.get("adaptation")
    if not isinstance(about, dict):
        return {}
    return _tags(
        {**about, "weights_sha256": found["weights_sha256"]}, "adapted", ("method", "weights_sha256")
    )


def _picked(path: Path, prefix: str, keys: tuple[str, ...]) -> dict[str, str]:
    return _tags(read_json(path), prefix, keys) if path.exists() else {}


def _tags(values: Mapping[str, object], prefix: str, keys: tuple[str, ...]) -> dict[str, str]:
    return {f"graftline.{prefix}_{key}": str(values[key]) for key in keys if values.get(key)}
