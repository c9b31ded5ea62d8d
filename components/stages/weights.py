"""How much each labelled training sample counts, by the features of the frozen network."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import Dataset
from components.methods import load_weighting
from components.methods.base import Seen
from components.params import Params
from components.stages.domains import Chosen, unlabelled


def sample_weights(
    folder: Path, dataset: Dataset, params: Params, chosen: Chosen
) -> npt.NDArray[np.float64] | None:
    """(N,) for the samples of `chosen`, 1 on average; `folder` is features/. None where all count alike."""
    weighting = load_weighting(params.weighting)
    if weighting is None:
        return None
    features = np.load(folder / "features.npy", mmap_mode="r")
    target = unlabelled(dataset, params.domains)
    seen = Seen(
        features=np.asarray(features[chosen.rows]),
        targets=chosen.targets,
        of_target=np.isin(chosen.domains, params.domains.target),
        target=np.asarray(features[target.rows]),
        seed=params.seed,
    )
    return weighting(seen)
