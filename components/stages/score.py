"""What `python -m flows.score` does, without the orchestrator: a registered release, many inputs, one row for each."""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile

import onnx

from components.errors import DataError, DigestMismatch, StorageError, short_digests
from components.inference.begun import Begun, begun, planned
from components.inference.bundle import Bundle, open_bundle
from components.inference.contract import AGAIN
from components.inference.inputs import Inputs
from components.inference.manifests import Table
from components.inference.plan import Model, Output, make_plan
from components.inference.results import reasons
from components.inference.scoring import Scorer
from components.inference.unusable import refuse_other_kind
from components.params.operation import OperationParams
from components.params.scoring import CHAMPION, Job
from components.progress import bar, log, progress
from components.registry.fetch import fetch
from components.registry.runs import RunHandle
from components.registry.store import locate
from components.runtime.placement import on_the_cpu
from components.sources.base import public
from components.stages.before import check_bundle, open_job

SHOWN = 20  # nodes that are named
WHYS = 3  # reasons that are named


@dataclass(frozen=True)
class Done:
    """What a call came to.

    Attributes:
        rows: scored by this call, in `seconds`.
        unreadable: of the whole job's inputs, and None while other shards have work to do.
    """

    rows: int
    seconds: float
    inputs: int
    unreadable: int | None


class Scoring:
    """A job in the workspace `root`; what it finds out is told to the MLflow run.

    No dataclass: Prefect would walk through its fields at each task.
    """

    def __init__(self, root: Path, params: OperationParams, job: Job, run: RunHandle) -> None:
        self._root = root
        self._params = params
        self._job = job
        self._run = run

    @cached_property
    def inputs(self) -> Inputs:
        """Those that the job began with, where it began before."""
        found, folder = open_job(self._root, self._job), self._root / self._job.output
        return Begun(found, folder) if begun(folder) else found

    @cached_property
    def release(self) -> tuple[Bundle, Model]:
        """Verified file by file and, where the registry has it, as a whole."""
        log(f"Input: {public(self.inputs.uri)}")  # looked at first: the model takes longer
        bundle, model = open_model(self._root, self._params, self._job, self.inputs)
        log(f"Model: {model}")
        named = {"model": model.name or "none", "version": model.version or "none"}
        self._run.say("params", {**named, "release_sha256": model.release_sha256, "variant": model.variant})
        return bundle, model

    @cached_property
    def output(self) -> Output:
        """The planned job. Raises StorageError where the folder holds another one."""
        _, model = self.release
        shown = progress(self.inputs, "list inputs", "inputs")
        with TemporaryFile() as file:
            listed = None if isinstance(self.inputs, Table) else file  # a table that changed is another job
            made = make_plan(model, self._job.rows, shown, self._job.embeddings, listed)
            output = Output(self._root / self._job.output, made, listed)
        plan, of = output.plan, self._job.shard
        said = {"input": public(self.inputs.uri), "output": str(output.folder), "shard": f"{of[0]}/{of[1]}"}
        self._run.say("params", {**said, "inputs": plan.inputs, "parts": len(plan.parts), "rows": plan.rows})
        return output

    def score(self) -> Done:
        """All parts of the shard that are not there yet.

        Raises Busy where another process is at one of them, DataError where all inputs have their rows and none of
        them an answer.
        """
        plan, started = self.output.plan, time.monotonic()
        parts = plan.shard(*self._job.shard)
        with self.output.held(parts):
            wanted = [number for number in parts if not self.output.is_done(number)]
            if len(wanted) < len(parts):
                log(f"{len(parts) - len(wanted)} of {len(parts)} parts are there already.")
            rows = sum(plan.size(number) for number in wanted)
            if wanted:
                self._score(wanted, rows)
        manifest = self.output.finish()
        done = Done(rows, time.monotonic() - started, plan.inputs, _unreadable(manifest))
        self._say(done)
        if done.unreadable == done.inputs:
            raise _none_scored(self._root / self._job.output, done.inputs)
        return done

    def _score(self, wanted: list[int], rows: int) -> None:
        bundle, model = self.release
        runtime = self._params.runtime
        scorer = Scorer(bundle, model, runtime.providers, runtime.cores, self._job.embeddings)
        self._prove(bundle, scorer.provider)
        shown = bar(rows, "score", "inputs")
        try:
            scorer.score(self.inputs, self.output, wanted, shown.update)
        finally:
            shown.close()

    def _prove(self, bundle: Bundle, provider: str) -> None:
        """Say on which provider the model runs, and which of its nodes were left to the CPU all the same."""
        providers = self._params.runtime.providers
        left = [] if providers[0] == "cpu" else on_the_cpu(bundle.model(), providers)
        named = ", ".join(left[:SHOWN]) + (f" and {len(left) - SHOWN} more" if len(left) > SHOWN else "")
        log(f"Provider: {provider}{f'; on the CPU: {named}' if left else ''}")
        self._run.say("tags", {"graftline.provider": provider, "graftline.nodes_on_cpu": named or "none"})
        self._run.say("metrics", {"nodes_on_cpu": len(left)})

    def _say(self, done: Done) -> None:
        found: dict[str, float] = {"rows": done.rows, "seconds": done.seconds}
        if done.rows:
            found["rows_per_second"] = done.rows / max(done.seconds, 1e-9)
        if done.unreadable is not None:
            found["unreadable"] = done.unreadable
        self._run.say("metrics", found)


