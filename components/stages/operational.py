"""Latency and throughput of a release on this machine: judged, and kept out of every lock.

Other work on the machine can only slow the release down. So figures that clear their bounds pass whatever the load; of
several rounds the best counts. Where a figure misses its bound while the machine is busy, CPU time decides: if all
cores together could not do the work in time even undisturbed, the rule fails; otherwise it is inconclusive, and
`register` measures again.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.params import Params
from components.runtime.occupancy import cores_share, load, stolen
from components.storage.publish import read_json, sha256_bytes, sha256_tree, write_json

if TYPE_CHECKING:  # they import torch, which judging what was measured before does not need
    from components.inference.bundle import Bundle, Runner
    from components.modalities.base import Sample

WARM_UP, ROUNDS, REPEATS = 5, 5, 20
BATCH_ROUNDS, SECONDS = 3, 1.0
QUIET = 0.9  # share of its cores that a process gets where nothing else is worth a mention
Figures = Mapping[str, object]


@dataclass(frozen=True)
class Bound:
    """Attributes:
    wall, cpu: the keys of the figures: measured, and what it could be at best on quiet cores.
    sign: +1 where more is better.
    """

    name: str
    wall: str
    cpu: str
    bound: float
    sign: int

    def holds(self, value: float) -> bool:
        return self.sign * value >= self.sign * self.bound  # false for NaN

    def __str__(self) -> str:
        return f"{self.name} {self.words}"

    @property
    def words(self) -> str:
        return f"{'>=' if self.sign > 0 else '<='} {self.bound:g}"


def operational(
    release: Path, params: Params, state: Path, repeat: bool = False, digest: str = ""
) -> dict[str, object]:
    """The operational verdict on `release`, in the shape of verdict.json.

    The measurement is made once for a release and a set-up of the runtime, and judged by today's bounds; with `repeat`,
    one that does not pass is made again.

    Args:
        digest: of `release`, where the caller knows it.
    """
    setting = f"{params.runtime.providers} {params.runtime.cores}"
    path = (
        state / "operational" / f"{digest or sha256_tree(release)}-{sha256_bytes(setting.encode())[:8]}.json"
    )
    if path.exists():
        judged = judge(read_json(path), params)
        if judged["verdict"] == "pass" or not repeat:
            return judged
    write_json(path, measure(release, params))
    return judge(read_json(path), params)


def judge(measured: Figures, params: Params) -> dict[str, object]:
    """`pass` where both figures clear their bounds; a figure that is missing or not a number fails."""
    asked = params.gate.operational
    bounds = (
        Bound("p95 latency at batch 1 (ms)", "batch1_ms_p95", "cpu_batch1_ms", asked.batch1_ms_p95, -1),
        Bound(
            "samples/s in batches",
            "samples_per_second",
            "cpu_samples_per_second",
            asked.samples_per_second,
            1,
        ),
    )
    rules = [_rule(bound, measured) for bound in bounds]
    outcomes = {str(rule["outcome"]) for rule in rules}
    verdict = next(said for said in ("fail", "inconclusive", "pass") if said in outcomes)
    return {"verdict": verdict, "rules": rules, "measured": dict(measured)}


def measure(release: Path, params: Params) -> dict[str, object]:
    """p95 in ms of one sample, and samples a second in the batches that the runner makes of many.

    Where the machine is busy, `cpu_…` say what they could be at best: the CPU time of one thread, shared out evenly.
    """
    from components.inference.bundle import open_bundle

    bundle, threads = open_bundle(release), params.runtime.cores
    runner = bundle.runner(params.runtime.providers, threads)
    shares, found = [cores_share(threads)], dict[str, float]()

    def run() -> None:
        samples = _samples(bundle, runner)
        found.update(_latency(runner, samples[:1]))
        shares.append(cores_share(threads))
        found["samples_per_second"] = _speed(runner, samples)
        shares.append(cores_share(threads))

    steal = stolen(run)
    share = round(min(shares), 3)
    if share < QUIET and runner.provider == "CPUExecutionProvider":
        found |= _at_best(bundle, threads)
    return {
        **found,
        "batch": runner.batch,
        "provider": runner.provider,
        "threads": threads,
        "sample": " × ".join(map(str, bundle.modality.signature.typical)),
        "cores_share": share,
        "load": load(),
        "steal": steal,
    }


def _samples(bundle: "Bundle", runner: "Runner") -> "Sample":
    takes = bundle.modality.signature
    return np.random.default_rng(0).integers(
        1, takes.values, (runner.batch, *takes.typical), dtype=takes.dtype
    )


def _latency(runner: "Runner", one: "Sample") -> dict[str, float]:
    """p95 and median, each of the best round."""
    times = np.array(_times(lambda: runner.run(one), ROUNDS * REPEATS)).reshape(ROUNDS, REPEATS) * 1000
    p95, median = np.percentile(times, 95, axis=1).min(), np.median(times, axis=1).min()
    return {"batch1_ms_p95": round(float(p95), 3), "batch1_ms_median": round(float(median), 3)}


def _speed(runner: "Runner", samples: "Sample") -> float:
    """Samples a second of the best round."""
    runner.run(samples)
    speeds = []
    for _ in range(BATCH_ROUNDS):
        batches, started = 0, time.perf_counter()
        while not batches or time.perf_counter() - started < SECONDS:
            runner.run(samples)
            batches += 1
        speeds.append(batches * runner.batch / (time.perf_counter() - started))
    return round(max(speeds), 2)


def _at_best(bundle: "Bundle", threads: int) -> dict[str, float]:
    """One thread only, which waits for nobody: threads that wait for each other spend CPU time on that."""
    runner = bundle.runner(["cpu"], 1)
    samples = _samples(bundle, runner)
    one = _times(lambda: runner.run(samples[:1]), REPEATS, time.process_time)
    many = _times(lambda: runner.run(samples), 2, time.process_time)
    return {
        "cpu_batch1_ms": round(min(one) * 1000 / threads, 3),
        "cpu_samples_per_second": round(len(samples) * threads / max(min(many), 1e-9), 2),
    }


def _times(
    call: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    for _ in range(min(WARM_UP, repeats)):
        call()
    spent = []
    for _ in range(repeats):
        started = clock()
        call()
        spent.append(clock() - started)
    return spent


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _rule(bound: Bound, measured: Figures) -> dict[str, object]:
    wall, at_best = _number(measured.get(bound.wall)), _number(measured.get(bound.cpu))
    share = _number(measured.get("cores_share"))
    outcome, said = "pass" if bound.holds(wall) else "fail", f"{wall:g} {bound.words}"
    if math.isnan(wall):
        said = "not measured"
    elif outcome == "fail" and share < QUIET:
        said = f"{wall:g}, with {_busy(measured)}"
        if math.isnan(at_best) or bound.holds(at_best):
            outcome = "inconclusive"
        else:
            said += f"; by CPU time at best {at_best:g}, which is not {bound.words} either"
    return {"rule": str(bound), "kind": "operational", "outcome": outcome, "evidence": said}


def _busy(measured: Figures) -> str:
    """What the machine was busy with."""
    share, steal = _number(measured.get("cores_share")), _number(measured.get("steal"))
    text = f"{share:.0%} of {measured.get('threads')} cores for this process (load {measured.get('load')}"
    return f"{text}, {steal:.0%} taken by the hypervisor)" if steal >= 0.01 else f"{text})"
