"""evaluate: the release, run by onnxruntime from raw test samples to decisions. Only here they are read."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file

from components.data.dataset import Dataset
from components.errors import EvaluationError
from components.evaluation.intervals import Interval, Metric, intervals, paired
from components.evaluation.spread import Plan
from components.inference.assembly import Assembly
from components.inference.bundle import Bundle, Runner, open_bundle
from components.inference.contract import FILES
from components.modalities import describers
from components.params import Params
from components.problems.base import Decision, Judge
from components.progress import progress
from components.stages.domains import Chosen, judged, of_source
from components.stages.line import Line
from components.stages.table import Context
from components.storage.cells import escape
from components.storage.publish import (
    append_line,
    read_json,
    sha256_bytes,
    sha256_tree,
    write_bytes,
    write_json,
)

EVALUATIONS = "evaluations.jsonl"
Answers = npt.NDArray[Any]
Outcomes = Mapping[str, Any]  # model → what the problem's judge calls an outcome


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write metrics.json, predictions.parquet, and the problem's tables (confusion.csv, …)."""
    line = Line(inputs, params, context)
    dataset, judge = line.dataset, line.judge
    chosen = judged(dataset, params.domains)
    ids = chosen.ids
    if not ids:
        of = f" of {', '.join(params.domains.target)}" if params.domains.declared else ""
        raise EvaluationError(f"The test side{of} is empty.", "Raise data.split.test, or bring more samples.")
    bundle = open_bundle(inputs["release"])
    controls = read_json(inputs["controls"] / "controls.json")
    constants = controls["constants"]
    assert isinstance(constants, dict)
    outcomes = _outcomes(line, chosen, bundle) | {
        name: _constant(answer, line, chosen, bundle) for name, answer in constants.items()
    }
    slices = {name: values[chosen.places] for name, values in dataset.slices("test").items()}
    parts = {**slices, **dict.fromkeys(_of_domain(dataset), chosen.domains)}
    metrics = measure(outcomes, bundle.variant, parts, _plan(dataset, chosen, params), judge.metrics)
    metrics["constants"] = list(constants)
    metrics["training"] = bundle.manifest.get("training")
    if params.domains.declared:
        metrics["source"] = on_the_source(line, bundle)
    names = {"test_digest": test_digest(ids), "release_sha256": sha256_tree(inputs["release"])}
    folder = outputs["evaluation"]
    release = outcomes[bundle.variant]
    write_json(folder / "metrics.json", {**metrics, **names, "n": len(ids), **judge.facts(release)})
    _write_predictions(folder / "predictions.parquet", chosen, slices, judge, outcomes)
    for file, (header, rows) in judge.tables(release).items():
        _write_csv(folder / file, header, rows)
    note(context.cache, names)
    _track(metrics["release"], context)


def measure(
    outcomes: Outcomes,
    released: str,
    slices: Mapping[str, npt.NDArray[np.str_]],
    plan: Plan,
    metrics: Mapping[str, Metric[Any]],
) -> dict[str, object]:
    """Every model with intervals; every variant on every slice; the release against each control, paired."""
    release = outcomes[released]
    controls = [name for name in outcomes if name not in FILES]
    variants: dict[str, object] = {v: _json(intervals(outcomes[v], plan, metrics)) for v in FILES}
    by_slice: dict[str, object] = {}
    for column, values in slices.items():
        for value in sorted(set(values)):
            chosen = values == value
            part = plan.only(chosen)
            found = {v: _json(intervals(outcomes[v].only(chosen), part, metrics)) for v in FILES}
            by_slice[f"{column}={value}"] = {**found[released], **found}
    return {
        "confidence": plan.confidence,
        "metrics": {name: metric.as_json() for name, metric in metrics.items()},
        "release": variants[released],
        "variants": variants,
        "slices": by_slice,
        "controls": {c: _json(intervals(outcomes[c], plan, metrics)) for c in controls},
        "paired": {c: _json(paired(release, outcomes[c], plan, metrics)) for c in controls},
    }


