"""The page of a window: it escapes, fetches nothing, and says both that there is drift and that there is none."""

import re

from components.monitoring.labels import Worth
from components.reporting.drift import Seen, render, shown_p

TEST = {"name": "embeddings", "by": "MMD", "value": 0.02, "p": 5e-5, "adjusted": 4e-4, "alarm": True}
QUIET = {"name": "<b>width", "by": "KS", "value": 0.1, "p": 0.2, "adjusted": 0.4, "alarm": False}
FOUND: dict[str, object] = {
    "window": "ab" * 32,
    "model": "cells",
    "version": "3",
    "source": "s3://bucket/<in>",
    "made": "2026-11-21T12:00:00Z",
    "samples": 2,
    "reference_samples": 2,
    "rate": 1 / 720,
    "permutations": 9999,
    "inputs": 4,
    "unreadable": 1,
    "release_sha256": "c" * 64,
    "reference_sha256": "d" * 64,
    "alarm": True,
    "tests": [TEST, {**QUIET, "reference": 5.0, "window": 6.5}],
    "shares": {"light": {"reference": 0.25, "window": 0.5}, "dark": {"reference": 0.75, "window": 0.5}},
    "metrics": {
        "measured": {
            "accuracy": {"estimate": 0.8, "low": 0.7, "high": 0.9, "n": 60},
            "auroc": {"estimate": 0.75, "low": None, "high": None, "n": 60, "reason": "6 are too few"},
            "f1": {"estimate": None, "low": None, "high": None, "n": 0},
        }
    },
    "not_estimated": "",
}


def test_a_drift_is_shown_with_what_it_is_in() -> None:
    values = {"confidence": ([0.5, 0.9], [0.6, 0.7]), "same": ([1.0, 1.0], [1.0, 1.0])}
    page = render(
        Seen(
            FOUND, values, ([(0, 0), (1, 1)], [(2, 2), (1, 0)]), [Worth("<i>.png", "light", {"margin": 0.51})]
        )
    )
    assert "<strong>drift</strong>" in page
    assert "0.139 %" in page
    assert "&lt;b&gt;width" in page
    assert "s3://bucket/&lt;in&gt;" in page
    assert "&lt;i&gt;.png" in page
    assert page.count("<svg") == 4  # shares, embeddings, two distributions
    assert "0.800 (0.700 to 0.900)" in page
    assert "0.750 (no interval: 6 are too few)" in page
    assert "undefined" in page
    assert "<th>margin</th>" in page
    assert "median 5 → 6.5" in page
    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "alone { display: none" not in page
    assert page.count('<td data-column="p alone">') == 2
    assert ".tests td:last-child { grid-column: 1 / -1; }" in page  # medians on a phone are not cut


def test_without_drift_embeddings_and_accuracy_the_page_is_whole() -> None:
    page = render(Seen({**FOUND, "alarm": False, "tests": [QUIET], "metrics": {}, "shares": {}}, {}))
    assert "<strong>no drift</strong>" in page
    assert "How good" not in page
    assert "<svg" not in page


def test_small_p_values_keep_their_order_of_magnitude() -> None:
    assert [shown_p(value) for value in (0.25, 0.001, 0.00021)] == ["0.250", "0.001", "2.1e-04"]
