"""How well features will serve a task, and how far two domains lie apart: without training a network.

All take features (N, width) as floating-point numbers. What a problem asks of a sample is given as questions, class
indices (N,) each: one for classes, one a label for several labels. Scores of several questions are means.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.int64]

ROUNDS, TOLERANCE = 100, 1e-6
VISIBLE = 1e-12
NEIGHBOURS = 5
GROUPS = 5
BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
FOLDS = 5
ROUNDING = 16 * np.finfo(np.float64).eps


def log_me(features: Floats, aims: Floats) -> float:
    """Log of maximum evidence, per sample, averaged over the columns of `aims` (N, K); higher is better.

    You, Liu, Wang, Long: LogME, ICML 2021, algorithm 1: for each column y (a class or a label against the rest, 0 or 1;
    a number), y = F w + noise with w ~ N(0, 1/α) and noise ~ N(0, 1/β); α and β maximise p(y | F) by fixed-point
    iteration on the singular values of F. Columns that are the same everywhere say nothing; NaN where all are.
    """
    f, aimed = np.asarray(features, dtype=np.float64), np.asarray(aims, dtype=np.float64)
    u, squares = _spectrum(f)
    found = [_evidence(u, squares, f.shape[1], y) for y in aimed.T if np.ptp(y) > 0]
    return float(np.mean(found)) if found else float("nan")


def _spectrum(f: Floats) -> tuple[Floats, Floats]:
    """Left singular vectors (N, r) and squared singular values (r,), in half the time of a full decomposition.

    From the smaller Gram matrix. Directions that rounding hides are left out: no weight along them is worth its
    prior, so what they hold of the targets counts as unexplained either way.
    """
    if len(f) <= f.shape[1]:
        squares, u = np.linalg.eigh(f @ f.T)
        return u, np.maximum(squares, 0)
    squares, v = np.linalg.eigh(f.T @ f)
    kept = squares > squares[-1] * VISIBLE
    return f @ v[:, kept] / np.sqrt(squares[kept]), squares[kept]


def log_me_without(features: Floats, aims: Floats, codes: Indices) -> tuple[float, ...]:
    """LogME without each of five groups in turn: what the delete-group jackknife asks for (`differ`).

    Groups hold a fifth of each code's samples (of each class) and depend on `codes` (N,) alone, so those of two
    backbones are pairs. Empty where a code has fewer than five samples.
    """
    groups = np.empty(len(codes), dtype=np.int64)
    for c in np.unique(codes):
        (members,) = np.nonzero(codes == c)
        if len(members) < GROUPS:
            return ()
        groups[members] = np.arange(len(members)) % GROUPS
    return tuple(log_me(features[groups != g], aims[groups != g]) for g in range(GROUPS))


def differ(ours: tuple[float, ...], theirs: tuple[float, ...]) -> float:
    """How sure it is that two scores differ: two-sided p-value of their paired delete-group jackknife.

    With d_g the difference without group g: t = mean(d) / sqrt((G - 1) / G · Σ (d_g - mean(d))²), with G - 1 degrees
    of freedom (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, equation 11.5, by groups).
    """
    d = np.subtract(ours, theirs)
    count = len(d)
    error = np.sqrt((count - 1) / count * ((d - d.mean()) ** 2).sum())
    if error == 0:
        return float(d.mean() == 0)
    return float(2 * student.sf(abs(d.mean()) / error, count - 1))


def _evidence(u: Floats, squares: Floats, width: int, y: Floats) -> float:
    """log p(y | F, α, β) / N at the best α and β; `squares` are the squared singular values."""
    count = len(y)
    if not squares.any():  # features that are 0 explain nothing: y is noise, and its best 1/β the mean of y²
        return float((np.log(count / (2 * np.pi * (y @ y))) - 1) / 2)
    projected = (u.T @ y) ** 2
    outside = max(float(y @ y - projected.sum()), 0.0)  # what no weight can explain

    def solved(ratio: float) -> tuple[float, float]:
        """Squared length of the best weights, and what they leave unexplained."""
        weights = float((squares * projected / (squares + ratio) ** 2).sum())
        return weights, float((projected * (ratio / (squares + ratio)) ** 2).sum()) + outside

    alpha, beta = 1.0, 1.0
    for _ in range(ROUNDS):
        ratio = alpha / beta
        gamma = float((squares / (squares + ratio)).sum())
        weights, rest = solved(ratio)
        alpha, beta = gamma / max(weights, 1e-12), (count - gamma) / max(rest, 1e-12)
        if abs(alpha / beta - ratio) <= TOLERANCE * ratio:
            break
    weights, rest = solved(alpha / beta)
    curvature = np.log(alpha + beta * squares).sum() + (width - len(squares)) * np.log(alpha)
    total = width * np.log(alpha) + count * np.log(beta / (2 * np.pi)) - curvature
    return float((total - beta * rest - alpha * weights) / (2 * count))


def h_score(features: Floats, questions: Sequence[Indices]) -> float:
    """(1 - λ) tr(C⁻¹ cov(E[f | y])), between 0 and the number of classes less one; higher is better.

    Bao et al., ICIP 2019, with the covariance shrunk after Ledoit & Wolf (2004), C = (1 - λ) cov(f) + λ tr(cov(f))/d I
    for width d, and the same factor on the other one, as Ibrahim et al. (2022) propose: with fewer samples than
    features the plain one is singular. λ = 0 is the plain score.
    """
    f = np.asarray(features, dtype=np.float64)
    f = np.where(np.ptp(f, axis=0) > 0, f - f.mean(axis=0), 0)  # a constant less its mean is rounding
    covariance, shrinkage = ledoit_wolf(f, assume_centered=True)
    found = [_explained(f, covariance, targets) for targets in questions]
    return float((1 - shrinkage) * np.mean(found))


def _explained(f: Floats, covariance: Floats, targets: Indices) -> float:
    """tr(C⁻¹ cov(E[f | y])) of centred features."""
    means = np.zeros_like(f)
    for c in np.unique(targets):
        means[targets == c] = f[targets == c].mean(axis=0)
    between = means.T @ means / len(f)
    try:
        explained = np.linalg.solve(covariance, between)
    except (
        np.linalg.LinAlgError
    ):  # features, or sums of them, are the same everywhere, and tell no classes apart
        explained = np.linalg.pinv(covariance, hermitian=True) @ between
    return float(np.trace(explained))


def leep(probabilities: Floats, questions: Sequence[Indices]) -> float:
    """Mean log of the expected empirical prediction, at most 0; higher is better.

    Nguyen, Hassner, Seeger, Archambeau: LEEP, ICML 2020, equations 1 and 2. θ(x) are the source classifier's
    `probabilities` (N, source classes): P(y, z) = mean of θ(x)_z over samples of class y, as a share of all;
    P(y | z) = P(y, z) / P(z); LEEP = mean log Σ_z P(y | z) θ(x)_z.
    """
    theta = np.asarray(probabilities, dtype=np.float64)
    return float(np.mean([_leep(theta, targets) for targets in questions]))


def _leep(theta: Floats, targets: Indices) -> float:
    classes, member = np.unique(targets, return_inverse=True)
    joint = np.stack([theta[member == c].sum(axis=0) for c in range(len(classes))]) / len(theta)
    given = joint / np.maximum(joint.sum(axis=0), np.finfo(np.float64).tiny)
    return float(np.mean(np.log((given[member] * theta).sum(axis=1))))


def nearest_classes(features: Floats, questions: Sequence[Indices], k: int = NEIGHBOURS) -> float:
    """Balanced accuracy of the k nearest other samples by cosine, each leaving itself out."""
    near, found = _nearest(features, k), []
    for targets in questions:
        classes, member = np.unique(targets, return_inverse=True)
        votes = np.stack([(member[near] == c).sum(axis=1) for c in range(len(classes))], axis=1)
        said = votes.argmax(axis=1)
        found.append(np.mean([(said[member == c] == c).mean() for c in range(len(classes))]))
    return float(np.mean(found))


def nearest_numbers(features: Floats, numbers: Floats, k: int = NEIGHBOURS) -> float:
    """R² of the mean of the k nearest other samples by cosine, each leaving itself out; mean over the columns of
    `numbers` (N, K), about their means. NaN where none varies."""
    given = np.asarray(numbers, dtype=np.float64)
    off = ((given - given[_nearest(features, k)].mean(axis=1)) ** 2).sum(axis=0)
    total = ((given - given.mean(axis=0)) ** 2).sum(axis=0)
    return float(np.mean(1 - off[total > 0] / total[total > 0])) if (total > 0).any() else float("nan")


def _nearest(features: Floats, k: int) -> Indices:
    """(N, k) rows of the k nearest other samples by cosine."""
    f = np.asarray(features, dtype=np.float32)
    f = f / np.maximum(np.linalg.norm(f, axis=1, keepdims=True), 1e-12)
    k, found = min(k, len(f) - 1), []
    for start in range(0, len(f), 1024):
        near = f[start : start + 1024] @ f.T
        near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf
        found.append(np.argpartition(-near, k - 1, axis=1)[:, :k])
    return np.concatenate(found)


def proxy_a_distance(source: Floats, target: Floats, seed: int = 0) -> float:
    """2 · (1 - 2 ε), between 0 (alike) and 2 (told apart without a mistake).

    Ben-David, Blitzer, Crammer, Pereira: Analysis of Representations for Domain Adaptation, NeurIPS 2006. ε is the
    cross-validated error of a linear classifier that tells the domains apart, each weighted equally.
    """
    count = min(len(source), len(target), 1000)
    draw = np.random.default_rng(seed)
    parts = [rows[draw.choice(len(rows), count, replace=False)] for rows in (source, target)]
    domains = np.repeat([0, 1], count)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    said = cross_val_predict(model, np.concatenate(parts), domains, cv=folds)
    return float(2 * max(0.0, 1 - 2 * np.mean(said != domains)))


def mmd(source: Floats, target: Floats, most: int = 1000, seed: int = 0) -> float:
    """Squared maximum mean discrepancy, unbiased, with Gaussian kernels of five bandwidths; 0 where alike.

    Gretton et al., JMLR 2012, equation 3, with k(a, b) the mean over s in BANDWIDTHS of exp(-‖a - b‖² / s γ), γ the
    median of ‖x - y‖² over source samples x and target samples y.
    """
    draw = np.random.default_rng(seed)
    x, y = (
        np.asarray(rows[draw.choice(len(rows), min(most, len(rows)), replace=False)], dtype=np.float64)
        for rows in (source, target)
    )
    xx, yy, xy = (_squared_distances(a, b) for a, b in ((x, x), (y, y), (x, y)))
    median = float(np.median(xy)) or 1.0
    n, m, total = len(x), len(y), 0.0
    for scale in BANDWIDTHS:
        kxx, kyy, kxy = (np.exp(-d / (scale * median)) for d in (xx, yy, xy))
        within = (kxx.sum() - n) / (n * (n - 1)) + (kyy.sum() - m) / (m * (m - 1))
        total += within - 2 * kxy.mean()
    return float(total / len(BANDWIDTHS))


def _squared_distances(a: Floats, b: Floats) -> Floats:
    """(n, m) of (n, d) and (m, d); what is not more than rounding is 0."""
    lengths: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None]
    squared: Floats = lengths - 2 * a @ b.T
    return np.where(squared > ROUNDING * lengths, squared, 0)