def _of_domain(dataset: Dataset) -> tuple[str, ...]:
    """Slices that say a sample's domain: those that are declared, else `domain`; none where there are no domains."""
    of = np.array(dataset.domains("test"), dtype=str)
    if not of.any():
        return ()
    slices = dataset.slices("test").items()
    return tuple(name for name, values in slices if np.array_equal(values, of)) or ("domain",)


def _plan(dataset: Dataset, chosen: Chosen, params: Params) -> Plan:
    return Plan(params.evaluate.confidence, groups_of(dataset, chosen.ids))


def on_the_source(line: Line, bundle: Bundle) -> dict[str, object]:
    """What the release still can do on the source's test samples, beside the network trained on these alone."""
    dataset, params, context, judge = line.dataset, line.params, line.context, line.judge
    chosen = of_source(dataset, "test", params.domains)
    opened = {
        "before": partial(Runner, line.inputs["source"] / "source.onnx", context.providers, context.threads),
        "after": partial(bundle.runner, context.providers, context.threads),
    }
    found = {name: list(_answers(name, open_it, line, chosen, bundle)) for name, open_it in opened.items()}
    # Both without what was fitted: the threshold was chosen for the target.
    outcomes = {
        name: _judged(answers, line, chosen, bundle, line.decision) for name, answers in found.items()
    }
    plan = _plan(dataset, chosen, params)
    # As the release decides: what a comparison of groups is about.
    served = _judged(found["after"], line, chosen, bundle, bundle.decision)
    slices: dict[str, object] = {}
    for value in sorted(set(chosen.domains)):
        member = chosen.domains == value
        part = _json(intervals(served.only(member), plan.only(member), judge.metrics))
        slices |= {f"{column}={value}": {bundle.variant: part} for column in _of_domain(dataset)}
    return {
        "domains": list(params.domains.source),
        "slices": slices,
        "n": len(chosen),
        **{name: _json(intervals(outcome, plan, judge.metrics)) for name, outcome in outcomes.items()},
        "paired": _json(paired(outcomes["after"], outcomes["before"], plan, judge.metrics)),
    }


def _answers(
    name: str, opened: Callable[[], Runner], line: Line, chosen: Chosen, bundle: Bundle
) -> Iterator[Answers]:
    """Of a runner, sample by sample."""
    assembly = bundle.assembly
    rows = opened().rows((line.dataset.read(i) for i in chosen.ids), assembly.windows)
    shown = progress(rows, f"Test: {name}", "samples", total=len(chosen))
    return (assembly.merged(part.astype(np.float64), at) for part, at in shown)


def _judged(answers: Iterable[Answers], line: Line, chosen: Chosen, bundle: Bundle, decides: Decision) -> Any:
    """What a model said, decided by `decides`."""
    assembly = Assembly(bundle.modality, decides)
    return assembly.judged(answers, chosen.targets, line.judge)


def _outcomes(line: Line, chosen: Chosen, bundle: Bundle) -> dict[str, Any]:
    """Predictions of every variant and control on the raw test samples."""
    inputs, dataset, context = line.inputs, line.dataset, line.context
    opened: dict[str, Callable[[], Runner]] = {
        name: partial(bundle.runner, context.providers, context.threads, name) for name in FILES
    }
    trained = {"scratch": inputs["controls"] / "scratch.onnx"}
    if line.params.domains.declared:
        trained["source_only"] = inputs["source"] / "source.onnx"
    for name, path in trained.items():
        opened[name] = partial(Runner, path, context.providers, context.threads)
    # What was fitted was fitted for the release: a control decides without it.
    decide = {name: bundle.decision if name in FILES else line.decision for name in opened}
    found = {}
    for name, made in opened.items():  # one session at a time: each keeps the memory of its largest batch
        found[name] = _judged(_answers(name, made, line, chosen, bundle), line, chosen, bundle, decide[name])
    for name, describer in describers(bundle.task).items():
        kept = load_file(inputs["controls"] / f"{name}.safetensors")
        payloads = [dataset.read(i) for i in chosen.ids]
        features = describer.features(_part(kept, "features"), payloads)
        plain = line.baseline.answers(_part(kept, "model"), features)
        found[name] = _judged(plain, line, chosen, bundle, line.decision)
    return found


