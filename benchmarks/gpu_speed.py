"""Images a second of torch, inference and training, by the protocol of timm's benchmark.py, whose figures are public.

Compared with that script as it stands in its repository; its figures for AMP and channels last are in
results/benchmark-infer-amp-nhwc-*.csv and benchmark-train-amp-nhwc-*.csv:

- The same: input (`torch.randn` of 224 × 224, on the device), channels last (`--channels-last`), AMP in half precision
  (`--amp`), 10 steps to warm up (`--num-warm-iter`), then 40 that are timed (`--num-bench-iter`), the device waited for
  after each, cuDNN's choice of kernels by trial (`cudnn.benchmark`).
- Batches of 256 (`--batch-size`), here halved while they do not fit. Each published figure has its batch beside it:
  compare with one of the same.
- The figure is a mean there: samples of all timed steps by the time of all of them. Here too; the median step's, which
  a disturbance moves less, stands beside it.
- Training is of all layers: cross-entropy with random targets, SGD with Nesterov's momentum of 0.9, rate 1e-4, no
  decay, the loss not scaled. There, backward runs within autocast, here behind it, as torch's documentation asks.
- Networks are transformers' definitions of ResNet-50 and ViT-B/16 in the place of timm's: the same layers and sizes.

Training measures speed and learns nothing. Weights are random: they do not change the speed.
"""

import resource
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from transformers import (
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from components.backbones.catalogue import build

MODELS = ("efficientnet_lite0", "resnet50", "vit_b")
CLASSES = 1000


@dataclass(frozen=True)
class Protocol:
    device: str
    batch: int = 256
    side: int = 224
    warm: int = 10
    steps: int = 40
    tiny: bool = False

    @classmethod
    def dry(cls) -> "Protocol":
        """As much as shows that all of it runs."""
        return cls("cpu", batch=2, side=32, warm=1, steps=2, tiny=True)

    @property
    def words(self) -> str:
        what = (
            "a dry run of tiny networks on the CPU, its figures mean nothing"
            if self.tiny
            else "timm's protocol"
        )
        return (
            f"{what}: batches of {self.batch}, {self.side} × {self.side}, channels last, AMP {self.kind}, "
            f"{self.warm} steps to warm up, {self.steps} timed"
        ).replace("torch.", "")

    @property
    def kind(self) -> torch.dtype:
        return torch.float16 if self.device == "cuda" else torch.bfloat16

    def autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device, self.kind)

    def speeds(self, step: Callable[[], object]) -> tuple[float, float]:
        """Samples a second of all timed steps together, and of the median one."""
        torch.backends.cudnn.benchmark = True
        for _ in range(self.warm):
            step()
        self._wait()
        seconds = []
        for _ in range(self.steps):
            started = time.perf_counter()
            step()
            self._wait()
            seconds.append(time.perf_counter() - started)
        mean, median = sum(seconds) / len(seconds), statistics.median(seconds)
        return round(self.batch / mean, 1), round(self.batch / median, 1)

    def speed(self, step: Callable[[], object]) -> float:
        """Samples a second of all timed steps together."""
        return self.speeds(step)[0]

    def images(self) -> Tensor:
        shown = torch.randn(self.batch, 3, self.side, self.side, device=self.device)
        return shown.contiguous(memory_format=torch.channels_last)

    def memory(self) -> float:
        """GB at most so far: of the device, or of this process where the device is the CPU."""
        if self.device == "cuda":
            return round(torch.cuda.max_memory_allocated() / 1e9, 2)
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


class Logits(nn.Module):
    """Images → the logits of a library's classifier."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images).logits
        return logits


def demo(classes: int, tiny: bool) -> nn.Module:
    """The demo's backbone, or the first units of it, with a linear head."""
    backbone = build("efficientnet_lite0")
    if not tiny:
        return nn.Sequential(backbone, nn.Linear(backbone.width, classes))
    return nn.Sequential(*backbone.units[:3], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, classes))


def network(name: str, protocol: Protocol) -> nn.Module:
    """With random weights and 1000 classes: the demo's backbone, or one of the library's own definitions."""
    if name == "efficientnet_lite0":
        made = demo(CLASSES, protocol.tiny)
    elif name == "resnet50":
        smaller = {"embedding_size": 8, "hidden_sizes": [16, 32], "depths": [1, 1]} if protocol.tiny else {}
        made = Logits(ResNetForImageClassification(ResNetConfig(num_labels=CLASSES, **smaller)))
    else:
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        smaller = sizes if protocol.tiny else {}
        made = Logits(
            ViTForImageClassification(ViTConfig(num_labels=CLASSES, image_size=protocol.side, **smaller))
        )
    return made.to(protocol.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def inference(name: str, protocol: Protocol) -> dict[str, object]:
    def measured(fits: Protocol) -> tuple[float, float]:
        model, images = network(name, fits).eval(), fits.images()

        def step() -> None:
            with torch.inference_mode(), fits.autocast():
                model(images)

        return fits.speeds(step)

    return _halving(measured, protocol)


def fine_tuning(name: str, protocol: Protocol) -> dict[str, object]:
    def measured(fits: Protocol) -> tuple[float, float]:
        model, images = network(name, fits).train(), fits.images()
        optimiser = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, nesterov=True)

        def step() -> None:
            optimiser.zero_grad()
            with fits.autocast():
                targets = torch.randint(CLASSES, (fits.batch,), device=fits.device)
                loss = nn.functional.cross_entropy(model(images), targets)
            loss.backward()
            optimiser.step()

        return fits.speeds(step)

    return _halving(measured, protocol)


def _halving(measured: Callable[[Protocol], tuple[float, float]], protocol: Protocol) -> dict[str, object]:
    """With the largest batch of those that fit into the device."""
    while True:
        if protocol.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            speed, median = measured(protocol)
            break
        except torch.OutOfMemoryError:
            if protocol.batch == 1:
                raise
            protocol = replace(protocol, batch=protocol.batch // 2)
    figures = {"images/s": speed, "images/s of the median step": median}
    return {**figures, "batch": protocol.batch, "peak memory (GB)": protocol.memory()}
