"""How often monitoring alarms where nothing drifts, and where something does, on the demo's own data and release.

Every sample is looked at once, and kept; windows are draws.
1. Level: 500 windows, each with a reference of its own, split at random from one pool (test, validation and calibration
   sides). Given the pool these are independent, so alarms are binomial; at a rate of 5 %.
2. As in operation: 500 windows of the test side against the one reference of this release. They share it, so their
   alarms are not independent, and the rate is not 5 % for each reference; drawn references show how much it differs.
3. Power, at the rate of one false alarm a month and a window an hour: mono → poly, brightness, blur, JPEG, noise.
"""

import argparse
import io
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage, stats

from benchmarks.workspace import ROOT, publish
from components.data.dataset import Dataset
from components.inference.bundle import Bundle, open_bundle
from components.inference.observing import Observer, Raw, observe, observer
from components.monitoring.comparison import Asked, Test, compare, count_tests
from components.monitoring.observed import Observed, drawn
from components.stages.reference import gathered, problem_of

RATE, LEVEL_WINDOWS, LEVEL_SIZE, LEVEL_PERMUTATIONS = 0.05, 500, 300, 399
MONTHLY, POWER_WINDOWS, POWER_SIZE, POWER_PERMUTATIONS = 1 / 720, 20, 100, 5999
REFERENCES, OF_EACH = 10, 50
CHANGED = 250  # test samples that are spoilt
Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Change = Callable[[Picture], Picture]


def brighter(factor: float, picture: Picture) -> Picture:
    return np.clip(np.rint(picture * factor), 0, 255).astype(np.uint8)


def blurred(sigma: float, picture: Picture) -> Picture:
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0))


def recoded(quality: int, picture: Picture) -> Picture:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def noisy(sigma: float, picture: Picture) -> Picture:
    draw = np.random.default_rng(int(picture.sum()))
    grey = draw.normal(0, sigma, (*picture.shape[:2], 1))
    return np.clip(np.rint(picture + grey), 0, 255).astype(np.uint8)


CHANGES: Mapping[str, Change] = {
    "brightness × 0.9": partial(brighter, 0.9),
    "brightness × 0.75": partial(brighter, 0.75),
    "blur σ 0.7": partial(blurred, 0.7),
    "blur σ 1.5": partial(blurred, 1.5),
    "JPEG quality 50": partial(recoded, 50),
    "JPEG quality 15": partial(recoded, 15),
    "noise σ 3": partial(noisy, 3.0),
    "noise σ 10": partial(noisy, 10.0),
}


def png(picture: Picture) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)
    return out.getvalue()


class Cells:
    """The demo's samples, as the release sees them."""

    def __init__(self, root: Path, cores: int) -> None:
        self.dataset = Dataset.open(root / "dataset")
        self.bundle: Bundle = open_bundle(root / "release")
        self._model: Observer = observer(self.bundle, ["cpu"], cores)
        self._cores = cores

    def seen(self, ids: Sequence[str], change: Change | None = None) -> Observed:
        def load(name: str) -> bytes:
            payload = self.dataset.read(name)
            return (
                payload if change is None else png(change(np.asarray(self.bundle.modality.decode(payload))))
            )

        raw = [Raw(name, partial(load, name)) for name in ids]
        rows = list(observe(self.bundle, self._model, raw, self._cores))
        return gathered(self.bundle, rows, {}, {})


def joined(parts: Sequence[Observed]) -> Observed:
    first = parts[0]
    return Observed(
        [i for part in parts for i in part.ids],
        [i for part in parts for i in part.digests],
        first.columns,
        np.concatenate([part.answers for part in parts]),
        [decided for part in parts for decided in part.decided],
        np.concatenate([part.embeddings for part in parts]),
        {name: np.concatenate([part.statistics[name] for part in parts]) for name in first.statistics},
        [label for part in parts for label in part.labels],
    )


Tests = Callable[[Observed, Observed, Asked], list[Test]]


def alarms(tests: Sequence[Test]) -> list[str]:
    return [test.name for test in tests if test.alarm]


