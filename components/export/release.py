"""The network that is shipped: raw samples in, answers out."""

import torch
from torch import Tensor, nn

from components.backbones.base import Backbone, check_taken
from components.backbones.named import POOLED, answered
from components.export.onnx_file import OPSET, export_module
from components.modalities.base import Signature


class ReleaseNetwork(nn.Module):
    """answer(head(backbone(preprocess(samples)))); `answer` is the problem's, e.g. a softmax."""

    # Raises ParamsError for a head that takes what the backbone does not give.
    def __init__(
        self, preprocess: nn.Module, backbone: nn.Module, head: nn.Module, answer: nn.Module
    ) -> None:
        super().__init__()
        check_taken(head, backbone)
        self.preprocess = preprocess
        self.backbone = backbone
        self.head = head
        self.answer = answer

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (batch, …) as the modality's signature says → float32 (batch, columns)."""
        shown = self.preprocess(samples)
        named = (
            self.backbone.named(shown)
            if isinstance(self.backbone, Backbone)
            else {POOLED: self.backbone(shown)}
        )
        answers: Tensor = self.answer(answered(self.head, named))
        return answers


def export_release(network: ReleaseNetwork, takes: Signature, output: str, opset: int = OPSET) -> bytes:
    """One self-contained ONNX file; the axes that `takes` names are dynamic."""
    example = torch.zeros(takes.example, dtype=getattr(torch, takes.dtype))
    return export_module(network, (example,), [takes.name], [output], {takes.name: takes.varying}, opset)
