"""Section `monitoring`: how often an undrifted window may raise an alarm, and how much of it is looked at.

It shapes no locked byte.
"""

import math
from typing import Annotated

from pydantic import Field

from components.params.base import Section

Positive = Annotated[float, Field(gt=0)]
ROUNDING = (
    1e-9  # share by which a p-value may miss the rate: 9 · 1/300 is more than 0.03, as floating-point numbers
)


class MonitoringParams(Section):
    """What `python -m flows.monitor` compares with the reference of the registered model; see docs/monitoring.md.

    Attributes:
        false_alarms_a_month: expected number, while nothing drifts, over all tests of all windows.
        windows_a_month: how often the command runs: 720 is hourly.
        rate: chance of a false alarm in one window, instead of the two above.
        samples: that are compared: at most so many of the window, and so many of the reference.
        least: a window, or a reference, of fewer samples is refused.
        permutations: of each permutation test; refused where so few could never raise an alarm.
        label: how many samples are listed as worth labelling.
    """

    false_alarms_a_month: Positive = 1.0
    windows_a_month: Positive = 720.0
    rate: Annotated[float, Field(gt=0, le=0.5)] | None = None
    samples: int = Field(default=500, ge=30, le=5000)
    least: int = Field(default=50, ge=30)
    permutations: int = Field(default=20_000, ge=99, le=1_000_000)
    label: int = Field(default=50, ge=1)

    @property
    def alarm_rate(self) -> float:
        """Chance of a false alarm in one window, over all of its tests."""
        return (
            self.rate if self.rate is not None else min(self.false_alarms_a_month / self.windows_a_month, 0.5)
        )


def within(p: float, rate: float) -> bool:
    """Whether a p-value is at most the rate, but for rounding."""
    return p <= rate * (1 + ROUNDING)


def fewest_permutations(tests: int, rate: float) -> int:
    """With which one of so many tests can raise an alarm at all: Holm's smallest bound is rate / tests, the smallest
    p-value of a permutation test 1 / (1 + permutations).
    """
    return math.ceil(tests / rate / (1 + ROUNDING)) - 1
