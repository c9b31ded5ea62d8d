"""The model card's facts: what a release is, comes from, was measured to do, and must not be used for.

Fields are those of Hugging Face's model cards (https://huggingface.co/docs/hub/model-cards, `model-index` included) and
of Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019).
"""

import re
from collections.abc import Iterator, Mapping

from components.data.splits import SIDES
from components.errors import redact
from components.params import Params, plugins
from components.reporting.material import Material, Object, mapping, sequence
from components.reporting.notation import figure, number, title
from components.reporting.origin import evaluations, fitted, selected

FORMAT = 1
FEW = 30  # test samples: with fewer, a share's interval is wider than 0.3
UNSTATED = "not-stated"


def facts(
    material: Material, params: Params, digest: str, commit: str = "", dirty: bool | None = None
) -> dict[str, object]:
    """Everything that the card says, as JSON; what is not there is left out or empty.

    Args:
        digest: of the release. commit: of the code that made it. dirty: whether the tree had changes that this commit
            does not hold; None where it is not known.
    """
    said = params.card
    return {
        "format": FORMAT,
        "model": _model(material, params, digest),
        "data": _data(material),
        "checkpoint": _checkpoint(material),
        "training": _training(material, params, commit, dirty),
        "confidence": material.metrics.get("confidence"),
        "metrics": material.metrics.get("release"),
        "titles": dict(material.titles),
        "slices": _of(mapping(material.metrics.get("slices")), str(material.release.get("released"))),
        "controls": material.metrics.get("controls"),
        "paired": material.metrics.get("paired"),
        "gate": {"verdict": material.verdict.get("verdict"), "rules": material.verdict.get("rules")},
        "fairness": material.verdict.get("fairness") or [],
        "limits": [*said.limits, *derived(material)],
        "intended_use": said.intended_use,
        "out_of_scope": said.out_of_scope,
        "contact": said.contact,
        "language": list(said.language),
        "tags": list(said.tags),
    }


def _model(material: Material, params: Params, digest: str) -> dict[str, object]:
    release = material.release
    return {
        "name": params.tracking.model,
        "modality": params.task.modality,
        "problem": params.task.problem,
        "licence": params.card.licence,
        "targets": material.dataset.get("target"),
        "targets_in_words": material.show.targets,
        "input": release.get("input"),
        "output": release.get("output"),
        "decision": release.get("decision"),
        "decision_in_words": dict(fitted(material)),
        "variant": release.get("released"),
        "release_sha256": digest,
        "graftline": release.get("graftline"),
    }


def _data(material: Material) -> dict[str, object]:
    source = {**mapping(material.dataset.get("source")), **material.source}
    sides = mapping(material.data_report.get("sides"))
    return {
        "source": _address(source.get("uri")),
        "revision": source.get("revision"),
        "digest": material.dataset.get("digest"),
        "licence": material.dataset.get("licence") or source.get("licence"),
        "samples": material.data_report.get("samples"),
        "sides": {
            str(side): {
                "samples": mapping(held).get("samples"),
                "targets": mapping(held).get("targets"),
                "targets_in_words": dict(material.show.counts(mapping(mapping(held).get("targets")))),
            }
            for side in SIDES
            if (held := sides.get(side)) is not None
        },
        "tested": material.metrics.get("n"),
        "test_digest": material.metrics.get("test_digest"),
    }


def _checkpoint(material: Material) -> dict[str, object]:
    found, adapted = material.checkpoint, mapping(material.adapted.get("adaptation"))
    kept = {key: found.get(key) for key in ("name", "revision", "sha256", "licence", "parameters")}
    return {**kept, "source": _address(found.get("uri")), "adapted_by": adapted.get("method")}


def _training(material: Material, params: Params, commit: str, dirty: bool | None) -> dict[str, object]:
    tuned = material.tuned
    return {
        "selected": selected(material, params.tune.method),
        "metric": material.selected.get("metric"),
        "validation": material.selected.get("validation"),
        "method": params.tune.method,
        "head": params.head.method,
        "seed": params.seed,
        "epochs": tuned.get("epochs_run"),
        "precision": tuned.get("precision"),
        "source_domains": list(params.domains.source),
        "target_domains": list(params.domains.target),
        **mapping(material.metrics.get("training")),
        "git_commit": commit,
        "git_dirty": dirty,
    }


def _of(slices: Object, variant: str) -> dict[str, object]:
    """Each slice with the metrics of the released variant."""
    return {str(name): mapping(held).get(variant) or held for name, held in slices.items()}


def _address(uri: object) -> str:
    return redact(str(uri)) if uri else ""


