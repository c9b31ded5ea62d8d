"""Every head learns, counts weights, answers from few samples, is rebuilt from its tensors, and exports with parity."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from plugged import plugged
from safetensors.torch import load, save
from torch import Tensor, nn

from components.errors import DataError
from components.export.onnx_file import export_module
from components.export.variants import to_fp16, to_int8
from components.heads import HEADS, NAMES, load_head, mlp, restore
from components.heads.base import Samples
from components.params import plugins
from components.params.learning import HeadParams
from components.params.task import TaskParams
from components.problems import network
from components.problems.base import Network as Problem
from components.runtime.sessions import open_session
from components.stages.graph import closure
from components.stages.table import HEAD, STAGES

ROOT = Path(__file__).parents[2]
WIDTH = 12
SMALL = {"l2": [0.03, 0.3], "neighbours": [1, 3], "hidden": 16, "components": 64}
# Copies compete with others for the places of the nearest; they fall into other batches.
COPIES_ARE_NOT_WEIGHTS = ("neighbours", "mlp")
Features = npt.NDArray[np.float32]
FOREIGN = "nearest_mean"  # of another distribution
each = pytest.mark.parametrize("name", [*NAMES, FOREIGN])


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package of a head, too."""
    with plugged(tmp_path_factory.mktemp("installed") / "extras", "extras"):
        yield


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "ROUNDS", 20)


def problem(classes: int) -> Problem:
    described = {"problem": "classification", "classes": [f"c{number}" for number in range(classes)]}
    return network(TaskParams(), described)


def samples(classes: int, each: int = 12, seed: int = 0) -> Samples:
    """Clouds of unit spread around centres 6 apart and more, far from the origin."""
    draw = np.random.default_rng(seed)
    targets = np.tile(np.arange(classes), each)
    centres = 5 + 6 * np.eye(classes, WIDTH)
    features = centres[targets] + draw.normal(size=(len(targets), WIDTH))
    return Samples(features.astype(np.float32), targets, problem(classes))


def fits(name: str, training: Samples) -> list[tuple[float, Mapping[str, Tensor]]]:
    params = HeadParams.model_validate({**SMALL, "method": name})
    return list(load_head(params, seed=3).fits(training, samples(training.outputs, seed=1)))