def level(tests: Tests, pool: Observed, size: int, windows: int = LEVEL_WINDOWS) -> dict[str, object]:
    """Alarms of `windows` random splits of `pool` into a reference of `size` and a window."""
    draw, raised = np.random.default_rng(0), Counter[str]()
    count = 0
    for number in range(windows):
        order = draw.permutation(len(pool))
        ours, theirs = pool.taken(order[:size]), pool.taken(order[size : size + LEVEL_SIZE])
        found = alarms(tests(ours, theirs, Asked(RATE, LEVEL_PERMUTATIONS, 30, number)))
        raised.update(found)
        count += bool(found)
    low, high = stats.binom.interval(0.95, windows, RATE)
    return {
        "windows": windows,
        "rate": RATE,
        "alarms": count,
        "share": count / windows,
        "binomial_95": [int(low), int(high)],
        "by_test": dict(raised),
    }


def operated(
    tests: Tests, reference: Observed, others: Observed, windows: int = LEVEL_WINDOWS
) -> dict[str, object]:
    """Alarms of windows drawn of `others` against one reference."""
    draw, count = np.random.default_rng(1), 0
    for number in range(windows):
        theirs = others.taken(np.sort(draw.choice(len(others), LEVEL_SIZE, replace=False)))
        count += bool(alarms(tests(reference, theirs, Asked(RATE, LEVEL_PERMUTATIONS, 30, number))))
    return {"windows": windows, "rate": RATE, "alarms": count, "share": count / windows}


def references(tests: Tests, pool: Observed, size: int) -> list[float]:
    """Share of alarms of each of several references, drawn from the pool whose rest is the windows."""
    draw, found = np.random.default_rng(2), []
    for _ in range(REFERENCES):
        order = draw.permutation(len(pool))
        done = operated(tests, pool.taken(order[:size]), pool.taken(order[size:]), OF_EACH)
        found.append(float(str(done["share"])))
    return sorted(found)


def power(tests: Tests, reference: Observed, drifted: Observed) -> dict[str, object]:
    """Share of windows with an alarm, and of each test."""
    draw, raised, count = np.random.default_rng(3), Counter[str](), 0
    for number in range(POWER_WINDOWS):
        theirs = drifted.taken(np.sort(draw.choice(len(drifted), POWER_SIZE, replace=False)))
        found = alarms(tests(reference, theirs, Asked(MONTHLY, POWER_PERMUTATIONS, 30, number)))
        raised.update(found)
        count += bool(found)
    return {"power": count / POWER_WINDOWS, "by_test": {k: v / POWER_WINDOWS for k, v in raised.items()}}


def measure(root: Path, cores: int) -> dict[str, object]:
    started = time.monotonic()
    cells = Cells(root, cores)
    dataset, watch = cells.dataset, problem_of(cells.bundle).watch
    tests: Tests = partial(compare, watch=watch)
    kept = [i for side in ("validation", "calibration") for i in dataset.ids(side)]
    reference, test = cells.seen(kept), cells.seen(dataset.ids("test"))
    pool = joined([reference, test])
    found: dict[str, object] = {
        "tests": count_tests(reference, watch),
        "reference_samples": len(reference),
        "window_samples": {"level": LEVEL_SIZE, "power": POWER_SIZE},
        "level": level(tests, pool, len(reference)),
        "one_reference": operated(tests, reference, test),
        "shares_of_drawn_references": references(tests, pool, len(reference)),
    }
    kinds = dict(zip(dataset.ids(), dataset.slices()["type"].tolist(), strict=True))
    mono = reference.taken(np.flatnonzero([kinds[i] == "mono" for i in reference.ids]))
    poly = test.taken(np.flatnonzero([kinds[i] == "poly" for i in test.ids]))
    drifts = {"mono → poly": power(tests, mono, poly), "nothing": power(tests, reference, test)}
    some = [dataset.ids("test")[i] for i in drawn(len(test), CHANGED, 4)]
    for name, change in CHANGES.items():
        drifts[name] = power(tests, reference, cells.seen(some, change))
    return {
        **found,
        "power": {"rate": MONTHLY, "windows": POWER_WINDOWS, **drifts},
        "seconds": time.monotonic() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--line", type=Path, default=ROOT, help="where dataset/ and release/ lie")
    options = parser.parse_args()
    found = measure(options.line, options.cores)
    publish("drift", found)


if __name__ == "__main__":
    main()
