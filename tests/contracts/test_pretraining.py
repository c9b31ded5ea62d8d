"""Every answer to "what is learned beforehand?" learns, respects what is frozen, resumes bit for bit."""

import copy
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from exported import exported_alike
from tiny import (
    CLASSES,
    RATES,
    SAMPLES,
    TOKENS,
    VOCABULARY,
    WIDTH,
    Shown,
    digest,
    killed_at,
    make_backbone,
    make_samples,
)
from torch import Tensor, nn

from components.backbones.base import Backbone
from components.errors import ParamsError
from components.methods import PRETRAININGS, load_pretraining
from components.methods.pretraining import Given, Known, Pretraining, Words, cross_entropy
from components.methods.samples import Asked, Indices
from components.params import plugins
from components.params.load import check
from components.params.needs import remedy
from components.params.pretrain import PretrainParams
from components.problems import classification
from components.stages.frozen import Below
from components.training.batches import Views
from components.training.checkpoints import Checkpoints
from components.training.loop import Loop
from components.training.network import Network, TokenNetwork
from components.training.plan import Data, Job, Outcome, Recipe, Watch

FILE = Path(__file__).parents[2] / "params.yaml"
BLOCKS, EPOCHS, VIEWS = 4, 4, 3
PARAMS = {
    "blocks": 2,
    "epochs": EPOCHS,
    "batch": 8,
    "projection": 4,
    "clusters": 2,
    "tasks": "domain",
    "shots": 2,
    "queries": 2,
    "inner_steps": 2,
}
# What takes each need away from the repository's own params.
LACKING: dict[str, dict[str, dict[str, object]]] = {
    "images": {"task": {"modality": "text", "positive": None}, "backbone": {"name": "minilm_l6"}},
    "texts": {},
    "views": {"augment": {"views": 1}},
    "tasks": {"pretrain": {"tasks": None}},
    "classes": {"pretrain": {"tasks": None}},
    "class_outputs": {},
}


def needs(name: str) -> tuple[str, ...]:
    return plugins.needs("pretrainings", name)


# Each on both families, but for those whose needs say which.
CASES: list[tuple[str, Shown]] = [
    (name, shown)
    for name in PRETRAININGS
    for shown, other in (("picture", "texts"), ("text", "images"))
    if other not in needs(name)
]


def texts(seed: int) -> Views:
    """Texts of one word again and again, and of another: what is hidden can be guessed."""
    draw = np.random.default_rng(seed)
    rows = np.repeat(draw.integers(3, VOCABULARY, size=(SAMPLES, 1)), TOKENS, axis=1)
    return Views(rows, np.full(SAMPLES, -1))


