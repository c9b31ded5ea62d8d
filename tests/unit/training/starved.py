"""A training whose activations need what its argument, a limit in MB, may not give; also a program.

It says how many samples went through at once (0: a whole batch), or how it failed.
"""

import os
import resource
import sys
import threading
from dataclasses import replace
from pathlib import Path

import torch
from tiny import CLASSES, WIDTH, loss, make_network, make_samples, phases_of
from torch import Tensor, nn

from components.errors import OutOfMemory
from components.methods import OBJECTIVES, load_objectives
from components.methods.objective import Shape
from components.params.objectives import ObjectivesParams
from components.training.accumulating import fit_in_memory
from components.training.loop import Loop
from components.training.plan import Data, Job, Recipe, Watch

COPIES = 200_000


class Wide(nn.Module):
    """A head with few weights and large activations: 4.8 MB a sample, and a few times so with their gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, CLASSES)

    def forward(self, features: Tensor) -> Tensor:
        copies = features[:, :, None].expand(-1, -1, COPIES) + torch.zeros(COPIES)
        logits: Tensor = self.linear(copies.sigmoid().square().mean(2))
        return logits


def limit(more: int) -> None:
    """Let this process map so many bytes more than it has mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + more,) * 2)


def main(megabytes: int, confident: str) -> str:
    params = ObjectivesParams.model_validate({"confident": confident})
    network = make_network(objectives=load_objectives(params, Shape(WIDTH, CLASSES, 1)))
    network.head = Wide()
    data = Data(make_samples(1), make_samples(2), make_samples(3) if confident in OBJECTIVES else None)
    phase = replace(phases_of(network)[1], epochs=1)
    job = Job(network, loss, (phase,))
    loop = Loop(job, data, Recipe(seed=3, batch=8, precision="fp32"), Watch())
    torch.set_num_threads(1)
    threading.stack_size(256 * 1024)
    limit(megabytes * 10**6)
    try:
        return f"micro_batch {fit_in_memory(loop).micro_batch}"
    except OutOfMemory as error:
        return f"{error} ({type(error.__cause__.__cause__ if error.__cause__ else None).__name__})"


if __name__ == "__main__":
    sys.stdout.write(main(int(sys.argv[1]), sys.argv[2]))
