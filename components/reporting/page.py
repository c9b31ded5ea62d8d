"""The page that people look at: one HTML file without a single address to fetch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from components.params import plugins
from components.reporting import charts, judgement, origin, transfer
from components.reporting.groups import groups
from components.reporting.material import Material, Table, mapping, points
from components.reporting.notation import inside, title
from components.reporting.panels import panels
from components.reporting.templates import template

LEAST = 0.05  # from which weight on a word is marked


@dataclass(frozen=True)
class Mistake:
    """A wrong decision.

    Attributes:
        actual, predicted: what it is, and what was decided, in words.
        confidence: the probability that spoke for what is wrong; None where there is none.
        picture, overlay: data URIs of a small image and of what is laid over it; empty leaves a grey place.
        words: of a text: each with how much it spoke for the decision, 0…1.
        about: which of several wrong things the confidence and the evidence are about.
    """

    actual: str
    predicted: str
    confidence: float | None
    slices: str = ""
    picture: str = ""
    overlay: str = ""
    words: tuple[tuple[str, float], ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Parts:
    """What the release is like for each part of a target, such as a label.

    Attributes:
        title: what they are.
        rows: name → metric → an interval.
    """

    title: str
    rows: Mapping[str, Mapping[str, object]]


class Chart(NamedTuple):
    """A chart with the names of its lines."""

    picture: Markup
    legend: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heading:
    """What stands at the top of the page; `method` is what tuned the network."""

    model: str
    made: str
    confidence: float = 0.95
    pictures: bool = True
    method: str = ""


@dataclass(frozen=True)
class Labels:
    """Labels worth a second look.

    Attributes:
        columns: of what is said of a label, behind its sample's path.
        rows: the most doubtful first, of `entries` that there are.
        count: samples with a doubtful label; one may have several.
        samples: how many were looked at, and of how many labelled ones.
        method: how they were found, as a part of a sentence about them.
        listed: name of the file that holds all of them.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    entries: int
    count: int
    samples: tuple[int, int]
    method: str
    listed: str


def render(
    material: Material,
    mistakes: Sequence[Mistake],
    heading: Heading,
    labels: Labels | None = None,
    parts: Parts | None = None,
) -> str:
    """The whole page as text."""
    values = {**_judgement(material), **_decisions(material, parts), **_origin(material, heading.method)}
    return template("page.html.j2").render(
        heading=heading,
        mistakes=mistakes,
        marked=any(one.overlay or any(weight >= LEAST for _, weight in one.words) for one in mistakes),
        labels=labels,
        **_training(material),
        **values,
    )


def _judgement(material: Material) -> Mapping[str, object]:
    metrics, titles = material.metrics, material.titles
    return {
        "verdict": judgement.verdict(material.verdict),
        "sentence": judgement.SENTENCES[judgement.verdict(material.verdict)],
        "rules": judgement.rules(material.verdict, material.rule_words),
        "operational": judgement.rules(material.operational),
        "figures": judgement.figures(metrics.get("release"), titles, metrics.get("metrics")),
        "slices": judgement.grid(metrics.get("slices"), titles),
        "fairness": groups(material),
        "variants": judgement.variants(material),
        "released": str(material.release.get("released", "unknown")),
        "parity_samples": mapping(material.parity.get("fp32")).get("samples"),
        "controls": judgement.grid(metrics.get("controls"), titles),
        "paired": {
            str(name): judgement.differences(values, titles, metrics.get("metrics"))
            for name, values in mapping(metrics.get("paired")).items()
        },
    }


def _by_epoch(curve: Table, name: str) -> list[tuple[float, float]]:
    """People count epochs from 1, the files from 0."""
    return [(epoch + 1, value) for epoch, value in points(curve, "epoch", name)]


def _decisions(material: Material, parts: Parts | None) -> Mapping[str, object]:
    named: Mapping[str, str] = plugins.fact("problems", material.task.problem, "PARTS")
    return {
        "evaluated": bool(material.metrics),
        "parts_of": parts.title if parts else "",
        "parts": judgement.parts(parts.rows, material.titles) if parts else None,
        "of_parts": list(named),
        "panels": panels(material),
        "mistakes_are": material.show.mistakes,
    }


def _training(material: Material) -> Mapping[str, object]:
    tuned = material.tuned_curve
    losses = {
        "training": _by_epoch(tuned, "train_loss"),
        "validation": _by_epoch(tuned, "validation_loss"),
    }
    plain = ("validation_loss",)
    columns = [name for name in (tuned[0] if tuned else {}) if name.startswith("validation_")]
    column = next((name for name in columns if name not in plain), "")
    scores = {"validation": _by_epoch(tuned, column)} if column else {}
    score = inside(title(column.removeprefix("validation_"), material.titles))
    decides = _by_epoch(tuned, "criterion")
    by = str(material.tuned.get("best_by", "loss"))
    unseen = by == "information_maximisation"
    best_by = inside(title(by, material.titles))
    return {
        "losses": Chart(charts.curves(losses, "epoch", "loss"), tuple(losses)),
        "scores": Chart(charts.curves(scores, "epoch", score), tuple(scores)),
        "score": score,
        "decides": charts.curves({best_by: decides}, "epoch", "nats" if unseen else best_by),
        "best_by": best_by,
        "unseen": unseen,
        "head": [
            (row.get("candidate", ""), row.get("score", ""), row.get("loss", ""))
            for row in material.head_curve
        ],
        "head_words": {name: str(material.head.get(name, "")) for name in ("method", "parameter", "chosen")},
        "tuned": material.tuned,
        "training": transfer.training(material),
        "source": transfer.source(material),
    }


def _origin(material: Material, method: str) -> Mapping[str, object]:
    return {
        "judged": origin.judged(material, method),
        "head_selected": material.selected.get("chosen") == "head",
        "sides": origin.sides(material),
        "data_facts": origin.data_facts(material),
        "rejected": origin.rejected(material),
        "evaluations": origin.evaluations(material),
        "lineage": origin.lineage(material, method),
        "licences": origin.licences(material),
        "timings": origin.timings(material.timings),
    }