def given(method: Pretraining, backbone: Backbone, shown: Shown) -> Given:
    tasks = np.array(["day", "night"])[np.arange(SAMPLES) // 2 % 2]
    judged = VIEWS if method.paired else 1
    embedding = getattr(backbone.units[0], "word", nn.Embedding(1, 1))
    # A picture's are made as if they lay there.
    below = Below(backbone.below(method.cut(BLOCKS))).eval() if shown == "text" else nn.Identity()
    return Given(
        train=texts(1) if method.tokens else Stored(make_samples(1, VIEWS, shown=shown), below),
        validation=texts(2) if method.tokens else Stored(make_samples(2, judged, shown=shown), below),
        known=Known((make_samples(1).targets, make_samples(2).targets), CLASSES, (tasks, tasks)),
        views=VIEWS,
        width=WIDTH,
        seed=3,
        features=lambda: (means(1, shown), means(2, shown)),
        words=Words(VOCABULARY, 1, (0, 1, 2), embedding) if method.tokens else None,
    )


def means(seed: int, shown: Shown) -> np.ndarray:
    """Features that tell something: of channels, or how often each word is there."""
    rows = make_samples(seed, shown=shown).take(np.arange(SAMPLES), 0)
    if shown == "text":
        return nn.functional.one_hot(rows, VOCABULARY).float().mean(1).numpy()
    return rows.float().mean((2, 3)).numpy()


class Stored(Asked):
    """Samples as the store has them: behind the layers that stay."""

    def __init__(self, samples: Views, below: nn.Module) -> None:
        super().__init__(samples)
        self._below = below

    def take(self, indices: Indices, epoch: int) -> torch.Tensor:
        with torch.no_grad():
            made = self._below(self._samples.take(indices, epoch))
            return made if isinstance(made, Tensor) else made[0]


class Fit:
    """A tiny network of four blocks, the last two of which learn by one method."""

    def __init__(self, name: str, shown: Shown, folder: Path | None = None) -> None:
        rate = {"learning_rate": RATES[shown] / 2}
        method = load_pretraining(PretrainParams.model_validate({**PARAMS, **rate, "method": name}))
        assert method is not None
        self.backbone = make_backbone(BLOCKS, shown)
        material = given(method, self.backbone, shown)
        method.check(material.known)
        self.posed = method.pose(material)
        kind = TokenNetwork if method.tokens else Network
        self.network = kind(self.backbone, self.posed.head, method.cut(BLOCKS))
        self.phase = method.phase(self.network, BLOCKS)
        watch = Watch("Contract", checkpoints=Checkpoints(folder) if folder else None)
        recipe = Recipe(seed=3, batch=8, precision="fp32", schedule="constant", slow=self.posed.slow)
        data = Data(self.posed.train, self.posed.validation)
        self.loop = Loop(
            Job(self.network, cross_entropy, (self.phase,), self.posed.weights), data, recipe, watch
        )

    def digest(self, outcome: Outcome) -> str:
        return digest(self.network, outcome)


def test_the_table_holds_what_params_allow() -> None:
    assert tuple(PRETRAININGS) == plugins.names("pretrainings")
    assert len(PRETRAININGS) == 5
    assert load_pretraining(PretrainParams()) is None


@pytest.mark.parametrize("name", PRETRAININGS)
def test_its_file_names_its_source(name: str) -> None:
    made = load_pretraining(PretrainParams.model_validate({"method": name}))
    doc = sys.modules[type(made).__module__].__doc__ or ""
    assert re.search(r"\b20\d\d\b", doc), "which paper?"
    assert "\n\n    " in doc, "which formula?"


@pytest.mark.parametrize(("name", "shown"), CASES)
def test_it_learns_and_what_is_frozen_stays(name: str, shown: Shown) -> None:
    fit = Fit(name, shown)
    before = {key: tensor.clone() for key, tensor in fit.backbone.state_dict().items()}
    outcome = fit.loop.fit()
    assert outcome.history[-1].train_loss < outcome.history[0].train_loss
    assert outcome.frozen_before == outcome.frozen_after
    after = fit.backbone.state_dict()
    assert list(after) == list(before)
    moved = {int(key.split(".")[1]) for key in before if not torch.equal(before[key], after[key])}
    # Units 0 to 2 are the stem and the lower two blocks; the last unit of the tiny text network has no weights.
    assert {3, 4} <= moved <= {3, 4, 5}


@pytest.mark.parametrize(("name", "shown"), CASES)
def test_every_batch_has_as_many_answers_as_questions(name: str, shown: Shown) -> None:
    fit = Fit(name, shown)
    for samples in (fit.posed.train, fit.posed.validation):
        for chunk in (*samples.shuffled(3, 1, 8), *samples.in_turn(8)):
            logits = fit.network(
                samples.take(chunk, 1).to(torch.int64 if fit.network.cut == 0 else torch.float32)
            )
            targets = samples.expected(chunk, 1)
            assert targets.dtype == torch.int64
            assert len(logits) == len(targets)
            assert 0 <= targets.min() <= targets.max() < logits.shape[1]
        assert [c.tolist() for c in samples.shuffled(3, 1, 8)] == [
            c.tolist() for c in samples.shuffled(3, 1, 8)
        ]
        assert [c.tolist() for c in samples.in_turn(8)] == [c.tolist() for c in samples.in_turn(8)]


@pytest.mark.parametrize(("name", "shown"), CASES)
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(name: str, shown: Shown, tmp_path: Path) -> None:
    whole = Fit(name, shown)
    expected = whole.digest(whole.loop.fit())
    steps_an_epoch = len(whole.posed.train.shuffled(3, 0, 8))
    for killed in range(1, EPOCHS):
        folder = tmp_path / str(killed)
        first = Fit(name, shown, folder)
        killed_at(first.loop, killed * steps_an_epoch + min(1, steps_an_epoch - 1))  # within the next epoch
        again = Fit(name, shown, folder)
        assert again.digest(again.loop.fit()) == expected, killed


@pytest.mark.parametrize(("name", "shown"), dict(reversed(CASES)).items())
def test_the_new_checkpoint_exports_with_parity(name: str, shown: Shown) -> None:
    """On one family, for that its tensors stay the same ones is asked above of both."""
    fit = Fit(name, shown)
    fit.loop.fit()
    assert exported_alike(nn.Sequential(fit.backbone, nn.Linear(WIDTH, CLASSES)).eval(), shown)


@pytest.mark.parametrize("name", PRETRAININGS)
def test_more_blocks_than_there_are_is_refused(name: str) -> None:
    method = load_pretraining(PretrainParams.model_validate({"method": name, "blocks": 5}))
    assert method is not None
    with pytest.raises(ParamsError, match=r"pretrain\.blocks is 5; allowed: 1 to 4"):
        method.cut(BLOCKS)


def values(name: str, changes: dict[str, dict[str, object]]) -> dict[str, object]:
    """The repository's own params with a method, its tasks, and some changes."""
    made = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    shows_texts = "texts" in needs(name) and changes
    for section, held in ({} if not shows_texts else LACKING["images"]).items():
        made[section] |= held
    made["pretrain"] = {
        "method": name,
        **({"tasks": "type"} if {"tasks", "classes"} & set(needs(name)) else {}),
    }
    for section, held in changes.items():
        made[section] |= held
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "need"), [(n, need) for n in PRETRAININGS for need in needs(n)])
def test_a_missing_need_is_named_with_its_remedy(
    name: str, need: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if need == "class_outputs":
        monkeypatch.setattr(classification, "OFFERS", ())  # a problem whose outputs are no classes
    words = re.escape(f"pretrain.method '{name}' needs {remedy(need)}")  # type: ignore[arg-type]
    with pytest.raises(ParamsError, match=words):
        check(values(name, LACKING[need]))


@pytest.mark.parametrize("name", [n for n in PRETRAININGS if needs(n)])
def test_with_what_it_needs_it_is_accepted(name: str) -> None:
    assert check(values(name, {"pretrain": {}})).pretrain.method == name


def test_tasks_must_be_a_declared_column() -> None:
    with pytest.raises(
        ParamsError, match=r"pretrain\.tasks 'typ' is no column of data\.labels; allowed: type"
    ):
        check(values("reptile", {"pretrain": {"tasks": "typ"}}))


def test_an_episode_has_no_more_classes_than_there_are() -> None:
    with pytest.raises(
        ParamsError, match=r"pretrain\.ways is 3; allowed: 2 to 2, the classes of data\.labels"
    ):
        check(values("prototypical", {"pretrain": {"ways": 3}}))
    assert check(values("prototypical", {"pretrain": {"ways": 2}})).pretrain.ways == 2
