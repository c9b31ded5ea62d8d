"""Ahead means: in order, in several threads, and never more than fits."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from components.data import ahead
from components.data.ahead import in_order, stacks, weight


class Meter:
    """How many results exist that nobody has taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def make(self, size: int) -> bytes:
        with self._lock:
            self.now += size
            self.most = max(self.most, self.now)
        return bytes(size)

    def take(self, result: bytes) -> int:
        with self._lock:
            self.now -= len(result)
        return len(result)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_wait_up_to_a_number_of_bytes_and_what_the_threads_are_at(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "CAP", 1000)
    meter = Meter()
    sizes = [10, 900, 400, 3000, 20, 400, 400, 400, 5000, 1] * 20
    found = [meter.take(r) for r in in_order(meter.make, sizes, threads, 96)]
    assert found == sizes
    # The result that is handed out is no longer counted, hence one more.
    assert meter.most <= 1000 + (threads + 1) * 5000


def test_raw_samples_wait_up_to_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "CAP", 1000)
    drawn = 0

    def samples() -> Iterator[bytes]:
        nonlocal drawn
        for _ in range(50):
            drawn += 1
            yield bytes(300)

    for taken, _ in enumerate(in_order(len, samples(), 2, 96), 1):
        assert drawn <= taken + 4
    assert drawn == 50


def test_who_stops_taking_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads wait for room when the reader goes."""
    monkeypatch.setattr(ahead, "CAP", 10)
    before = threading.active_count()
    results = in_order(bytes, [100] * 50, 3, 20)
    next(results)
    results.close()
    assert threading.active_count() == before


def test_an_error_comes_in_its_turn_and_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "CAP", 10)

    def work(number: int) -> bytes:
        if number == 3:
            raise ValueError("three")
        return bytes(20)

    seen = []
    with pytest.raises(ValueError, match="three"):
        seen.extend(in_order(work, range(9), 2, 8))
    assert len(seen) == 3


def test_neighbours_of_one_shape_are_stacked_in_order() -> None:
    shapes = [(4, 4), (4, 4), (4, 4), (6, 2)] * 2 + [(4, 4)] * 2
    images = [np.full((*shape, 3), number, dtype=np.uint8) for number, shape in enumerate(shapes)]
    found = list(stacks(images, 2))
    assert [s.shape[:3] for s in found] == [
        (2, 4, 4), (1, 4, 4), (1, 6, 2), (2, 4, 4), (1, 4, 4), (1, 6, 2), (2, 4, 4)
    ]  # fmt: skip
    assert [int(image[0, 0, 0]) for stack in found for image in stack] == list(range(10))


def test_a_stack_holds_few_bytes_but_always_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "STACK", 100)
    sizes = [(4, 4, 3)] * 3 + [(9, 9, 3)] * 2
    assert [len(s) for s in stacks([np.zeros(s, dtype=np.uint8) for s in sizes], 32)] == [2, 1, 1, 1]


def test_what_a_value_keeps_in_memory() -> None:
    pixels = np.zeros((2, 3), dtype=np.float32)
    assert weight((b"four", pixels, ["path", 7], None)) == 4 + 24
