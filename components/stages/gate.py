"""gate: judge the release by the rules of params.yaml. Whatever the verdict, the stage succeeds."""

from collections.abc import Mapping
from pathlib import Path

from components.evaluation.gates import Release, judge
from components.inference.bundle import verify
from components.params import Params
from components.progress import log
from components.stages.table import Context
from components.storage.publish import read_json, sha256_tree, write_json


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write verdict.json: `verdict` and every rule with its evidence."""
    folder = inputs["release"]
    manifest, parity = verify(folder), read_json(folder / "parity.json")
    release = Release(params.export.release, sha256_tree(folder), parity, manifest)
    verdict = judge(params.gate, release, read_json(inputs["evaluation"] / "metrics.json"))
    write_json(outputs["verdict.json"], verdict.as_json())
    context.tracker.tags({"verdict": verdict.verdict})
    log(f"Gate: {verdict.verdict}")
    for rule in verdict.rules:
        if rule.outcome != "pass":
            log(f"  {rule.outcome}: {rule.rule}: {rule.evidence}")
