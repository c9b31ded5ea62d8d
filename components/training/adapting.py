"""After the training: unlabelled samples of the target, shown to a network by a method that adapts it."""

from collections.abc import Iterator, Sequence

import torch

from components.methods.adaptation import Adaptation, Target
from components.methods.samples import Indices, Inputs, Samples
from components.training.batches import prefetch
from components.training.freezing import fingerprint, require_equal
from components.training.memory import naming_the_batch
from components.training.network import Network
from components.training.plan import Recipe
from components.training.scoring import to_device
from components.training.seeds import deterministic


def adapt(
    network: Network, method: Adaptation, samples: Samples, recipe: Recipe, device: torch.device
) -> None:
    """Change what the method may, in float32; the network ends in evaluation mode.

    Nothing is kept on the way: it is short, and starts from the beginning after an interruption.

    Raises TrainingError where something else moved, or where there is not enough memory.
    """

    def shown(chunks: Sequence[Indices]) -> Iterator[Inputs]:
        for batch in prefetch(samples, chunks, 0):
            yield to_device(batch.inputs, device)

    target = Target(
        each=lambda: shown(samples.in_turn(recipe.batch)),
        shuffled=lambda epoch: shown(samples.shuffled(recipe.seed, epoch, recipe.batch)),
    )
    moves = method.moves(network)
    before = _rest(network, moves)
    with deterministic(recipe.threads), naming_the_batch(recipe.batch):
        method(network, target)
    network.eval()
    require_equal(before, _rest(network, moves), "the network adapted")


def _rest(network: Network, moves: frozenset[str]) -> str:
    return fingerprint({name: tensor for name, tensor in network.state_dict().items() if name not in moves})
