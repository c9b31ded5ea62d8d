"""Networks of `timm`, where it is installed: config.json names one of a family's, as the library publishes them.

Published files carry the names of the library's own modules; a family's file says how they are cut into units.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from components.backbones.base import Architecture, Backbone
from components.backbones.library import CONFIG, WEIGHTS, first_line, image_spec, read_object, refuse
from components.errors import CheckpointError, ParamsError

PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class TimmFamily:
    """A family of networks; see `components.backbones.base.Family` for what each member promises.

    Attributes:
        kinds: names of the library's classes that `chain` can cut.
        chain: such a network, without its classifier, as units; it must hold all tensors of the network.
        options: of the network, beside what config.json says.
    """

    kinds: tuple[str, ...]
    # The library has no types, and is imported only where it is chosen.
    chain: Callable[[Any], Backbone]
    options: Mapping[str, bool] | None = None
    files: Sequence[str] = (CONFIG,)

    @property
    def version(self) -> str:
        return f"timm-{_timm().__version__}"

    def described(self, folder: Path) -> Architecture:
        said = read_object(folder / CONFIG)
        self._check_version(folder)
        shown = said.get("pretrained_cfg", said)
        size = (shown.get("input_size") or [None])[-1]
        return Architecture(
            input=image_spec(CONFIG, size, shown.get("mean"), shown.get("std"), 1 / 255),
            architecture=lambda: self.chain(self._network(said)),
        )

    def pretrained(self, folder: Path) -> Backbone:
        said = read_object(folder / CONFIG)
        network = self._network(said)
        try:
            found = load_file(folder / WEIGHTS)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"The weights cannot be read: {first_line(error)}.") from error
        refuse(_wrong(network.state_dict(), found, said))
        network.load_state_dict(found, strict=False)
        return self.chain(network)

    def _network(self, said: Mapping[str, Any]) -> nn.Module:
        name, given = said.get("architecture"), {**said.get("model_args", {}), **(self.options or {})}
        try:
            # The library draws fresh weights, from the global generator, and counts with tensors.
            with torch.device("cpu"), torch.random.fork_rng(devices=[]):
                made: nn.Module = _timm().create_model(name, pretrained=False, num_classes=0, **given)
        except ParamsError:
            raise
        except Exception as error:  # the library's errors have no common base
            raise CheckpointError(f"{CONFIG}: {name!r} cannot be made: {first_line(error)}.") from error
        if type(made).__name__ not in self.kinds:
            raise CheckpointError(
                f"{CONFIG}: {name!r} is a {type(made).__name__}; allowed here: {', '.join(self.kinds)}.",
                "Choose the family of backbone.name that fits; other kinds of timm cannot be cut yet.",
            )
        return made

    def _check_version(self, folder: Path) -> None:
        """No lock file knows of a library that need not be there: the checkpoint itself says whose it is."""
        if (folder / PROVENANCE).exists():
            made_by = str(read_object(folder / PROVENANCE).get("converter"))
            if self.version not in made_by.split():
                raise CheckpointError(
                    f"The checkpoint was made by {made_by}; {self.version} is installed.",
                    "Install that version, or run: dvc repro --force fetch_checkpoint",
                )


def _wrong(own: Mapping[str, Tensor], found: Mapping[str, Tensor], said: Mapping[str, Any]) -> list[str]:
    """What is missing, of another shape, or part of neither the network nor its classifier."""
    named = said.get("pretrained_cfg", said).get("classifier") or ()
    heads = tuple(f"{head}." for head in ([named] if isinstance(named, str) else named))
    both = [name for name in sorted(own) if name in found and found[name].shape != own[name].shape]
    return [
        *(f"{name} is missing" for name in sorted(own) if name not in found),
        *(f"{name} is {list(found[name].shape)}, not {list(own[name].shape)}" for name in both),
        *(f"{n} is not part of it" for n in sorted(found) if n not in own and not n.startswith(heads)),
    ]


def _timm() -> ModuleType:
    try:
        import timm
    # A torchvision that does not fit torch raises RuntimeError on import.
    except (ImportError, RuntimeError) as error:
        raise ParamsError(
            f"backbone.name timm/… needs timm, which cannot be imported: {first_line(error)}.",
            "Install it with the torchvision of your torch: pip install 'graftline[timm]'. Or take transformers/….",
        ) from error
    found: ModuleType = timm
    return found
