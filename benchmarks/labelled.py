"""Populations of several labels a sample: one model, and two on the same samples.

Scores are normal, those of samples with a label higher by a shift; a label is decided above half of it. Labels of one
sample, the noise of their scores, and samples of one group have something in common.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special
from scipy.stats import norm

from components.evaluation.calibration_error import bins
from components.evaluation.spread import Floats
from components.problems.multi_label.judge.metrics import Outcome

GROUP = 20
SHARES = {
    "3": (0.5, 0.3, 0.1),
    "10": (0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.03),
    "even": (0.4,) * 5,
    "two": (0.3,) * 2,
    "twenty": (0.3,) * 20,
}
Draw = np.random.Generator


@dataclass(frozen=True)
class Population:
    """
    Attributes:
        shares: of samples that have each label.
        shift: between the scores of samples with a label and without it.
        together: correlation of the labels of one sample.
        common: correlation of the noise of one sample's scores.
        hard: noise in common makes a sample wrong in all labels; else it raises all scores.
        within: correlation of samples of one group, in labels and noise.
        unequal: groups of 1 to about 100 samples; else of GROUP.
        agree: correlation of the noise of two models.
        worse: by how much less the scores of the first of two models are shifted.
        calibrated: whether probabilities are those of the labels, given the score.
    """

    shares: str = "3"
    shift: float = 3.0
    together: float = 0.3
    common: float = 0.0
    hard: bool = False
    within: float = 0.0
    unequal: bool = False
    agree: float = 0.0
    worse: float = 0.0
    calibrated: bool = False

    @property
    def prevalence(self) -> Floats:
        return np.array(SHARES[self.shares])

    def truth(self) -> dict[str, float]:
        """Of the metrics that can be integrated."""
        miss = norm.cdf(-self.shift / 2)
        both = self.prevalence * (1 - miss)
        false = (1 - self.prevalence) * miss
        f1 = 2 * both / (both + false + self.prevalence)
        return {
            "macro_f1": float(f1.mean()),
            "micro_f1": float(2 * both.sum() / (both + false + self.prevalence).sum()),
            "map": float(np.mean([self._precision(share) for share in self.prevalence])),
            "hamming_loss": float(miss),
            "ece": float(np.mean([self._calibration(share) for share in self.prevalence])),
        }

    def difference(self) -> dict[str, float]:
        """Of two models, the worse less the other; subset accuracy only where they are equally good."""
        other, one = self.truth(), replace(self, shift=self.shift - self.worse).truth()
        same = {} if self.worse else {"subset_accuracy": 0.0}
        return {name: one[name] - other[name] for name in one} | same

    def _precision(self, share: float) -> float:
        at = np.linspace(-9, self.shift + 9, 20_001)
        recall = norm.sf(at - self.shift)
        precision = share * recall / (share * recall + (1 - share) * norm.sf(at))
        return float((-np.diff(recall) * (precision[:-1] + precision[1:]) / 2).sum())

    def _calibration(self, share: float) -> float:
        """Gaps of bins, whose noise does not add anything."""
        at, step = np.linspace(-9, self.shift + 9, 400_001, retstep=True)
        has, every = share * norm.pdf(at - self.shift), (1 - share) * norm.pdf(at)
        said = self._probabilities(at, self.shift, share)
        return float(np.abs(np.bincount(bins(said), weights=has - said * (has + every))).sum() * step)

    def _probabilities(self, scores: Floats, shift: float, share: Floats | float) -> Floats:
        """Of a label that such a share of the samples has."""
        above = scores - shift / 2
        return np.asarray(special.expit(shift * above + special.logit(share) if self.calibrated else above))

    def units(self, draw: Draw, size: int) -> Floats:
        """(N,) group of each of N samples in `size` groups."""
        sizes = np.minimum(draw.geometric(1 / GROUP, size), 100) if self.unequal else np.full(size, GROUP)
        return np.repeat(np.arange(size), sizes).astype(np.float64)

    def one(self, draw: Draw, groups: Floats) -> Outcome:
        """One model's outcome."""
        member = groups.astype(np.int64)
        targets = self._targets(draw, member)
        return self._outcome(targets, self._mixed(draw, member, self.common), self.shift)

    def two(self, draw: Draw, groups: Floats) -> tuple[Outcome, Outcome]:
        """Those of two, the worse first."""
        member = groups.astype(np.int64)
        targets = self._targets(draw, member)
        both, *own = (self._mixed(draw, member, self.common) for _ in range(3))
        first, second = (np.sqrt(self.agree) * both + np.sqrt(1 - self.agree) * noise for noise in own)
        one = self._outcome(targets, first, self.shift - self.worse)
        return one, self._outcome(targets, second, self.shift)

    def _targets(self, draw: Draw, member: np.ndarray) -> np.ndarray:
        has = self._mixed(draw, member, self.together) < norm.ppf(self.prevalence)
        return np.asarray(has, dtype=np.int8)

    def _mixed(self, draw: Draw, member: np.ndarray, common: float) -> Floats:
        """(N, L) normal: a share of the variance is the sample's, a share its group's."""
        size = len(member), len(self.prevalence)
        groups = draw.standard_normal((member.max() + 1, 1))[member]
        own = draw.standard_normal(size) * np.sqrt(1 - common)
        sample = draw.standard_normal((size[0], 1)) * np.sqrt(common) + own
        return np.asarray(np.sqrt(self.within) * groups + np.sqrt(1 - self.within) * sample)

    def _outcome(self, targets: np.ndarray, noise: Floats, shift: float) -> Outcome:
        turned = np.where(targets == 1, -noise, noise) if self.hard else noise
        scores = shift * targets + turned
        probabilities = self._probabilities(scores, shift, self.prevalence)
        return Outcome(targets, probabilities, (scores >= shift / 2).astype(np.int8))


ALONE = {
    "independent errors": Population(),
    "hard samples": Population(common=0.5, hard=True),
    "ten, hard samples": Population("10", common=0.5, hard=True, together=0.6),
    "ten, good": Population("10", shift=5.0, common=0.3, hard=True),
    "even, raised": Population("even", common=0.8, together=0.0),
    "calibrated": Population(calibrated=True),
    "twenty, calibrated": Population("twenty", together=0.0, calibrated=True),
    "ten, calibrated, raised": Population("10", common=0.8, calibrated=True),
}
GROUPED = {
    "0.2": Population(within=0.2, common=0.3, hard=True),
    "0.2, unequal": Population(within=0.2, common=0.3, hard=True, unequal=True),
    "ten, 0.2": Population("10", within=0.2, common=0.3, hard=True),
    "0.2, calibrated, raised": Population(within=0.2, common=0.8, calibrated=True),
}


def _agree(of: dict[str, Population], agree: dict[str, float]) -> dict[str, Population]:
    """Two models that are equally good."""
    return {f"{name}, agree in {share:g}": replace(of[name], agree=share) for name, share in agree.items()}


PAIRS = {
    **_agree(ALONE, {"independent errors": 0.95, "hard samples": 0.5, "ten, hard samples": 0.5}),
    **_agree(ALONE, {"even, raised": 0.5, "calibrated": 0.5}),
    "worse, alike": Population(worse=1.0, agree=0.9),
    "even, worse, not alike": Population("even", worse=1.2),
    "two labels alike, worse": Population("two", 2.33, 0.95, common=0.95, worse=1.14),
}
GROUPED_PAIRS = {
    **_agree(GROUPED, {"0.2": 0.5, "0.2, unequal": 0.95, "0.2, calibrated, raised": 0.5}),
    "0.2, worse, not alike": replace(GROUPED["0.2"], worse=1.0),
}
