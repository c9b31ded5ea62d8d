"""Nearest class mean (Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, NeurIPS 2017, eq. 2).

    p(c | x) ∝ exp(-scale · ‖x - p_c‖²),   p_c = Σ w x / Σ w over the training samples of class c

on centred features whose squared length is about 1. ‖x‖² is common to all classes and falls out, which leaves a linear
layer (eq. 8): weight 2 scale · p_c, bias -scale · ‖p_c‖². The scale (Oreshkin et al.: TADAM, NeurIPS 2018, section 3.1)
changes no decision; validation data choose it, by their loss where the metric cannot tell.
"""

from collections.abc import Iterator

import numpy as np

from components.heads.base import Samples, State, linear_module, linear_state, standardisation
from components.params.learning import HeadParams

SCALES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


class Prototypes:
    """Works from one sample a class on."""

    parameter = "scale"
    module = staticmethod(linear_module)

    def __init__(self, head: HeadParams, seed: int) -> None:
        pass

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        mean, deviation = standardisation(training)
        length = deviation * np.sqrt(training.features.shape[1])
        votes = training.columns * training.shares[:, None]
        means = (votes.T @ ((training.features - mean) / length)) / votes.sum(axis=0)[:, None]
        for scale in SCALES:
            yield scale, linear_state(2 * scale * means, -scale * (means**2).sum(axis=1), mean, length)
