"""What a task family has to say; stages know a task by this protocol and by nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

Sample = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Inspection:
    """What one full decoding found out about a sample.

    Attributes:
        width, height, mode: of the sample as it was stored.
        fingerprint: 64-bit perceptual hash; a small Hamming distance proposes a near duplicate.
        thumbnail: float32 (64, 64), mean 0 and Euclidean norm 1, so that the dot product of two is their
            correlation; all zeros for a sample without any structure.
    """

    width: int
    height: int
    mode: str
    fingerprint: int
    thumbnail: npt.NDArray[np.float32]


class Task(Protocol):
    """A task family: decoding, pre-processing, augmentation, head, loss.

    A view is a number: 0 is the clean sample, 1 and up are augmented ones. `views` names them in order.
    """

    @property
    def max_pixels(self) -> int:
        """The largest sample that `decode` accepts by default, in pixels."""
        ...

    @property
    def input_size(self) -> int:
        """Side S of what `preprocessor` yields."""
        ...

    @property
    def views(self) -> Sequence[str]:
        """Names of the views that params ask for: "0", "1", …"""
        ...

    def view_digest(self, view: int) -> str:
        """SHA-256 of all that lies between raw bytes and the backbone's input for a view.

        View 0 does not depend on the augmentation's parameters.
        """
        ...

    def decode(self, payload: bytes, max_pixels: int | None = None) -> Sample:
        """Raw bytes → uint8 (H, W, 3). DataError: not decodable, truncated, too large, of a refused mode."""
        ...

    def inspect(self, payload: bytes, max_pixels: int | None = None) -> Inspection:
        """Decode fully and describe; DataError as in `decode`, and for damaged checksums."""
        ...

    def augment(self, sample: Sample, view: int, sample_id: str) -> Sample:
        """The view of a sample: a function of (sample, view, sample_id) and the parameters alone."""
        ...

    def preprocessor(self) -> nn.Module:
        """Module: uint8 (B, H, W, 3) of any H and W → float32 (B, 3, S, S). Exports to ONNX."""
        ...

    def head(self, width: int, classes: int) -> nn.Module:
        """Module: features (B, width) → logits (B, classes)."""
        ...

    def loss(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
    ) -> Tensor:
        """Scalar mean loss; logits (B, C), targets int64 (B,), weights (B,) how much each sample counts."""
        ...

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (B, C) → probabilities (B, C)."""
        ...

    def preview(self, sample: Sample, side: int) -> Sample:
        """A picture for people: the sample, uint8 (h, w, 3), its longer edge `side` pixels."""
        ...
