"""What a modality has to say; stages know samples by this protocol and by nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import nn

from components.params.data import Limits
from components.problems.windows import Window

# A decoded sample, as the release's graph takes it: an image uint8 (H, W, 3), a text int64 (tokens,).
Sample = npt.NDArray[np.generic]
Axis = str | int


@dataclass(frozen=True)
class Signature:
    """What the release's graph takes.

    Attributes:
        name, dtype: of its one input.
        axes: a name where the size varies, the first of them `batch`; a number where it does not.
        example: a small shape; unequal numbers, none of them 0 or 1: an exporter must not take two axes for one.
        largest: the largest shapes that are ever fed.
        typical: shape of one ordinary sample, and `values`: its numbers lie below; for measuring speed.
    """

    name: str
    dtype: str
    axes: tuple[Axis, ...]
    example: tuple[int, ...]
    largest: tuple[tuple[int, ...], ...]
    typical: tuple[int, ...]
    values: int

    @property
    def varying(self) -> Mapping[int, str]:
        """Axis → name, of those whose size varies."""
        return {number: axis for number, axis in enumerate(self.axes) if isinstance(axis, str)}


class Whole:
    """Of a modality whose samples are one row each."""

    windowing: Mapping[str, int] | None = None

    def windows(self, sample: Sample) -> Sequence[Window]:
        return (Window(sample),)


@dataclass(frozen=True)
class Inspection:
    """What one full decoding found out about a sample.

    Attributes:
        facts: columns of the manifest, equal in name and type for all samples of a modality.
        fingerprint: 64-bit hash; a small Hamming distance proposes a near duplicate.
        thumbnail: float32 (64, 64), mean 0 and Euclidean norm 1, so that the dot product of two is their
            correlation; all zeros for a sample without any structure.
    """

    facts: Mapping[str, int | str]
    fingerprint: int
    thumbnail: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """Of samples that are token ids: how many there are, the one that hides another, and those that are no words."""

    size: int
    mask: int
    marks: tuple[int, ...]


class Describer(Protocol):
    """Features for a plain model that the transferred one must beat: the modality's own, without a network.

    A problem's linear model (`components/problems/<name>/baseline.py`) learns from them.
    """

    def fit(self, payloads: Sequence[bytes]) -> Mapping[str, npt.NDArray[Any]]:
        """What `features` needs: equal samples give equal arrays."""
        ...

    def features(self, fitted: Mapping[str, npt.NDArray[Any]], payloads: Sequence[bytes]) -> Any:
        """A matrix (N, features), of scipy where most are 0."""
        ...


class Modality(Protocol):
    """What a sample is: decoding, pre-processing, augmentation.

    A view is a number: 0 is the clean sample, 1 and up are augmented ones. `views` names them in order.
    """

    @property
    def signature(self) -> Signature: ...

    @property
    def assets(self) -> Sequence[str]:
        """Files beside the weights without which a sample cannot be decoded; they belong to the release."""
        ...

    @property
    def views(self) -> Sequence[str]:
        """Names of the views that params ask for: "0", "1", …"""
        ...

    @property
    def varying(self) -> Mapping[int, str]:
        """Axes of what `preprocessor` yields whose size varies from batch to batch, beside the first."""
        ...

    @property
    def vocabulary(self) -> Vocabulary | None:
        """None where samples are no token ids."""
        ...

    def view_digest(self, view: int) -> str:
        """SHA-256 of all that lies between raw bytes and the backbone's input for a view.

        View 0 does not depend on the augmentation's parameters.
        """
        ...

    def decode(self, payload: bytes) -> Sample:
        """Raw bytes → a sample. DataError: not decodable, truncated, too large, of a refused kind."""
        ...

    def inspect(self, payload: bytes, limits: Limits) -> Inspection:
        """Decode fully and describe; DataError as in `decode`, and for damage that decoding passes over.

        Raises ParamsError where `limits` allow more than `decode` does.
        """
        ...

    @property
    def windowing(self) -> Mapping[str, int] | None:
        """By what `windows` cuts, as a release says it (length, stride, …); None where each sample is one row.

        Part of `view_digest`.
        """
        ...

    def windows(self, sample: Sample) -> Sequence[Window]:
        """The rows of a sample for the graph, in their order: at least one, even of an empty sample.

        How many there are depends on the sample's shape alone, so that all its views have the same.
        """
        ...

    def compact(self, sample: Sample) -> Sample:
        """A sample of the one shape that the backbone wants, in few bytes; what `decode` might have given."""
        ...

    def augment(self, sample: Sample, view: int, sample_id: str) -> Sample:
        """The view of a sample: a function of (sample, view, sample_id) and the parameters alone."""
        ...

    def preprocessor(self) -> nn.Module:
        """Module: samples (B, …) → what the backbone sees (B, …). Exports to ONNX."""
        ...

    def preview(self, sample: Sample, side: int) -> npt.NDArray[np.uint8] | None:
        """A picture for people: uint8 (h, w, 3), its longer edge `side` pixels; None where `words` say it."""
        ...

    def words(self, sample: Sample) -> Sequence[str]:
        """The sample as people read it: a piece for each of its positions, which joined are the text; empty where
        there is nothing to read. No pieces at all for a picture."""
        ...