def as_written(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Through a file, in single precision: as `train_head` writes them."""
    shipped = {n: t.float() if t.is_floating_point() else t for n, t in state.items()}
    found: Mapping[str, Tensor] = load(save(shipped))
    return found


class Network(nn.Module):
    """A head as it is released: behind pre-processing without weights and a layer with them, which undo each other."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = nn.Linear(WIDTH, WIDTH), head
        with torch.no_grad():
            self.backbone.weight.copy_(2 * torch.eye(WIDTH))

    def forward(self, features: Tensor) -> Tensor:
        return torch.softmax(self.head(self.backbone(features / 2)), dim=1)


def logits(module: nn.Module, features: Features) -> Tensor:
    with torch.inference_mode():
        found: Tensor = module(torch.from_numpy(features))
        return found


def export(module: nn.Module, features: Features) -> bytes:
    return export_module(
        module, (torch.from_numpy(features),), ["features"], ["logits"], {"features": {0: "batch"}}
    )


def answer(model: bytes, features: Features) -> Features:
    (found,) = open_session(model, ["cpu"], 1).run(None, {"features": features})
    return np.asarray(found)


def test_the_table_holds_what_params_allow() -> None:
    assert (*HEADS, FOREIGN) == plugins.names("heads")
    assert len(HEADS) == 6
    assert all((ROOT / "components" / "heads" / f"{name}.py").is_file() for name in NAMES)


def test_a_head_that_is_not_chosen_can_run_nothing_again() -> None:
    """Neither its file, nor the table, nor the list of names is a dependency; only the chosen file is, by its name."""
    for row in STAGES:
        assert not closure(row) & {f"components.heads.{name}" for name in NAMES}
        assert not closure(row) & {"components.heads", "components.params.names"}
    users = {row.name for row in STAGES if HEAD in row.plugins}
    assert users == {"train_head", "select", "export_onnx"}


@pytest.mark.parametrize("classes", [2, 5])
@each
def test_it_learns_and_says_what_was_tried(name: str, classes: int) -> None:
    found, unseen = fits(name, samples(classes)), samples(classes, each=40, seed=2)
    values = [value for value, _ in found]
    assert values == sorted(set(values))
    best = 0.0
    for _, state in found:
        assert {tensor.dtype for tensor in state.values()} <= {torch.float64, torch.int64}
        said = logits(restore(name, as_written(state)), unseen.features)
        assert said.shape == (len(unseen.targets), classes)
        assert said.dtype == torch.float32
        best = max(best, float((said.argmax(1).numpy() == unseen.targets).mean()))
    assert best > 0.95


@each
def test_equal_samples_give_equal_bytes(name: str) -> None:
    torch.manual_seed(1)
    first = fits(name, samples(2))
    before = torch.manual_seed(2).get_state()
    second = fits(name, samples(2))
    assert [save(dict(state)) for _, state in first] == [save(dict(state)) for _, state in second]
    assert torch.equal(torch.get_rng_state(), before), "the global generator was moved"


@each
def test_a_weight_of_two_is_the_sample_twice(name: str) -> None:
    plain = samples(3, each=30)
    weights = 1.0 + (np.arange(len(plain.targets)) % 5 == 0)
    copies = np.repeat(np.arange(len(plain.targets)), weights.astype(int))
    repeated = Samples(plain.features[copies], plain.targets[copies], problem(3))
    shown = samples(3, each=5, seed=2).features
    pairs = zip(fits(name, replace(plain, weights=weights)), fits(name, repeated), strict=True)
    for (_, weighted), (_, twice) in pairs:
        found, expected = (logits(restore(name, as_written(state)), shown) for state in (weighted, twice))
        alike = torch.allclose(torch.softmax(found, 1), torch.softmax(expected, 1), atol=1e-4)
        assert alike != (name in COPIES_ARE_NOT_WEIGHTS)


@each
def test_equal_weights_of_any_size_change_nothing(name: str) -> None:
    plain = samples(2)
    shown = samples(2, each=5, seed=2).features
    weighted = replace(plain, weights=np.full(len(plain.targets), 7.0))
    for (_, a), (_, b) in zip(fits(name, plain), fits(name, weighted), strict=True):
        found, expected = (logits(restore(name, as_written(state)), shown) for state in (b, a))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@each
def test_one_sample_a_class_is_enough(name: str) -> None:
    training = samples(5, each=1)
    (_, state), *_ = fits(name, training)
    said = logits(restore(name, as_written(state)), samples(5, each=1, seed=4).features)
    assert said.argmax(1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("classes", [2, 5])
@each
def test_it_exports_with_parity(name: str, classes: int) -> None:
    state = as_written(fits(name, samples(classes))[-1][1])
    module, shown = restore(name, state), samples(classes, seed=2).features
    model = export(module, shown[:3])
    for batch in (shown[:1], shown):
        np.testing.assert_allclose(answer(model, batch), logits(module, batch).numpy(), atol=1e-5, rtol=1e-5)


@each
def test_it_survives_other_number_formats(name: str) -> None:
    shown = samples(2, each=30, seed=2)
    module = restore(name, as_written(fits(name, samples(2, each=30))[0][1]))
    model = export(Network(module), shown.features[:3])
    for variant in (to_fp16(model), to_int8(model, np.split(shown.features, 20))):
        said = answer(variant, shown.features)
        assert (said.argmax(axis=1) == shown.targets).mean() > 0.9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"features": np.full((24, WIDTH), np.nan, np.float32)},
            "24 of 24 samples .* not finite, first .* 0",
        ),
        ({"features": np.zeros((0, WIDTH), np.float32)}, "no samples"),
        ({"targets": np.full(24, 2)}, "targets from 0 to 1"),
        ({"targets": np.zeros(23, np.int64)}, "24 targets"),
        ({"weights": np.zeros(24)}, "not all of them 0"),
        ({"weights": np.full(24, -1.0)}, "none below 0"),
        ({"weights": np.full(24, np.inf)}, "finite"),
        ({"weights": np.ones(2)}, "24 weights"),
    ],
)
def test_bad_samples_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        replace(samples(2), **changes)  # type: ignore[arg-type]


def test_the_first_row_that_is_not_finite_is_named() -> None:
    features = samples(2).features.copy()
    features[[5, 9], [1, 0]] = np.inf, np.nan
    with pytest.raises(DataError, match=r"features of 2 of 24 samples hold .* first those of row 5"):
        replace(samples(2), features=features)
