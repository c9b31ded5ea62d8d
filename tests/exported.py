"""A network, exported: it answers in onnxruntime as it does in torch."""

import numpy as np
import onnx
import torch
from tiny import TOKENS, Shown, make_samples
from torch import Tensor, nn

from components.export.onnx_file import export_module
from components.runtime.sessions import open_session


def shows(shown: Shown) -> Tensor:
    """As pre-processing gives them: pictures (B, 3, h, w), token ids (B, L)."""
    rows = make_samples(2, shown=shown).take(np.arange(5), 0)
    return rows[:, :3].float() if shown == "picture" else rows


def exported_alike(shipped: nn.Module, shown: Shown) -> set[str]:
    """Compare the logits of batches of several sizes; names of what the exported model holds."""
    samples = shows(shown)
    axes = {0: "batch"} if shown == "picture" else {0: "batch", 1: "tokens"}
    model = export_module(shipped, (samples,), ["samples"], ["logits"], {"samples": axes})
    session = open_session(model, ["cpu"], 1)
    for batch in (samples, samples[:1], samples[:2, : TOKENS - 2] if shown == "text" else samples[:2]):
        with torch.inference_mode():
            expected = shipped(batch).numpy()
        (found,) = session.run(None, {"samples": batch.numpy()})
        np.testing.assert_allclose(found, expected, atol=1e-5)
    return {tensor.name for tensor in onnx.load_from_string(model).graph.initializer}
