"""The network that is shipped: raw samples in, answers out."""

from typing import Any

import torch
from torch import Tensor, nn

from components.backbones.base import Backbone, check_taken
from components.backbones.named import POOLED, answered, taken
from components.export.onnx_file import OPSET, export_module
from components.modalities.base import Signature
from components.problems.steps import Steps

SIZE = 3  # of the first axis of a state that varies, in the example that is exported


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


class StepNetwork(nn.Module):
    """One step of a release that answers in steps: raw samples and the state in, an answer and the next state out."""

    def __init__(self, whole: ReleaseNetwork) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, samples: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        whole = self.whole
        assert isinstance(whole.backbone, Backbone)
        named = whole.backbone.named(whole.preprocess(samples))
        head: Any = whole.head
        outputs, *after = head.step(*(named[name] for name in taken(head)), *state)
        return whole.answer(outputs), *after


def export_release(
    network: ReleaseNetwork, takes: Signature, output: str, opset: int = OPSET, steps: Steps | None = None
) -> bytes:
    """One self-contained ONNX file; the axes that `takes` names are dynamic. With `steps` it is of one step, and its
    named inputs and outputs beside the sample and the answer are the state."""
    example = torch.zeros(takes.example, dtype=getattr(torch, takes.dtype))
    if steps is None:
        return export_module(network, (example,), [takes.name], [output], {takes.name: takes.varying}, opset)
    # Sizes of their own, none of them 0 or 1: an exporter must not take two axes for one.
    sizes = {axis: SIZE + place for place, axis in enumerate(dict.fromkeys(one.grows for one in steps.state))}
    others = (
        torch.zeros(one.shape(takes.example[0], sizes[one.grows]), dtype=getattr(torch, one.dtype))
        for one in steps.state
    )
    return export_module(
        StepNetwork(network),
        (example, *others),
        [takes.name, *(one.name for one in steps.state)],
        [output, *(one.next for one in steps.state)],
        {takes.name: takes.varying, **{one.name: one.varying for one in steps.state}},
        opset,
    )