def _part(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays whose names start with `prefix.`, without it."""
    return {
        name.removeprefix(f"{prefix}."): array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}.")
    }


def _constant(answer: Sequence[float], line: Line, chosen: Chosen, bundle: Bundle) -> Any:
    """What a model says that has the same answer for every row."""
    row, assembly = np.asarray(answer, dtype=np.float64), bundle.assembly
    answers = (assembly.constant(row, partial(line.dataset.read, i)) for i in chosen.ids)
    return _judged(answers, line, chosen, bundle, line.decision)


def _json(found: Mapping[str, Interval]) -> dict[str, object]:
    return {name: interval.as_json() for name, interval in found.items()}


def groups_of(dataset: Dataset, ids: Sequence[str]) -> npt.NDArray[np.str_] | None:
    """(N,) unit of each test sample: its group, or the sample itself where none is declared; None: no groups.

    One group for all samples without one would leave nothing to tell how far groups differ.
    """
    declared = dict(zip(dataset.ids("test"), dataset.groups("test"), strict=True))
    groups = [declared.get(sample, "") for sample in ids]
    return np.array([group or i for group, i in zip(groups, ids, strict=True)]) if any(groups) else None


def _write_predictions(
    path: Path,
    chosen: Chosen,
    slices: Mapping[str, npt.NDArray[np.str_]],
    judge: Judge,
    outcomes: Outcomes,
) -> None:
    columns: dict[str, object] = {"id": list(chosen.ids), "target": _column(chosen.targets)}
    columns |= {f"slice.{name}": list(values) for name, values in slices.items()}
    for model, outcome in outcomes.items():
        columns |= {f"{model}.{name}": _column(values) for name, values in judge.columns(outcome).items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    write_bytes(path, sink.getvalue())


def _column(values: npt.NDArray[Any] | Sequence[Any]) -> object:
    """Rows of several numbers as a column of lists, whether all have as many or not; of tables, as lists of lists."""
    if not isinstance(values, np.ndarray) or (values.ndim == 1 and values.dtype != object):
        return values
    return [row.tolist() if isinstance(row, np.ndarray) and row.ndim > 1 else row for row in values]


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([escape(_cell(cell)) for cell in row] for row in rows)
    write_bytes(path, out.getvalue().encode())


def _cell(value: object) -> object:
    """Lists as JSON."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return json.dumps(value) if isinstance(value, list | tuple) else value


def test_digest(ids: Sequence[str]) -> str:
    """Names a test side: SHA-256 over its sorted sample ids."""
    return sha256_bytes("\n".join(sorted(ids)).encode())


def note(cache: Path, names: Mapping[str, str]) -> None:
    """A test side wears out with use: every evaluation is written down, outside the locked outputs."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    append_line(cache / EVALUATIONS, {"at": at, **names})


def count(cache: Path, digest: str) -> int:
    """How often the test side of that digest was evaluated here; half a line, after a crash, does not count."""
    path = cache / EVALUATIONS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return sum(f'"test_digest": "{digest}"' in line and line.endswith("}") for line in lines)


def _track(release: object, context: Context) -> None:
    values = {}
    for name, facts in release.items() if isinstance(release, Mapping) else ():
        if isinstance(facts, Mapping) and isinstance(facts.get("estimate"), float):
            values[f"test.{name}"] = facts["estimate"]
    context.tracker.metrics(values)
