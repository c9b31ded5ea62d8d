"""evaluate: the release, run by onnxruntime from raw test samples to decisions. Only here they are read."""

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.dataset import Dataset
from components.errors import EvaluationError
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.metrics import TABLE, Outcome, calibration_bins, confusion
from components.evaluation.recalls import METRIC, RECALL, paired_recalls, recalls
from components.evaluation.spread import Plan
from components.inference.bundle import Bundle, Runner, open_bundle
from components.inference.contract import FILES
from components.params import Params
from components.progress import progress
from components.stages.domains import Chosen, judged, of_source
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

Rows = Sequence[Sequence[object]]
MAX_ROC_POINTS = 200
EVALUATIONS = "evaluations.jsonl"


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write metrics.json, predictions.parquet, confusion.csv, reliability.csv and roc.csv."""
    dataset = Dataset.open(inputs["dataset"])
    chosen = judged(dataset, params.domains)
    ids = chosen.ids
    if not ids:
        of = f" of {', '.join(params.domains.target)}" if params.domains.declared else ""
        raise EvaluationError(f"The test side{of} is empty.", "Raise data.split.test, or bring more samples.")
    bundle = open_bundle(inputs["release"])
    outcomes = _outcomes(inputs, dataset, chosen, bundle, params, context)
    slices = {name: values[chosen.places] for name, values in dataset.slices("test").items()}
    metrics = measure(outcomes, bundle.variant, slices, _plan(dataset, chosen, params), dataset.classes)
    metrics["training"] = bundle.manifest.get("training")
    if params.domains.declared:
        metrics["source"] = on_the_source(inputs, dataset, bundle, params, context)
    names = {"test_digest": test_digest(ids), "release_sha256": sha256_tree(inputs["release"])}
    folder = outputs["evaluation"]
    release = outcomes[bundle.variant]
    facts = {"n": len(ids), "roc_class": dataset.classes[release.positive]}
    write_json(folder / "metrics.json", {**metrics, **names, **facts})
    _write_predictions(folder / "predictions.parquet", chosen, slices, dataset.classes, outcomes)
    _write_csv(folder / "confusion.csv", ("actual", "predicted"), _decided(release, dataset.classes))
    _write_csv(folder / "reliability.csv", ("confidence", "accuracy", "count"), reliability(release))
    _write_csv(folder / "roc.csv", ("false_positive_rate", "true_positive_rate"), roc(release))
    note(context.cache, names)
    _track(metrics["release"], context)


def measure(
    outcomes: Mapping[str, Outcome],
    released: str,
    slices: Mapping[str, npt.NDArray[np.str_]],
    plan: Plan,
    classes: Sequence[str],
) -> dict[str, object]:
    """Every model with intervals; every variant on every slice; the release against each control, paired."""
    release = outcomes[released]
    controls = [name for name in outcomes if name not in FILES]
    variants: dict[str, object] = {v: _one(outcomes[v], plan, classes) for v in FILES}
    by_slice: dict[str, object] = {}
    for column, values in slices.items():
        for value in sorted(set(values)):
            chosen = values == value
            found = {v: _one(_only(outcomes[v], chosen), plan.only(chosen), classes) for v in FILES}
            by_slice[f"{column}={value}"] = {**found[released], **found}
    return {
        "confidence": plan.confidence,
        "metrics": {name: metric.as_json() for name, metric in {**TABLE, RECALL: METRIC}.items()},
        "release": variants[released],
        "variants": variants,
        "slices": by_slice,
        "controls": {c: _one(outcomes[c], plan, classes) for c in controls},
        "paired": {c: _two(release, outcomes[c], plan, classes) for c in controls},
    }


def _plan(dataset: Dataset, chosen: Chosen, params: Params) -> Plan:
    return Plan(params.evaluate.confidence, groups_of(dataset, chosen))


def on_the_source(
    inputs: Mapping[str, Path], dataset: Dataset, bundle: Bundle, params: Params, context: Context
) -> dict[str, object]:
    """What the release still can do on the source's test samples, beside the network trained on these alone."""
    chosen = of_source(dataset, "test", params.domains)
    opened = {
        "before": partial(Runner, inputs["source"] / "source.onnx", context.providers, context.threads),
        "after": partial(bundle.runner, context.providers, context.threads),
    }
    found = _predicted(opened, dataset, chosen, bundle)
    # Both by the most probable class: the threshold was chosen for the target.
    outcomes = {n: Outcome(chosen.targets, p, p.argmax(axis=1), _positive(bundle)) for n, p in found.items()}
    plan = _plan(dataset, chosen, params)
    return {
        "domains": list(params.domains.source),
        "n": len(chosen),
        **{name: _one(outcome, plan, dataset.classes) for name, outcome in outcomes.items()},
        "paired": _two(outcomes["after"], outcomes["before"], plan, dataset.classes),
    }


def _predicted(
    opened: Mapping[str, Callable[[], Runner]], dataset: Dataset, chosen: Chosen, bundle: Bundle
) -> dict[str, npt.NDArray[np.float64]]:
    """Probabilities (N, classes) by each runner."""
    found = {}
    for name, runner in opened.items():  # one session at a time: each keeps the memory of its largest batch
        rows = runner().predict((dataset.read(i) for i in chosen.ids), bundle.task.decode)
        shown = progress(rows, f"Test: {name}", "samples", total=len(chosen))
        found[name] = np.stack(list(shown)).astype(np.float64)
    return found


