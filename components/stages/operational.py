"""Latency and throughput of a release on this machine: judged, and kept out of every lock."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from components.inference.bundle import open_bundle
from components.params import Params
from components.storage.publish import read_json, sha256_bytes, sha256_tree, write_json

WARM_UP, REPEATS = 5, 50
SECONDS = 3.0


def operational(release: Path, params: Params, state: Path) -> dict[str, object]:
    """The operational verdict on `release`, in the shape of verdict.json.

    The measurement is made once for a release and a set-up of the runtime, and judged by today's bounds.
    """
    setting = f"{params.runtime.providers} {params.runtime.cores}"
    path = state / "operational" / f"{sha256_tree(release)}-{sha256_bytes(setting.encode())[:8]}.json"
    if not path.exists():
        write_json(path, measure(release, params))
    return judge(read_json(path), params)


def judge(measured: dict[str, object], params: Params) -> dict[str, object]:
    """`pass` where both figures clear their bounds; a figure that is missing or not a number fails."""
    bounds = params.gate.operational
    latency = _number(measured.get("batch1_ms_p95"))
    speed = _number(measured.get("samples_per_second"))
    rules = [
        _rule("p95 latency at batch 1 (ms)", latency, "<=", bounds.batch1_ms_p95),
        _rule("samples/s in batches", speed, ">=", bounds.samples_per_second),
    ]
    passed = all(rule["outcome"] == "pass" for rule in rules)
    return {"verdict": "pass" if passed else "fail", "rules": rules, "measured": measured}


def measure(release: Path, params: Params) -> dict[str, object]:
    """p95 in ms of one sample, and samples a second in the batches that the runner makes of many."""
    bundle = open_bundle(release)
    runner, takes = bundle.runner(params.runtime.providers, params.runtime.cores), bundle.task.signature
    shape = (runner.batch, *takes.typical)
    samples = np.random.default_rng(0).integers(1, takes.values, shape, dtype=takes.dtype)
    one = _times(lambda: runner.run(samples[:1]), REPEATS)
    batches, started = 0, time.perf_counter()
    runner.run(samples)
    started = time.perf_counter()
    while batches < 3 or time.perf_counter() - started < SECONDS:
        runner.run(samples)
        batches += 1
    speed = batches * runner.batch / (time.perf_counter() - started)
    return {
        "batch1_ms_p95": round(float(np.percentile(one, 95)) * 1000, 3),
        "batch1_ms_median": round(float(np.median(one)) * 1000, 3),
        "samples_per_second": round(speed, 2),
        "batch": runner.batch,
        "provider": runner.provider,
        "threads": params.runtime.cores,
        "sample": " × ".join(map(str, takes.typical)),
    }


def _times(call: Callable[[], object], repeats: int) -> list[float]:
    for _ in range(WARM_UP):
        call()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _rule(name: str, value: float, sign: str, bound: float) -> dict[str, object]:
    passed = value <= bound if sign == "<=" else value >= bound  # both are false for NaN
    text = "not measured" if np.isnan(value) else f"{value:g} {sign} {bound:g}"
    return {"rule": f"{name} {sign} {bound:g}", "outcome": "pass" if passed else "fail", "evidence": text}
