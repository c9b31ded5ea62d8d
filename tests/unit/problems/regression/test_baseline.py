"""Ridge regression against scikit-learn's on plain targets."""

import numpy as np
import pytest
from described import description
from scipy.sparse import csr_matrix
from sklearn.linear_model import RidgeCV

from components.problems.regression import baseline
from components.problems.regression.baseline import ALPHAS, Baseline

ABOUT = description(("y", "z"), (100.0, 0.0), (10.0, 1.0), (0.0, 130.0))


def drawn() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(60, 5))
    targets = np.stack([100 + 10 * rows[:, 0], rows[:, 1]], axis=1) + draw.normal(0, 0.5, (60, 2))
    return rows, targets.astype(np.float32)


def test_it_is_scikit_learn_s_within_the_range() -> None:
    rows, targets = drawn()
    learned = Baseline(ABOUT)
    said = learned.answers(learned.fit(csr_matrix(rows), targets, 0), csr_matrix(rows))
    plain = RidgeCV(alphas=ALPHAS).fit(rows, (targets - [100, 0]) / [10, 1])
    expected = np.clip(plain.predict(rows) * [10, 1] + [100, 0], 0, 130)
    np.testing.assert_allclose(said, expected, atol=1e-3)


def test_of_many_samples_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "EXACT", 10)
    rows, targets = drawn()
    learned = Baseline(ABOUT)
    fitted = learned.fit(csr_matrix(rows), targets, 0)
    assert fitted["alpha"].tolist() == [1.0]
    assert np.abs(learned.answers(fitted, csr_matrix(rows))[:, 0] - targets[:, 0]).mean() < 2
