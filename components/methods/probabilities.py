"""What methods share that take the logarithm of a probability which may be 0."""

import torch
from torch import Tensor


def log_probabilities(logits: Tensor) -> Tensor:
    """log softmax of (n, classes). At least the smallest number, so that a class that cannot be, whose logit is -∞, has
    p log p = 0, and no gradient.
    """
    return logits.log_softmax(1).clamp_min(torch.finfo(logits.dtype).min)
