"""What the transfer did: how far training went, how well it kept to what it saw, what it left of the source task."""

from dataclasses import dataclass

from components.reporting.judgement import Figure, Grid, differences, grid
from components.reporting.material import Material, mapping, number, sequence
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
    named = (
        ("Accuracy on training samples", number(gap.get("train_accuracy")), "{:.3f}"),
        ("Accuracy on validation samples", number(gap.get("validation_accuracy")), "{:.3f}"),
        ("Gap between them", number(gap.get("accuracy_gap")), "{:+.3f}"),
        ("Weights moved, of their length", number(movement.get("weights_relative")), "{:.2%}"),
        ("Features alike before and after (CKA)", number(movement.get("features_cka")), "{:.3f}"),
    )
    return [Fact(name, form.format(value)) for name, value, form in named if value is not None]


def source(material: Material) -> Source | None:
    """None where no source domain is declared."""
    held = mapping(material.metrics.get("source"))
    if not held:
        return None
    domains = ", ".join(str(name) for name in sequence(held.get("domains")))
    models = {"before": held.get("before"), "the release": held.get("after")}
    return Source(domains, grid(models), tuple(differences(held.get("paired"))))
