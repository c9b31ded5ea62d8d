"""`make drift`: how often monitoring alarms, on the demo's own data; needs dataset/ and release/ (`make run`).

The figures go to benchmarks/results/drift.json.
"""

from typing import Any

import pytest

from benchmarks.drift import measure
from benchmarks.workspace import ROOT, publish

pytestmark = pytest.mark.drift


@pytest.fixture(scope="module")
def found() -> Any:
    if not (ROOT / "release" / "manifest.json").exists():
        pytest.skip("dataset/ and release/ are not here; run: make run")
    measured = measure(ROOT, 2)
    publish("drift", measured)
    return measured


def test_false_alarms_on_500_undrifted_windows_are_within_binomial_bounds(found: Any) -> None:
    level = found["level"]
    low, high = level["binomial_95"]
    assert level["windows"] == 500
    assert low <= level["alarms"] <= high


@pytest.mark.parametrize(
    "drift",
    ["mono → poly", "brightness × 0.75", "blur σ 1.5", "JPEG quality 15", "noise σ 10"],
)
def test_real_drifts_are_seen_at_one_false_alarm_a_month(found: Any, drift: str) -> None:
    assert found["power"][drift]["power"] >= 0.95
