"""What stages share about the network: opening the checkpoint, reading and writing heads."""

from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor, nn

from components.backbones.base import Backbone
from components.backbones.catalogue import build, entry
from components.backbones.checkpoint import load
from components.params import Params
from components.params.backbone import InputSpec
from components.params.task import AugmentParams
from components.stages.frozen import Frozen
from components.storage.publish import read_json, write_bytes
from components.tasks import load_task
from components.tasks.base import Task


def input_spec(params: Params) -> InputSpec:
    """The backbone's own input, at the size that params ask for."""
    declared = entry(params.backbone.name).input
    return replace(declared, size=params.task.size or declared.size)


def open_task(params: Params, assets: Path, augment: AugmentParams | None = None) -> Task:
    """The task as the backbone sees it; `assets` is the checkpoint, or whatever folder holds the task's assets."""
    return load_task(params.task, input_spec(params), augment, assets)


def open_checkpoint(checkpoint: Path, params: Params) -> tuple[Backbone, str]:
    """The pretrained backbone and the SHA-256 of its weights."""
    backbone = build(params.backbone.name)
    load(checkpoint, backbone)
    return backbone.eval(), str(read_json(checkpoint / "provenance.json")["weights_sha256"])


def frozen_part(checkpoint: Path, params: Params, cut: int | None) -> Frozen:
    """Everything below `cut`; with None the whole backbone, pooled."""
    backbone, weights = open_checkpoint(checkpoint, params)
    return Frozen(backbone, weights, backbone.blocks + 1 if cut is None else cut)


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """One safetensors file; sorted names, so that equal tensors give equal bytes."""
    write_bytes(path, save({name: tensors[name].contiguous() for name in sorted(tensors)}))


def load_head(path: Path, head: nn.Module) -> nn.Module:
    """Fill `head` (weight (classes, width), bias (classes,)) from head/head.safetensors."""
    head.load_state_dict(load_file(path))
    return head


def load_trained(path: Path, backbone: nn.Module, head: nn.Module) -> None:
    """Fill a backbone's part above the cut and a head from a training wrote (`fitting.write`)."""
    held = load_file(path)
    for prefix, module in (("above.", backbone), ("head.", head)):
        module.load_state_dict({k.removeprefix(prefix): v for k, v in held.items() if k.startswith(prefix)})
