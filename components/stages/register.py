"""The command `register`: one version in the registry for the release that lies in the workspace."""

import json
from collections.abc import Mapping
from pathlib import Path

from components.data.dataset import Dataset
from components.data.splits import SIDES
from components.params import Params
from components.registry.lineage import lineage
from components.registry.register import Candidate, Registered, registered
from components.registry.register import register as register_candidate
from components.registry.runs import RunHandle, current_run, handed_run, producer
from components.registry.verdicts import refuse_unless_pass
from components.stages.artefacts import check_artefacts, check_locked
from components.stages.card import card, check_verdict_is_about
from components.stages.push import push_where_set
from components.stages.reference import make_reference_if_possible
from components.storage.home import home, reports
from components.storage.publish import read_json, sha256_tree

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def register(root: Path, params: Params) -> Registered:
    """Judge, push, register.

    Raises GateRefused (exit code 3) unless both verdicts are `pass`, and all that they are about is what the stages
    made last, by dvc.lock. A measurement of latency and throughput that did not pass is made again, and nothing else.
    """
    digests = check_artefacts(root)
    verdict = read_json(root / "verdict.json")
    release = root / "release"
    refuse_unless_pass(verdict)  # do not measure what is refused anyway
    digest = digests.get("release") or sha256_tree(release)  # which says that there is none
    check_verdict_is_about(verdict, digest)
    check_locked(root, ("release", "evaluation", "verdict.json"))
    from components.stages.operational import operational

    judged = operational(release, params, home(root), repeat=True, digest=digest)
    refuse_unless_pass(verdict, judged)
    push_where_set(root)
    made_by = producer(root, "export_onnx", {"release": digest})
    run = RunHandle(root, made_by) if made_by else current_run(root, params)
    done = registered(root, params.tracking, digest, run)
    if done is None:
        candidate = _candidate(root, params, verdict, judged, digest)
        done = register_candidate(root, params.tracking, candidate, run)
    if not made_by and handed_run(root) is None:
        run.set_status("FINISHED")
    make_reference_if_possible(root, params, done.version)
    return done


def _candidate(
    root: Path, params: Params, verdict: Mapping[str, object], judged: Mapping[str, object], digest: str
) -> Candidate:
    from components.inference.bundle import (
        open_bundle,
    )  # it imports torch, which a version that is there does not need

    made = card(root, params, digest)
    made.write(reports(root))  # from now on the version's card is the one beside the report, too
    report, lock = reports(root) / "report.html", root / "dvc.lock"
    measured = judged.get("measured")
    figures = {
        f"operational/{key}": float(value)
        for key, value in (measured.items() if isinstance(measured, Mapping) else ())
        if isinstance(value, int | float)
    }
    return Candidate(
        release=root / "release",
        verdict=verdict,
        operational=judged,
        lineage=lineage(root),
        metrics={**estimates(root / "evaluation" / "metrics.json"), **figures},
        providers=[PROVIDERS[name] for name in params.runtime.providers],
        report=report if report.exists() else None,
        samples=samples(Dataset.open(root / "dataset")) if (root / "dataset").exists() else b"",
        lock=lock.read_bytes() if lock.exists() else b"",
        contract=open_bundle(root / "release").contract.sha256,
        card=made,
    )


def samples(dataset: Dataset) -> bytes:
    """Side → ids of the samples that a release was made from: all but the test side's.

    A later promotion asks whether the champion knows what is a test sample by then.
    """
    sides = {side: dataset.ids(side) for side in SIDES if side != "test"}
    return json.dumps(sides, sort_keys=True, separators=(",", ":")).encode()


def estimates(path: Path) -> dict[str, float]:
    """The release's estimates on the test side."""
    release = read_json(path).get("release") if path.exists() else None
    found = {}
    for name, value in release.items() if isinstance(release, Mapping) else ():
        estimate = value.get("estimate") if isinstance(value, Mapping) else value
        if isinstance(estimate, int | float):
            found[str(name)] = float(estimate)
    return found
