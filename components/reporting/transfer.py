"""What the transfer did: how far training went, how well it kept to what it saw, what it left of the source task."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.reporting.judgement import Figure, Grid, differences, grid
from components.reporting.material import Material, Object, mapping, sequence
from components.reporting.notation import number, title
from components.reporting.origin import Fact


@dataclass(frozen=True)
class Source:
    """The source task before the transfer and after it."""

    domains: str
    models: Grid
    lost: tuple[Figure, ...]


def training(material: Material) -> list[Fact]:
    """Overfitting and movement of the network that was selected; frozen features do not move, which is no finding."""
    held = mapping(material.metrics.get("training"))
    frozen = material.selected.get("chosen") == "head"
    gap, movement = mapping(held.get("overfitting")), mapping({} if frozen else held.get("movement"))
    scores = [name.removesuffix("_gap") for name in gap if name.endswith("_gap")]
    named = (
        *(fact for name in scores for fact in _gap(name, gap, material.titles)),
        ("Weights moved, of their length", number(movement.get("weights_relative")), "{:.2%}"),
        ("Features alike before and after (CKA)", number(movement.get("features_cka")), "{:.3f}"),
    )
    return [Fact(name, form.format(value)) for name, value, form in named if value is not None]


def _gap(name: str, gap: Object, titles: Mapping[str, str]) -> Iterator[tuple[str, float | None, str]]:
    """A score of the training samples, of the validation samples, and how far they are apart."""
    words = title(name, titles)
    yield f"{words} on training samples", number(gap.get(f"train_{name}")), "{:.3f}"
    yield f"{words} on validation samples", number(gap.get(f"validation_{name}")), "{:.3f}"
    yield "Gap between them", number(gap.get(f"{name}_gap")), "{:+.3f}"


def source(material: Material) -> Source | None:
    """None where no source domain is declared."""
    held = mapping(material.metrics.get("source"))
    if not held:
        return None
    domains = ", ".join(str(name) for name in sequence(held.get("domains")))
    models = {"before": held.get("before"), "the release": held.get("after")}
    lost = differences(held.get("paired"), material.titles, material.metrics.get("metrics"))
    return Source(domains, grid(models, material.titles), tuple(lost))
