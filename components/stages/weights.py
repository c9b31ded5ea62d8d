"""How much each labelled training sample counts, by the features of the frozen network."""

import numpy as np
import numpy.typing as npt

from components.methods import load_weighting
from components.methods.base import Seen
from components.stages.domains import Chosen
from components.stages.network import NetworkLine


def sample_weights(line: NetworkLine, chosen: Chosen, target: Chosen) -> npt.NDArray[np.float64] | None:
    """(N,) for the samples of `chosen`, 1 on average; None where all count alike.

    `target` is what of the target domain they are to resemble, its labels unseen.
    """
    weighting = load_weighting(line.params.weighting)
    if weighting is None:
        return None
    seen = Seen(
        features=np.asarray(line.features[chosen.rows]),
        targets=chosen.targets,
        of_target=np.isin(chosen.domains, line.params.domains.target),
        target=np.asarray(line.features[target.rows]),
        seed=line.params.seed,
    )
    return weighting(seen)
