"""Nearest class mean, with a temperature (Snell, Swersky, Zemel, NeurIPS 2017, eq. 2).

    p(c | x) ∝ exp(-‖x - p_c‖² / temperature)

where p_c = Σ w x / Σ w over the training samples of class c. Validation data choose the temperature.
"""

from collections.abc import Iterator

import numpy as np

from components.heads.base import Samples, State, linear_module, linear_state, standardisation
from components.params.learning import HeadParams
from extras.nearest_mean import Params


class NearestMean:
    parameter = "temperature"
    module = staticmethod(linear_module)

    def __init__(self, head: HeadParams, seed: int) -> None:
        self._temperatures = head.options(Params).temperatures

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        mean, deviation = standardisation(training)
        length = deviation * np.sqrt(training.features.shape[1])
        votes = training.columns * training.shares[:, None]
        means = (votes.T @ ((training.features - mean) / length)) / votes.sum(axis=0)[:, None]
        for temperature in self._temperatures:
            yield (
                temperature,
                linear_state(2 * means / temperature, -(means**2).sum(axis=1) / temperature, mean, length),
            )
