"""What all classifications share, whatever their samples are: a linear head and cross-entropy."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Classification:
    """See components.tasks.base.Task for what each member promises."""

    def head(self, width: int, classes: int) -> nn.Module:
        return nn.Linear(width, classes)

    def loss(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
    ) -> Tensor:
        """Cross-entropy; with weights, mean wᵢ lᵢ, the weighted risk where all samples' weights are 1 on average (a
        batch of small ones counts less, one of zeros not at all). Smoothing after Szegedy et al. (2016), section 7."""
        if weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
        each = F.cross_entropy(logits, targets, label_smoothing=label_smoothing, reduction="none")
        return (weights * each).mean()

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.softmax(logits, dim=1)
