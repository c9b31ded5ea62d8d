"""What is measured of an image, beside what the network makes of it."""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from components.modalities.base import Modality, Sample

NAMES = ("brightness", "contrast", "sharpness", "width", "height")
SIDE = 2048  # of what is looked at of a very large image: its middle
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def describe(modality: Modality, sample: Sample) -> Mapping[str, float]:
    """Of an image uint8 (H, W, 3): mean and standard deviation of its grey levels, in 0…255; the variance of their
    Laplacian, which falls with blur and rises with noise (Pech-Pacheco et al., ICPR 2000); width and height in pixels.
    """
    height, width = sample.shape[:2]
    top, left = max(0, (height - SIDE) // 2), max(0, (width - SIDE) // 2)
    grey = sample[top : top + SIDE, left : left + SIDE].astype(np.float32) @ LUMA
    values = (grey.mean(), grey.std(), ndimage.laplace(grey, mode="nearest").var(), width, height)
    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}
