"""Non-maximum suppression as an operator of our own: greedy here, ONNX's NonMaxSuppression in a release's graph.

ONNX's operator lists what it selects for a whole batch, so the length depends on all images. Here the result is a mask
of one shape: what an image gets does not depend on the others.
"""

import numpy as np
import numpy.typing as npt
import torch
from onnxscript import opset20 as op
from torch import Tensor


@torch.library.custom_op("regions::selected", mutates_args=())
def selected(boxes: Tensor, scores: Tensor, most: int, overlap: float, least: float) -> Tensor:
    """Boxes (B, n, 4) and scores (B, things, n) → (B, things, n): 1 for those that are kept.

    Of each thing the `most` best with scores above `least` that overlap no better one by more than `overlap`.
    """
    kept = torch.zeros_like(scores)
    for image in range(len(scores)):
        corners = boxes[image].double().numpy()
        for thing, values in enumerate(scores[image].double().numpy()):
            taken: list[int] = []
            for box in np.argsort(-values, kind="stable"):
                if values[box] <= least or len(taken) == most:
                    break
                if all(iou(corners[box], corners[[other]])[0] <= overlap for other in taken):
                    taken.append(int(box))
            kept[image, thing, taken] = 1
    return kept


@selected.register_fake
def _(boxes: Tensor, scores: Tensor, most: int, overlap: float, least: float) -> Tensor:
    return torch.empty_like(scores)


def iou(one: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) of a box (4,) with others (n, 4)."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:4], others[:, 2:4])
    both = np.clip(high - low, 0, None).prod(axis=1)
    total = (one[2:4] - one[:2]).prod() + (others[:, 2:4] - others[:, :2]).prod(axis=1) - both
    return np.asarray(both / np.maximum(total, 1e-12))


def as_onnx(boxes, scores, most: int, overlap: float, least: float):  # type: ignore[no-untyped-def]
    """The same in ONNX."""
    limits = [op.Constant(value_ints=[most]), *(op.Constant(value_floats=[v]) for v in (overlap, least))]
    chosen = op.NonMaxSuppression(boxes, scores, *limits)
    count = op.Slice(op.Shape(chosen), op.Constant(value_ints=[0]), op.Constant(value_ints=[1]))
    ones = op.Expand(op.Constant(value_float=1.0), count)
    return op.ScatterND(op.Expand(op.Constant(value_float=0.0), op.Shape(scores)), chosen, ones)


TRANSLATIONS = {torch.ops.regions.selected.default: as_onnx}