def derived(material: Material) -> Iterator[str]:
    """Sentences about what the figures do not say."""
    count = number(material.metrics.get("n"))
    if count is not None:
        yield (
            f"The figures are of {count:.0f} test samples of these data and hold for samples that come as these did. "
            "Monitoring compares later inputs with a reference of validation and calibration samples."
        )
    yield from _calibration(material)
    yield from _few(material)
    looks = evaluations(material)
    if looks is not None and looks > 1:
        yield f"The test side was evaluated {looks} times: figures that were acted upon are a little too good."
    yield from (f"About the data: {note}" for note in sequence(material.data_report.get("notes"))[1:])


def _calibration(material: Material) -> Iterator[str]:
    used = number(mapping(material.fitted.get("calibration")).get("n"))
    if used is not None:
        yield f"Calibration was fitted on {used:.0f} samples."
    release = mapping(material.metrics.get("release"))
    for name, about in mapping(material.metrics.get("metrics")).items():
        if mapping(about).get("measures") == "calibration error" and (off := figure(release.get(name))):
            yield f"{title(name, material.titles)}: probabilities are off by {off} on average."


def _few(material: Material) -> Iterator[str]:
    """Parts of targets, such as classes, and slices with few test samples."""
    release = mapping(material.metrics.get("release"))
    variant = str(material.release.get("released"))
    problem = material.task.problem
    parts = {name: held for name, held in release.items() if plugins.of_part(problem, str(name))}
    for name, held in parts.items():
        n = number(mapping(held).get("n"))
        if n is not None and n < FEW:
            yield f"{title(name, material.titles)} rests on {n:.0f} test samples: too few to tell much."
    for name, slices in _of(mapping(material.metrics.get("slices")), variant).items():
        counts = [number(mapping(held).get("n")) for held in mapping(slices).values()]
        n = max((count for count in counts if count is not None), default=None)
        if n is not None and n < FEW:
            yield f"Slice {name} has {n:.0f} test samples: too few to tell much."


def front_matter(card: Mapping[str, object]) -> dict[str, object]:
    """What Hugging Face reads at the head of README.md."""
    model, data, checkpoint = (mapping(card.get(key)) for key in ("model", "data", "checkpoint"))
    modality, problem = str(model.get("modality")), str(model.get("problem"))
    hub = plugins.fact("problems", problem, "HUB", "")
    task = f"{modality}-{hub}" if hub else f"{modality}-{problem.replace('_', '-')}"
    found: dict[str, object] = {**_licence(str(model.get("licence") or "")), "library_name": "onnx"}
    if hub:
        found["pipeline_tag"] = task
    named = {"language": card.get("language"), "datasets": [_dataset(data)] if data.get("source") else []}
    found |= {key: value for key, value in named.items() if value}
    if base := _hub_name(str(checkpoint.get("source") or "")):
        found["base_model"] = base
    found["tags"] = list(dict.fromkeys(["graftline", "onnx", task, *map(str, sequence(card.get("tags")))]))
    results = [_result(card, task)]
    found["metrics"] = [str(item["type"]) for item in results[0]["metrics"]]  # type: ignore[attr-defined]
    found["model-index"] = [{"name": str(model.get("name")), "results": results}]
    return found


def _licence(said: str) -> dict[str, str]:
    """Hugging Face's identifiers are lower case: `apache-2.0`, `cc-by-4.0`; others go by a name."""
    name = re.sub(r"[^a-z0-9.+-]+", "-", said.lower()).strip("-")
    return {"license": name} if name else {"license": "other", "license_name": UNSTATED}


def _dataset(data: Object) -> str:
    return _hub_name(str(data.get("source"))) or str(data.get("source"))


def _hub_name(uri: str) -> str:
    """`owner/name` of an address on Hugging Face."""
    found = re.match(r"hf:(?:datasets/)?([^/@]+/[^/@]+)", uri)
    return found[1] if found else ""


def titles_of(card: Mapping[str, object]) -> Mapping[str, str]:
    """Metric → its name for people."""
    return {str(name): str(held) for name, held in mapping(card.get("titles")).items()}


def _result(card: Mapping[str, object], task: str) -> dict[str, object]:
    """One entry of `model-index`; metrics of one part of a target stand on the page only."""
    model, data, metrics = (mapping(card.get(key)) for key in ("model", "data", "metrics"))
    titles = titles_of(card)
    measured = [
        {"type": str(name), "name": title(str(name), titles), "value": round(estimate, 6)}
        for name, held in metrics.items()
        if not plugins.of_part(str(model.get("problem")), str(name))
        and (estimate := number(mapping(held).get("estimate"))) is not None
    ]
    dataset = {
        "name": str(data.get("source") or model.get("name")),
        "type": _dataset(data),
        "split": "test",
        "revision": str(data.get("digest") or ""),
    }
    return {"task": {"type": task}, "dataset": dataset, "metrics": measured}
