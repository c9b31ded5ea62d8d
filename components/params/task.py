"""Sections `task` and `augment`: what kind of samples and targets, and how training varies them."""

from collections.abc import Mapping

from pydantic import Field

from components.errors import meant
from components.params import names, plugins
from components.params.base import Section
from components.params.choosing import Choosing


def field_names() -> Mapping[str, tuple[str, str]]:
    """What the field calls a task (`image_classification`) → modality and problem."""
    problems = {
        said: name
        for name in plugins.names("problems")
        for said in (name, *getattr(plugins.about("problems", name), "ALIASES", ()))
    }
    return {
        f"{modality}_{said}": (modality, name)
        for modality in plugins.names("modalities")
        for said, name in problems.items()
    }


def named_task(name: str) -> tuple[str, str]:
    """Modality and problem of a task by one name, with `_` or `-` between its words. ValueError for an unknown one."""
    known = field_names()
    plain = name.strip().lower().replace("-", "_")
    if plain not in known:
        raise ValueError(f"name {name!r} is no task{meant(plain, known)}; allowed: {', '.join(known)}")
    return known[plain]


class AugmentParams(Section):
    """Views of a training sample; view 0 is the sample itself.

    Attributes:
        views: how many, the clean one included.
        flips, quarter_turns: of images.
        shift: of images: largest translation, as a share of the side.
        brightness, contrast: of images: largest relative change.
        word_dropout: of texts: share of the tokens that are hidden.
    """

    views: int = Field(default=4, ge=1, le=64)
    flips: bool = True
    quarter_turns: bool = False
    shift: float = Field(default=0.05, ge=0, le=0.5)
    brightness: float = Field(default=0.1, ge=0, lt=1)
    contrast: float = Field(default=0.1, ge=0, lt=1)
    word_dropout: float = Field(default=0.1, ge=0, lt=1)


class TaskParams(Choosing):
    """What a sample is (`modality`), what a target is (`problem`), and how much of a sample the backbone sees.

    Further keys are those of the modality and of the problem, each in a section of its own below.

    Attributes:
        modality: `image` or `text`.
        problem: `classification` (one class for each sample), `multi_label` (any number of labels),
            or `regression` (one or several numbers).
        input_size: side of an image in pixels, or tokens of a text; none: what the backbone was trained with.
    """

    modality: names.Modality = "image"
    problem: names.Problem = "classification"
    input_size: int | None = Field(default=None, ge=16, le=1024)

    @classmethod
    def plain(cls, values: object) -> object:
        """`name: image_classification`, or that text alone: so say the field, and releases that were made before."""
        if isinstance(values, str):
            values = {"name": values}
        if not isinstance(values, dict) or "name" not in values:
            return values
        named = dict(values)
        for key, said in zip(("modality", "problem"), named_task(str(named.pop("name"))), strict=True):
            if named.setdefault(key, said) != said:
                raise ValueError(f"name {values['name']!r} says {key} {said!r}, but {key} is {named[key]!r}")
        return named

    @property
    def name(self) -> str:
        """What the field calls it: image_classification."""
        return f"{self.modality}_{self.problem}"

    @property
    def kind(self) -> str:
        """What its samples are: `images` or `texts`."""
        return str(plugins.fact("modalities", self.modality, "KIND"))

    @property
    def bits(self) -> int | None:
        """Of images in 16-bit grey: how many of the bits are used."""
        found: int | None = (self.model_extra or {}).get("bits")
        return found
