"""Where a training that was killed finds itself again: a folder whose name is all that shapes its result."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from components.params import Params
from components.stages.packages import checked, digests
from components.stages.table import Context, stage
from components.storage.publish import sha256_bytes, sha256_file, sha256_tree
from components.training.checkpoints import Checkpoints


def unfinished(name: str, inputs: Mapping[str, Path], params: Params, context: Context) -> Checkpoints:
    """The checkpoints of the stage's training with these inputs, parameters, code and versions, none of which may
    differ between its two halves."""
    shaping = {
        "stage": name,
        "inputs": {name: sha256_tree(path) for name, path in inputs.items()},
        "params": {section: _plain(getattr(params, section)) for section in stage(name).params},
        "code": code(),
        "packages": digests([stage(name)], checked(params)),
        "torch": torch.__version__,
        "threads": context.threads,
    }
    key = sha256_bytes(json.dumps(shaping, sort_keys=True).encode())
    return Checkpoints(context.cache / "training" / key[:32])


def _plain(section: object) -> object:
    return section.model_dump(mode="json") if hasattr(section, "model_dump") else section


def code() -> str:
    """SHA-256 over all code of ours: a change that shapes nothing only starts a training from the beginning."""
    root = Path(__file__).resolve().parents[1]
    files = {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(root.rglob("*.py"))}
    return sha256_bytes(json.dumps(files).encode())
