"""Parity, on predictors whose difference a hand can compute."""

import numpy as np
import pytest

from components.export.parity import Parity, Predict, measure, predict

LEVELS = [0, 51, 102, 127, 153, 204, 255, 128, 100, 200]


def _images(shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    """One flat picture of each level."""
    return [np.full((*shapes[i % len(shapes)], 3), level, dtype=np.uint8) for i, level in enumerate(LEVELS)]


def _brightness(images: np.ndarray) -> np.ndarray:
    """(1 - mean/255, mean/255)."""
    p = images.mean(axis=(1, 2, 3)).astype(np.float32) / 255
    return np.stack([1 - p, p], axis=1)


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one.argmax(axis=1) == other.argmax(axis=1)


def _shifted(by: float, at_batch: int) -> Predict:
    def run(images: np.ndarray) -> np.ndarray:
        found = _brightness(images)
        return found + np.float32([-by, by]) if len(images) == at_batch else found

    return run


def _measure(candidate: Predict, batches: tuple[int, ...]) -> Parity:
    images = _images([(4, 4)])
    return measure(predict(_brightness, images, max(batches)), candidate, images, batches, _same)


def test_equal_predictors_are_equal() -> None:
    assert _measure(_brightness, (1, 3, 10)) == Parity(10, 0.0, 0, {"1": 0.0, "3": 0.0, "10": 0.0})


def test_a_difference_at_one_batch_size_is_found_and_named() -> None:
    """At batch 3 (three full batches, then one alone) 0.01 is added: 127/255 and 0.01 make a 1 of a 0."""
    found = _measure(_shifted(0.01, 3), (1, 3))
    assert found.by_batch["1"] == 0
    assert found.by_batch["3"] == pytest.approx(0.01, abs=1e-6)
    assert found.max_difference == found.by_batch["3"]
    assert found.changed_decisions == 1
    assert found.samples == 10


def test_a_decision_that_changes_at_two_batch_sizes_counts_once() -> None:
    def up(images: np.ndarray) -> np.ndarray:
        return _brightness(images) + np.float32([-0.01, 0.01])

    assert _measure(up, (1, 2, 5)).changed_decisions == 1


def test_a_prediction_that_is_not_a_number_is_not_equal() -> None:
    def broken(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 2), np.nan, dtype=np.float32)

    assert not _measure(broken, (4,)).max_difference <= 1e-4


def test_predictions_come_in_the_order_of_the_images() -> None:
    found = predict(_brightness, _images([(4, 4), (4, 4), (6, 2)]), 2)
    np.testing.assert_allclose(found[:, 1], np.array(LEVELS) / 255, atol=1e-6)


def test_it_can_be_written_as_json() -> None:
    assert Parity(2, 0.5, 1, {"1": 0.5}).as_json() == {
        "samples": 2,
        "max_difference": 0.5,
        "changed_decisions": 1,
        "by_batch": {"1": 0.5},
    }
