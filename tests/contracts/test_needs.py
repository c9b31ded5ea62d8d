"""What a method needs is asked for before any work, by the key that chose it, with the way to give it."""

import copy
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from components.choices import Need
from components.errors import ParamsError
from components.modalities import text
from components.params import names, plugins
from components.params.load import check
from components.params.needs import REMEDIES, remedy
from components.params.plugins import needs
from components.problems import classification, regression

FILE = Path(__file__).parents[2] / "params.yaml"
KEYS = {
    "objectives.keep": "keep",
    "objectives.align": "align",
    "objectives.confident": "confident",
    "tune.then": "adaptations",
    "weighting.method": "weightings",
}
HEADS = plugins.names("heads")
CHOICES = [(key, name) for key, table in KEYS.items() for name in plugins.names(table)]
DOMAINS: dict[str, object] = {"source": ["mono"], "target": ["poly"], "target_labels": "hidden"}

LAYER_NORMED: dict[str, dict[str, object]] = {
    "task": {"modality": "text", "positive": None},
    "backbone": {"name": "minilm_l6"},
}


def values(key: str, name: str, **sections: dict[str, object]) -> dict[str, object]:
    """The repository's own params, with a column of domains, one choice, and what else is asked."""
    made = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    made["data"]["labels"]["domain"] = "type"
    chosen, option = key.split(".")
    made[chosen] |= {option: name}
    for section, held in sections.items():
        made[section] |= held
    return made  # type: ignore[no-any-return]


def test_each_need_has_its_remedy() -> None:
    stated = {need for t in plugins.TABLES for name in plugins.names(t) for need in plugins.needs(t, name)}
    assert set(REMEDIES) == stated == {*get_args(Need)}


def test_a_remedy_names_the_modalities_and_problems_that_state_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert remedy("images") == "images: task.modality: image"
    assert remedy("logits") == "classes or labels: task.problem: classification, or multi_label"
    assert remedy("class_outputs") == "classes: task.problem: classification"
    monkeypatch.setattr(regression, "OFFERS", ("classes", "logits"))
    assert remedy("class_outputs") == "classes: task.problem: classification, or regression"
    monkeypatch.setattr(text, "KIND", "images")
    assert remedy("images") == "images: task.modality: image, or text"


@pytest.mark.parametrize(("key", "name"), CHOICES)
def test_a_missing_need_is_named_with_its_remedy(
    key: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A problem whose outputs are no classes, and a head for it.
    monkeypatch.setattr(classification, "OFFERS", ())
    head: dict[str, object] = {"method": "linear"}
    asked = needs(KEYS[key], name)
    if not asked:
        check(values(key, name, head=head))
        return
    lacking = LAYER_NORMED if "batch_norms" in asked else {}
    with pytest.raises(ParamsError) as refused:
        check(values(key, name, **lacking))
    for need in asked:
        assert f"{key} {name!r} needs {remedy(need)}" in str(refused.value)


@pytest.mark.parametrize("name", [name for name in HEADS if needs("heads", name)])
def test_a_head_that_needs_classes_or_labels_names_those_that_do_without(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification, "OFFERS", ())
    with pytest.raises(ParamsError) as refused:
        check(values("head.method", name))
    (need,) = needs("heads", name)
    assert f"head.method {name!r} needs {remedy(need)}; for classification: linear" in str(refused.value)


@pytest.mark.parametrize("backbone", [n for n in names.FAMILIES if names.BACKBONES[n].norms == "layer"])
def test_a_library_s_family_without_batch_norms_is_refused_before_it_is_built(backbone: str) -> None:
    shown = LAYER_NORMED["task"] if names.BACKBONES[backbone].sees == "texts" else {}
    chosen: dict[str, object] = {
        "name": backbone,
        "uri": "file:../net",
        "sha256": "0" * 64,
        "licence": "ours",
    }
    with pytest.raises(ParamsError, match=re.escape(f"tune.then 'adabn' needs {remedy('batch_norms')}")):
        check(values("tune.then", "adabn", domains=DOMAINS, backbone=chosen, task=shown))


@pytest.mark.parametrize(("key", "name"), CHOICES)
def test_with_what_it_needs_it_is_accepted(key: str, name: str) -> None:
    used = "target_labels" in needs(KEYS[key], name)
    domains = {**DOMAINS, "target_labels": "used" if used else "hidden"}
    start = "source" if "source_start" in needs(KEYS[key], name) else "checkpoint"
    params = check(values(key, name, domains=domains, tune={"start": start}))
    section, option = key.split(".")
    assert getattr(getattr(params, section), option) == name


@pytest.mark.parametrize("name", [name for key, name in CHOICES if key == "objectives.align"])
def test_to_align_the_target_with_itself_is_refused(name: str) -> None:
    used = {**DOMAINS, "target_labels": "used"}
    source: dict[str, object] = {"start": "source"}
    check(values("objectives.align", name, domains=used))
    check(values("objectives.align", name, domains=DOMAINS, tune=source))
    with pytest.raises(ParamsError, match=rf"align '{name}' .* learns from the target alone: set tune.start"):
        check(values("objectives.align", name, domains=used, tune=source))


@pytest.mark.parametrize("name", [name for key, name in CHOICES if key == "weighting.method"])
def test_to_weigh_a_source_that_is_not_learned_from_is_refused(name: str) -> None:
    used = {**DOMAINS, "target_labels": "used"}
    source: dict[str, object] = {"start": "source"}
    check(values("weighting.method", name, domains=used))
    if "target_labels" not in needs("weightings", name):
        check(values("weighting.method", name, domains=DOMAINS, tune=source))
    with pytest.raises(
        ParamsError, match=rf"method '{name}' .* learns from the target alone: set tune.start"
    ):
        check(values("weighting.method", name, domains=used, tune=source))


def test_more_blocks_than_the_backbone_has_are_refused() -> None:
    """MobileNetV2 has 17."""
    backbone: dict[str, object] = {"name": "mobilenet_v2"}
    check(values("tune.then", "none", backbone=backbone, tune={"blocks": 17}))
    check(values("tune.then", "none", backbone=backbone, pretrain={"blocks": 18}))  # nothing asks for them
    with pytest.raises(
        ParamsError, match=r"tune\.blocks is 18; allowed: 1 to 17, the blocks of mobilenet_v2"
    ):
        check(values("tune.then", "none", backbone=backbone, tune={"blocks": 18}))
    with pytest.raises(ParamsError, match=r"pretrain\.blocks is 18; allowed: 1 to 17"):
        check(values("pretrain.method", "clusters", backbone=backbone, pretrain={"blocks": 18}))


def test_views_of_texts_move_nothing_that_a_target_could_lie_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """`flips` is on by default; texts ignore it, so a problem with places in a text may have views."""
    monkeypatch.setattr(classification, "PLACED", True, raising=False)
    images = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    with pytest.raises(ParamsError, match=r"augment\.flips moves a sample"):
        check(images)
    texts = yaml.safe_load((FILE.parent / "examples" / "spam" / "params.yaml").read_text())
    assert texts["augment"]["views"] == 2
    check(texts)
