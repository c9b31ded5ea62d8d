"""A fine-tuning step from cached activations against the same blocks without the store, and the whole network.

Images a second of training steps (forward, backward, AdamW), the same samples, batch size and blocks, in turn in one
run; for each network the best of four plain variants counts: fp32 or bf16, contiguous or channels last. The plain
variants get ready tensors, so their decoding is free; ours reads the sample store, which is filled beforehand.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.methods import load_method
from components.params import load_params
from components.stages.frozen import Computation, Frozen
from components.stages.network import open_checkpoint, open_modality
from components.stages.stored import stored
from components.stages.table import Context
from components.tracker import NullTracker
from components.training.scoring import to_device

SAMPLES, STEPS, WARM = 256, 6, 2
CPU = torch.device("cpu")


def main() -> None:
    params = load_params(ROOT / "params.yaml")
    torch.set_num_threads(params.runtime.cores)
    dataset = Dataset.open(ROOT / "dataset")
    backbone, weights = open_checkpoint(ROOT / "checkpoint", params)
    modality = open_modality(params, ROOT / "checkpoint")
    cut, batch = load_method(params.tune).cut(backbone.blocks), params.tune.batch
    context = Context(NullTracker(), ROOT / ".graftline", params.runtime.cores, ["cpu"])
    ids = dataset.ids("train")[:SAMPLES]
    targets = torch.from_numpy(dataset.targets("train")[:SAMPLES])
    frozen = Frozen(backbone, weights, cut)
    records = stored(dataset, [(i, 0) for i in ids], frozen, modality, context, params.features.batch)
    compute = Computation(dataset, frozen, modality, context, params.features.batch)
    pixels = torch.from_numpy(np.stack([compute.prepare(i)[0] for i in ids]))
    head = nn.Linear(backbone.width, len(dataset.description["classes"]))
    below, above = backbone.below(cut), backbone.above(cut)
    (name, *_) = backbone.gives(cut)

    def from_store(start: int) -> Tensor:
        rows = torch.from_numpy(records[np.arange(start, start + batch)])
        return head(above({name: to_device(rows, CPU)})["pooled"])

    def plain(start: int) -> Tensor:
        with torch.no_grad():
            activations = below({"samples": pixels[start : start + batch]})
        return head(above(activations)["pooled"])

    def whole(start: int) -> Tensor:
        return head(backbone(pixels[start : start + batch]))

    ours = _best(from_store, nn.ModuleList([above, head]), targets, batch, None)
    same = _best(plain, nn.ModuleList([above, head]), targets, batch, (backbone, pixels))
    everything = _best(whole, nn.ModuleList([backbone, head]), targets, batch, (backbone, pixels))
    publish(
        "tuning",
        {
            "blocks": params.tune.blocks,
            "images a second, from the store": ours,
            "images a second, same blocks without the store": same,
            "images a second, whole network": everything,
            "times faster than the best without the store": round(max(ours.values()) / max(same.values()), 2),
            "times faster than the best of the whole network": round(
                max(ours.values()) / max(everything.values()), 2
            ),
        },
    )


def _best(
    logits: Callable[[int], Tensor],
    trained: nn.Module,
    targets: Tensor,
    batch: int,
    formats: tuple[nn.Module, Tensor] | None,
) -> dict[str, float]:
    """Median images a second of each variant; from the store the layout is always channels last."""
    found = {}
    for layout in ("contiguous", "channels last") if formats else ("channels last",):
        memory = torch.channels_last if layout == "channels last" else torch.contiguous_format
        for module in (trained, *(formats[:1] if formats else ())):
            module.to(memory_format=memory)  # type: ignore[call-overload]
        if formats:
            formats[1].data = formats[1].contiguous(memory_format=memory)
        for precision in ("fp32", "bf16"):
            seconds = _seconds(logits, trained, targets, batch, precision)
            found[f"{precision}, {layout}"] = round(batch / float(np.median(seconds[WARM:])), 1)
    return found


def _seconds(
    logits: Callable[[int], Tensor], trained: nn.Module, targets: Tensor, batch: int, precision: str
) -> list[float]:
    optimiser = torch.optim.AdamW(trained.parameters(), lr=1e-6, fused=True)
    trained.train()
    seconds = []
    for step in range(WARM + STEPS):
        start = step * batch % (len(targets) - batch + 1)
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = nn.functional.cross_entropy(logits(start).float(), targets[start : start + batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
