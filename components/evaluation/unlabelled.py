"""How good answers look when nobody knows the labels."""

import numpy as np
import numpy.typing as npt


def information_maximisation(probabilities: npt.NDArray[np.floating]) -> float:
    """How sure the answers (N, classes) are, each by itself, and how varied all together, in nats: 0 to log classes.

    Bridle, Heading, MacKay: Unsupervised Classifiers, Mutual Information and 'Phantom Targets', NIPS 1991, section 2:
    with p̄ the mean answer and H the entropy,

        I = H(p̄) - mean H(p)

    Larger is better. It cannot see that sure answers are wrong, and wants all classes to be equally frequent.
    """
    answers = np.asarray(probabilities, dtype=np.float64)
    return float(_entropy(answers.mean(axis=0)) - _entropy(answers).mean())


def _entropy(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))  # 0 log 0 is 0
    found: npt.NDArray[np.float64] = -(probabilities * logs).sum(axis=-1)
    return found
