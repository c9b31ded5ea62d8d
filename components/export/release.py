"""The network that is shipped: raw samples in, class probabilities out."""

import torch
from torch import Tensor, nn

from components.export.onnx_file import OPSET, export_module
from components.tasks.base import Signature

OUTPUT = "probabilities"


class ReleaseNetwork(nn.Module):
    """softmax(head(backbone(preprocess(samples))) / temperature)."""

    def __init__(
        self, preprocess: nn.Module, backbone: nn.Module, head: nn.Module, temperature: float = 1.0
    ) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.backbone = backbone
        self.head = head
        self.temperature = temperature

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (batch, …) as the task's signature says → float32 (batch, classes)."""
        logits = self.head(self.backbone(self.preprocess(samples)))
        return torch.softmax(logits / self.temperature, dim=1)


def export_release(network: ReleaseNetwork, takes: Signature, opset: int = OPSET) -> bytes:
    """One self-contained ONNX file; the axes that `takes` names are dynamic."""
    example = torch.zeros(takes.example, dtype=getattr(torch, takes.dtype))
    return export_module(network, (example,), [takes.name], [OUTPUT], {takes.name: takes.varying}, opset)