def _positive(bundle: Bundle) -> int:
    return bundle.decision.positive if bundle.decision.positive is not None else len(bundle.classes) - 1


def _outcomes(
    inputs: Mapping[str, Path],
    dataset: Dataset,
    chosen: Chosen,
    bundle: Bundle,
    params: Params,
    context: Context,
) -> dict[str, Outcome]:
    """Predictions of every variant and control on the raw test samples."""
    ids, targets = chosen.ids, chosen.targets
    opened: dict[str, Callable[[], Runner]] = {
        name: partial(bundle.runner, context.providers, context.threads, name) for name in FILES
    }
    trained = {"scratch": inputs["controls"] / "scratch.onnx"}
    if params.domains.declared:
        trained["source_only"] = inputs["source"] / "source.onnx"
    for name, path in trained.items():
        opened[name] = partial(Runner, path, context.providers, context.threads)
    found = _predicted(opened, dataset, chosen, bundle)
    controls = read_json(inputs["controls"] / "controls.json")
    found["majority"] = _constant(controls["majority"], dataset, len(ids))
    for name, baseline in bundle.task.baselines.items():
        found[name] = baseline.predict(
            (inputs["controls"] / name).read_bytes(), [dataset.read(i) for i in ids]
        )
    # The threshold was chosen for the release: a control takes the most probable class.
    decisions = {n: bundle.decision(p) if n in FILES else p.argmax(axis=1) for n, p in found.items()}
    return {name: Outcome(targets, found[name], decisions[name], _positive(bundle)) for name in found}


def _constant(majority: object, dataset: Dataset, count: int) -> npt.NDArray[np.float64]:
    """The majority class for every sample."""
    name = majority["class"] if isinstance(majority, dict) else majority
    index = name if isinstance(name, int) else dataset.classes.index(str(name))
    return np.tile(np.eye(len(dataset.classes))[index], (count, 1))


def reliability(outcome: Outcome) -> Rows:
    """(mean confidence, share right, count) of each bin that holds samples."""
    known = np.isfinite(outcome.probabilities).all(axis=1)
    confidence = outcome.probabilities[known].max(axis=1)
    right = (outcome.probabilities.argmax(axis=1) == outcome.targets)[known]
    bins = calibration_bins(confidence)
    return [
        (float(confidence[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def roc(outcome: Outcome) -> Rows:
    """(false positive rate, true positive rate) of the positive class, at most 200 points, both ends included.

    One point a distinct probability: between samples of equal probability there is no threshold.
    """
    scores = outcome.probabilities[:, outcome.positive]
    order = np.argsort(-scores, kind="stable")
    hits = outcome.targets[order] == outcome.positive
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    true, false = (np.append(0.0, np.cumsum(side)[last] / max(side.sum(), 1)) for side in (hits, ~hits))
    kept = np.unique(np.linspace(0, len(true) - 1, min(MAX_ROC_POINTS, len(true))).astype(np.int64))
    return [(float(false[i]), float(true[i])) for i in kept]


def _only(outcome: Outcome, chosen: npt.NDArray[np.bool_]) -> Outcome:
    rows = outcome.targets[chosen], outcome.probabilities[chosen], outcome.decisions[chosen]
    return Outcome(*rows, outcome.positive)


def _one(outcome: Outcome, plan: Plan, classes: Sequence[str]) -> dict[str, object]:
    """All metrics of a model; `recall` is of each class."""
    return {**_json(intervals(outcome, plan)), RECALL: _json(recalls(outcome, plan, classes))}


def _two(one: Outcome, other: Outcome, plan: Plan, classes: Sequence[str]) -> dict[str, object]:
    found = _json(paired(one, other, plan))
    return {**found, RECALL: _json(paired_recalls(one, other, plan, classes))}


def _json(found: Mapping[str, Interval]) -> dict[str, object]:
    return {name: interval.as_json() for name, interval in found.items()}


def _decided(outcome: Outcome, classes: Sequence[str]) -> Rows:
    """One row a sample, in the order of the confusion matrix."""
    table = confusion(outcome)
    return [
        (classes[actual], classes[said])
        for actual in range(len(classes))
        for said in range(len(classes))
        for _ in range(table[actual, said])
    ]


def groups_of(dataset: Dataset, chosen: Chosen) -> npt.NDArray[np.str_] | None:
    """(N,) unit of each test sample: its group, or the sample itself where none is declared; None: no groups.

    One group for all samples without one would leave nothing to tell how far groups differ.
    """
    groups = [dataset.groups("test")[place] for place in chosen.places]
    if not any(groups):
        return None
    return np.array([group or sample for group, sample in zip(groups, chosen.ids, strict=True)])


def _write_predictions(
    path: Path,
    chosen: Chosen,
    slices: Mapping[str, npt.NDArray[np.str_]],
    classes: Sequence[str],
    outcomes: Mapping[str, Outcome],
) -> None:
    columns: dict[str, object] = {"id": list(chosen.ids), "target": chosen.targets}
    columns |= {f"slice.{name}": list(values) for name, values in slices.items()}
    for model, outcome in outcomes.items():
        columns[f"{model}.decision"] = outcome.decisions
        for index, name in enumerate(classes):
            columns[f"{model}.p.{name}"] = outcome.probabilities[:, index]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    write_bytes(path, sink.getvalue())


def _write_csv(path: Path, header: Sequence[str], rows: Rows) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([escape(cell) for cell in row] for row in rows)
    write_bytes(path, out.getvalue().encode())


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
