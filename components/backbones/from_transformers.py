"""Networks of `transformers`: config.json says which one of a family, and the library reads the weights.

Which tensor has which name in a published file, and what older versions called it, the library knows; a family's file
says how the library's module is cut into units.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from components.backbones.base import Architecture, Backbone
from components.backbones.bert import PADDING
from components.backbones.library import CONFIG, first_line, image_spec, read_object, refuse
from components.errors import CheckpointError
from components.params.backbone import ImageSpec, InputSpec, TextSpec

PIXELS, TOKENIZER = "preprocessor_config.json", "tokenizer.json"
# Of pre-training alone: it stands for hidden patches.
HIDDEN = "embeddings.mask_token"


@dataclass(frozen=True)
class TransformersFamily:
    """A family of networks; see `components.backbones.base.Family` for what each member promises.

    Attributes:
        model: the library's bare network, without a head.
        chain: that network as units; it must hold all tensors of the network.
        options: of the model, beside its configuration.
        beside: the file that says how samples are shown to the network.
        sees: configuration, folder → what it wants to see.
    """

    model: type[PreTrainedModel]
    # The network's type is the model's, which differs from family to family.
    chain: Callable[[Any], Backbone]
    options: Mapping[str, bool]
    beside: str
    sees: Callable[[PretrainedConfig, Path], InputSpec]

    version = ""  # versions.json knows it

    @property
    def files(self) -> Sequence[str]:
        return CONFIG, self.beside

    def described(self, folder: Path) -> Architecture:
        config = self._config(folder)
        return Architecture(
            input=self.sees(config, folder),
            architecture=lambda: self.chain(self.model(config, **self.options)),
        )

    def pretrained(self, folder: Path) -> Backbone:
        config = self._config(folder)
        # Its annotations know nothing of what it returns beside the model.
        load: Callable[..., Any] = self.model.from_pretrained
        try:
            with _quiet():
                model, report = load(
                    folder,
                    config=config,
                    local_files_only=True,
                    use_safetensors=True,  # never a pickle
                    dtype=torch.float32,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,  # it is refused below, by name
                    **self.options,
                )
        except Exception as error:  # the library's errors have no common base
            raise CheckpointError(f"The weights cannot be read: {first_line(error)}.") from error
        refuse(self._wrong(model, report))
        return self.chain(model)

    def _wrong(self, model: PreTrainedModel, report: Mapping[str, Any]) -> list[str]:
        """What is missing, of another shape, or part of the network but not of this one; heads may be there."""
        parts = {name.split(".")[0] for name in model.state_dict()}
        bare = {name: name.removeprefix(f"{model.base_model_prefix}.") for name in report["unexpected_keys"]}
        strange = [n for n, own in bare.items() if own.split(".")[0] in parts and own != HIDDEN]
        return [
            *(f"{name} is missing" for name in sorted(report["missing_keys"])),
            *(f"{n} is {list(is_)}, not {list(so)}" for n, is_, so in sorted(report["mismatched_keys"])),
            *(f"{name} is not part of it" for name in sorted(strange)),
        ]

    def _config(self, folder: Path) -> PretrainedConfig:
        said, kind = read_object(folder / CONFIG), self.model.config_class
        assert kind is not None
        if said.get("model_type") != kind.model_type:
            raise CheckpointError(
                f"{CONFIG} describes a {said.get('model_type')!r}; allowed here: {kind.model_type!r}.",
                "Choose the family of backbone.name that fits.",
            )
        if "quantization_config" in said:
            raise CheckpointError("The weights are quantised.", "Take those that they were made from.")
        # What runs is torch's: a file may not ask for a foreign kernel.
        described = {n: v for n, v in said.items() if not n.startswith("_") and n != "attn_implementation"}
        try:
            return kind.from_dict(described)
        except Exception as error:  # as above
            raise CheckpointError(f"{CONFIG} cannot be read: {first_line(error)}.") from error


def images(
    model: type[PreTrainedModel], chain: Callable[[Any], Backbone], **options: bool
) -> TransformersFamily:
    """A family that sees images."""
    return TransformersFamily(model, chain, options, PIXELS, _image_input)


def texts(
    model: type[PreTrainedModel], chain: Callable[[Any], Backbone], **options: bool
) -> TransformersFamily:
    """A family that sees texts."""
    return TransformersFamily(model, chain, options, TOKENIZER, _text_input)


def _image_input(config: PretrainedConfig, folder: Path) -> ImageSpec:
    """The library's ((x · rescale) - mean) / std, on 0…255; the size after cropping."""
    if config.num_channels != 3:
        raise CheckpointError(f"{CONFIG}: num_channels is {config.num_channels}; allowed: 3.")
    said = read_object(folder / PIXELS)
    size = said["crop_size"] if said.get("do_center_crop") and "crop_size" in said else said.get("size")
    if isinstance(size, dict):
        size = size.get("height", size.get("shortest_edge"))
    scale = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1
    normalises = said.get("do_normalize", True)
    mean = said.get("image_mean") if normalises else (0, 0, 0)
    std = said.get("image_std") if normalises else (1, 1, 1)
    return image_spec(PIXELS, size, mean, std, scale)


def _text_input(config: PretrainedConfig, folder: Path) -> TextSpec:
    if config.pad_token_id != PADDING:
        raise CheckpointError(f"{CONFIG}: pad_token_id is {config.pad_token_id}; allowed: {PADDING}.")
    longest = config.max_position_embeddings
    return TextSpec(size=longest, vocabulary=config.vocab_size, longest=longest)


@contextmanager
def _quiet() -> Iterator[None]:
    """The library's bar and its warnings say what we say in one error."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]
