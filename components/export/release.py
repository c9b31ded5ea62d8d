"""The network that is shipped: raw pixels in, class probabilities out."""

import torch
from torch import Tensor, nn

from components.export.onnx_file import OPSET, export_module

INPUT, OUTPUT = "image", "probabilities"
DYNAMIC = {INPUT: {0: "batch", 1: "height", 2: "width"}}


class ReleaseNetwork(nn.Module):
    """softmax(head(backbone(preprocess(image))) / temperature)."""

    def __init__(
        self, preprocess: nn.Module, backbone: nn.Module, head: nn.Module, temperature: float = 1.0
    ) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.backbone = backbone
        self.head = head
        self.temperature = temperature

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (batch, height, width, 3) of any size → float32 (batch, classes)."""
        logits = self.head(self.backbone(self.preprocess(image)))
        return torch.softmax(logits / self.temperature, dim=1)


def export_release(network: ReleaseNetwork, opset: int = OPSET) -> bytes:
    """One self-contained ONNX file with dynamic batch, height and width."""
    # Unequal numbers, none of them 0 or 1: the exporter must not take two axes for one.
    example = torch.zeros(2, 64, 48, 3, dtype=torch.uint8)
    return export_module(network, (example,), [INPUT], [OUTPUT], DYNAMIC, opset)
