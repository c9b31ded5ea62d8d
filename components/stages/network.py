"""What stages share about the network: the line with it, opening the checkpoint, reading and writing heads."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from components.backbones.base import Backbone
from components.backbones.catalogue import build, described
from components.backbones.checkpoint import load
from components.backbones.library import CONFIG
from components.backbones.named import taken
from components.errors import ParamsError
from components.heads import restore
from components.modalities import load_modality
from components.modalities.base import Modality
from components.params import Params
from components.params.backbone import InputSpec, TextSpec
from components.params.names import FAMILIES
from components.params.task import AugmentParams
from components.problems.base import Network as Problem
from components.stages.features import Features, open_features
from components.stages.frozen import Frozen, Wanted
from components.stages.line import Line
from components.stages.rows import Places, places_of
from components.stages.stored import Stored, stored
from components.storage.publish import read_json, sha256_bytes, sha256_file, write_bytes


class NetworkLine(Line):
    """The line with the checkpoint, and what is made of it."""

    @property
    def checkpoint(self) -> Path:
        """As it was adapted, where the stage reads that; else as it was fetched."""
        return self.inputs.get("adapted") or self.inputs["checkpoint"]

    @cached_property
    def modality(self) -> Modality:
        """Clean samples as the backbone takes them."""
        return open_modality(self.params, self.checkpoint)

    @cached_property
    def augmented(self) -> Modality:
        """The same with the views that params ask for."""
        return open_modality(self.params, self.checkpoint, self.params.augment)

    @cached_property
    def pretrained(self) -> tuple[Backbone, str]:
        """As `open_checkpoint` gives it. Who trains it, trains this one."""
        return open_checkpoint(self.checkpoint, self.params)

    @cached_property
    def features(self) -> Features:
        return open_features(self.inputs["features"])

    def windows(self, ids: Sequence[str]) -> Places | None:
        """Where the windows of samples lie; None where they are not cut. features/ say it to stages that read them."""
        if self.modality.windowing is not None and "features" in self.inputs:
            return self.features.windows
        return places_of(self.dataset, self.modality, ids, self.context.threads)

    def frozen(self, cut: int | None = None) -> Frozen:
        """Everything below `cut` that the problem's head needs; with None the whole backbone, pooled."""
        backbone, weights = self.pretrained
        if cut is None:
            return Frozen(backbone, weights, backbone.blocks + 1)
        with torch.random.fork_rng(devices=[]):  # a head draws its weights
            head = self.problem.head(backbone.width, backbone.channels)
            return Frozen(backbone, weights, cut, taken(head))

    def stored(self, frozen: Frozen, wanted: Sequence[Wanted], modality: Modality | None = None) -> Stored:
        """See `stages.stored`; views other than the clean one need the modality `augmented`."""
        shown, batch = modality or self.modality, self.params.features.batch
        return stored(self.dataset, wanted, frozen, shown, self.context, batch)

    def selected(self) -> tuple[Backbone, nn.Module]:
        """The selected network and its head."""
        backbone = build(self.params.backbone.name, checkpoint=self.checkpoint)
        head = load_selected(self.inputs["selected"], backbone, self.problem)
        return backbone.eval(), head


def input_spec(params: Params, checkpoint: Path) -> InputSpec:
    """The backbone's own input, at the size that params ask for. ParamsError: more tokens than it has positions."""
    declared = described(params.backbone.name, checkpoint).input
    wanted = params.task.input_size or declared.size
    longest = declared.longest if isinstance(declared, TextSpec) else None
    if longest is not None and wanted > longest:
        raise ParamsError(
            f"task.input_size is {wanted}; {params.backbone.name} takes at most {longest} tokens."
        )
    return replace(declared, size=wanted)


def open_modality(params: Params, assets: Path, augment: AugmentParams | None = None) -> Modality:
    """Samples as the backbone takes them; `assets` is the checkpoint, as it was fetched or adapted."""
    return load_modality(params.task, input_spec(params, assets), augment, assets)


def open_checkpoint(checkpoint: Path, params: Params) -> tuple[Backbone, str]:
    """The pretrained backbone, and the SHA-256 that tells what it computes from what others do.

    That is its weights'; of a library's network, the file that describes it counts, too, and who read it.
    """
    backbone = build(params.backbone.name, checkpoint=checkpoint)
    made = load(checkpoint, backbone)
    digest = made.weights_sha256
    if params.backbone.name in FAMILIES:
        told = f"{digest} {sha256_file(checkpoint / CONFIG)} {made.converter}"
        digest = sha256_bytes(told.encode())
    return backbone.eval(), digest


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """One safetensors file; sorted names, so that equal tensors give equal bytes."""
    write_bytes(path, save({name: tensors[name].contiguous() for name in sorted(tensors)}))


def load_trained(path: Path, backbone: nn.Module, head: nn.Module) -> None:
    """Fill a backbone's part above the cut and a head from a training wrote (`fitting.write`)."""
    held = load_file(path)
    for prefix, module in (("above.", backbone), ("head.", head)):
        module.load_state_dict(part(held, prefix))


def load_head(folder: Path) -> nn.Module:
    """The head in head/: features (B, width) → outputs (B, outputs)."""
    method = str(read_json(folder / "head.json")["method"])
    return restore(method, load_file(folder / "head.safetensors"))


def load_selected(folder: Path, backbone: Backbone, problem: Problem) -> nn.Module:
    """Fill `backbone` from selected/, and return its head: a fitted one, or where none is named the problem's own."""
    state = load_file(folder / "network.safetensors")
    described = read_json(folder / "selected.json")
    backbone.load_state_dict(part(state, "backbone."))
    fitted = part(state, "head.")
    if described.get("head") is not None:
        return restore(str(described["head"]), fitted)
    head = problem.head(backbone.width, backbone.channels)
    head.load_state_dict(fitted)
    return head.eval()


def part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