def open_model(root: Path, params: OperationParams, job: Job, inputs: Inputs) -> tuple[Bundle, Model]:
    """The model of `job`, which takes what its inputs are.

    Raises as `open_release`, and DataError for inputs of another kind.
    """
    bundle, model = open_release(root, params, job)
    if not planned(root / job.output):  # a job that began had inputs of the right kind
        refuse_other_kind(inputs, bundle.assembly.windows, bundle.task.modality, str(model))
    return bundle, model


def open_release(root: Path, params: OperationParams, job: Job) -> tuple[Bundle, Model]:
    """Raises RegistryError, DigestMismatch or StorageError; see `registry.fetch` and `inference.bundle`."""
    if job.bundle is not None:
        bundle, digest = open_unregistered(root / job.bundle, job.digest)
        return bundle, Model(None, None, digest, bundle.variant)
    version = None if job.version is None else str(job.version)
    found = fetch(root, params.tracking, version, job.alias or CHAMPION)
    bundle = open_bundle(found.folder)
    check_contract(bundle, found.contract, f"{found.name} version {found.version}")
    return bundle, Model(found.name, found.version, found.digest, bundle.variant)


def looked_for(root: Path, params: OperationParams, job: Job) -> str:
    """What `open_release` asks a registry for, which may take a while; empty where it asks none."""
    if job.bundle is not None:
        return ""
    asked = f"version {job.version}" if job.version else f"the version with the alias {job.alias or CHAMPION}"
    return (
        f"Looking for {asked} of {params.tracking.model} in the registry at {locate(root, params.tracking)}."
    )


def open_unregistered(folder: Path, trusted: str | None = None) -> tuple[Bundle, str]:
    """A bundle whose contract no registry keeps, and its digest.

    What its ONNX file says of itself is all that its manifest meets. Where it says nothing, the classes may have
    changed their places on the way: then only a digest that the caller has from elsewhere vouches for them.

    Args:
        trusted: what the digest must be.

    Raises DigestMismatch, StorageError: also where either says what is no JSON, or JSON that is nested without end.
    """
    digest = check_bundle(folder, trusted)
    try:
        bundle = open_bundle(folder)
        said = {prop.key for prop in onnx.load_from_string(bundle.model()).metadata_props}
    except (json.JSONDecodeError, RecursionError):
        what = "manifest.json, or the metadata of its ONNX file, is no JSON or is nested too deeply"
        raise StorageError(f"{folder}: {what}.", AGAIN) from None
    missing = [name for name in bundle.contract.terms if name not in said]
    if missing and trusted is None:
        raise StorageError(
            f"{folder}: the ONNX file does not say its {', '.join(missing)}; manifest.json alone does, and nobody "
            "vouches for it: with classes in another order each decision would be wrong.",
            f"Compare manifest.json with what the bundle's maker says; if it is right: --digest {digest}",
        )
    return bundle, digest


def check_contract(bundle: Bundle, registered: str, named: str) -> None:
    """The release promises what was registered: its classes in their order, its input, its threshold.

    Raises DigestMismatch. Versions that were registered without a contract's digest are let through.
    """
    if registered and registered != bundle.contract.sha256:
        ours, theirs = short_digests(bundle.contract.sha256, registered)
        raise DigestMismatch(
            f"{named} was registered with the contract {theirs}, its files keep {ours}.",
            "Do not use that version; check who can write to the registry.",
        )


def _none_scored(output: Path, inputs: int) -> DataError:
    """With the most frequent reasons, each with one of its inputs."""
    found = reasons(output)
    named = [f"{why} ({count} inputs, first {first})" for why, count, first in found[:WHYS]]
    more = f"; and {len(found) - WHYS} other reasons" if len(found) > WHYS else ""
    return DataError(
        f"None of the {inputs} inputs could be scored: {'; '.join(named)}{more}.",
        f"The rows in {output} say why (column `reason`). Correct the inputs, and name a new --output.",
    )


def _unreadable(manifest: dict[str, object] | None) -> int | None:
    return None if manifest is None else int(str(manifest["unreadable"]))
