"""How much each labelled training sample counts, by the features of the frozen network."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.methods import load_weighting
from components.methods.base import Seen
from components.params import Params
from components.stages.domains import Chosen
from components.stages.features import open_features


def sample_weights(
    folder: Path, params: Params, chosen: Chosen, target: Chosen
) -> npt.NDArray[np.float64] | None:
    """(N,) for the samples of `chosen`, 1 on average; None where all count alike.

    `folder` is features/, `target` what of the target domain they are to resemble, its labels unseen.
    """
    weighting = load_weighting(params.weighting)
    if weighting is None:
        return None
    features = open_features(folder)
    seen = Seen(
        features=np.asarray(features[chosen.rows]),
        targets=chosen.targets,
        of_target=np.isin(chosen.domains, params.domains.target),
        target=np.asarray(features[target.rows]),
        seed=params.seed,
    )
    return weighting(seen)
