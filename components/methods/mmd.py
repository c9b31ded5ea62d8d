"""MMD: the mean of the features in a kernel's space is made alike.

Long, Cao, Wang, Jordan: Learning Transferable Features with Deep Adaptation Networks, ICML 2015, section 3, with
Gretton et al.: A Kernel Two-Sample Test, JMLR 13, 2012, eq. 3: with source features x (n) and target features y (m),

    1/(n(n-1)) Σ_{i≠j} k(x_i, x_j) + 1/(m(m-1)) Σ_{i≠j} k(y_i, y_j) - 2/(nm) Σ_{i,j} k(x_i, y_j)

    k(a, b) = 1/5 Σ_u exp(-‖a - b‖² / (2^u γ)),   u = -2 … 2,   γ the median of ‖a - b‖² over all pairs of the batch

The estimate is the unbiased one: it is 0 in the mean where the domains are alike, and may fall below. The other one,
with i = j in its sums, is 2/n (1 - mean k) too large there, which a network lowers by drawing all features together.
γ is a yardstick, taken from the batch and no gradient sent through it.

The paper (DAN) adds up such a term for each of AlexNet's last three layers (fc6 to fc8), with kernels from 2⁻⁸ γ to
2⁸ γ in steps of √2 (section 4.1), and learns how much each of them counts. Here is one term, of the features that the
head sees, with five kernels that count alike.
"""

import torch
from torch import Tensor

from components.methods.objective import Objective, Shape, Step
from components.params.objectives import ObjectivesParams

WEIGHT = 1.0  # the middle of the paper's search
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
SMALLEST = 1e-12  # γ where all features are one


class MMD(Objective):
    """Answers 'what is added to the loss?': the maximum mean discrepancy of the domains."""

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.align_weight or WEIGHT

    def forward(self, step: Step) -> Tensor:
        return self._weight * mmd(step.features, step.beside.features)


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Scalar; source (n, d), target (m, d), n and m at least 2."""
    n = len(source)
    kernel = multi_kernel(squared_distances(torch.cat([source, target])))
    within = _mean_of_pairs(kernel[:n, :n]) + _mean_of_pairs(kernel[n:, n:])
    return within - 2 * kernel[:n, n:].mean()


def squared_distances(points: Tensor) -> Tensor:
    """(n, n) of (n, d)."""
    # Distances do not see the mean; without it they lose fewer digits.
    mean = points.detach().mean(0, keepdim=True)
    points = points - mean
    lengths = points.square().sum(1)
    squared = (lengths[:, None] + lengths[None, :] - 2 * points @ points.T).clamp_min(0)
    # What is not more than rounding is 0, and no gradient is sent through it: where features are one, that would be
    # noise, divided by a γ of noise.
    rounding = torch.finfo(points.dtype).eps
    least = 4 * rounding * lengths.detach().mean() + (4 * rounding) ** 2 * mean.square().sum()
    return torch.where(squared > least, squared, 0)


def multi_kernel(distances: Tensor) -> Tensor:
    """(n, n) of squared distances (n, n)."""
    n = len(distances)
    rows, columns = torch.triu_indices(n, n, 1, device=distances.device)
    width = _median(distances.detach()[rows, columns]).clamp_min(SMALLEST)
    kernels = [(-distances / (scale * width)).exp() for scale in SCALES]
    return torch.stack(kernels).mean(0)


def _median(values: Tensor) -> Tensor:
    """Of an even number (N,) the mean of the middle two: torch's own is the lower of them."""
    ordered = values.sort().values
    return (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def _mean_of_pairs(kernel: Tensor) -> Tensor:
    """Mean of what lies beside the diagonal of (n, n)."""
    n = len(kernel)
    return (kernel.sum() - kernel.trace()) / (n * (n - 1))
