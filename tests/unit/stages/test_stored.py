"""Several tensors of a cut through the sample store, with and without room for them; each sample is read once."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from skipping import Looking, skipping
from torch import nn
from training_workspace import Workspace

from components.data.dataset import Dataset
from components.methods import load_method
from components.modalities.image import decode
from components.problems.base import NONE
from components.problems.classification.network import Network as Classification
from components.stages import extract_features, fine_tune, stored
from components.stages.collect_caches import spaces_of
from components.stages.domains import decided, learned, unlabelled
from components.stages.fitting import Activations, fit, recipe
from components.stages.frozen import Frozen, exported, seen
from components.stages.network import NetworkLine
from components.stages.released import released
from components.training.plan import Watch
from components.training.scoring import predict

SAMPLES, VIEWS = 9, 2
MAPS, FINE = 4 * 16 * 16 * 2, 4 * 32 * 32 * 2  # bytes of a view, in half precision


class LookingProblem(Classification):
    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        return Looking()


def opened(workspace: Workspace, cache: Path, budget: int = 10**9) -> NetworkLine:
    """The workspace's line with a toy for its backbone."""
    tune = workspace.params.tune.model_copy(update={"blocks": 1, "epochs": 2, "head_epochs": 1})
    params = workspace.params.model_copy(update={"tune": tune})
    context = replace(workspace.context, cache=cache, budget=budget)
    line = NetworkLine.of(workspace.root, params, context)
    line.pretrained = skipping(), "toy"
    line.problem = LookingProblem(params.task, line.dataset.description)
    return line


def views(line: NetworkLine) -> list[tuple[str, int]]:
    return [(sample, view) for view in range(VIEWS) for sample in line.dataset.ids("train")[:SAMPLES]]


def test_a_head_s_tensors_come_back_from_the_store(workspace: Workspace, tmp_path: Path) -> None:
    line = opened(workspace, tmp_path)
    frozen, wanted = line.frozen(2), views(line)
    assert frozen.names == ("maps", "fine")
    records = line.stored(frozen, wanted, line.augmented)
    assert [(s.field.name, s.field.shape, s.field.dtype) for s in records.spaces] == [
        ("maps", (4, 16, 16), "float16"),
        ("fine", (4, 32, 32), "float16"),
    ]
    found = records.named(np.array([12, 3]))
    for row, number in enumerate((12, 3)):
        sample, view = wanted[number]
        array = line.augmented.augment(line.augmented.decode(line.dataset.read(sample)), view, sample)
        with torch.inference_mode():
            shown = line.augmented.preprocessor()(torch.from_numpy(array.copy())[None])
            made = frozen.backbone.below(2, frozen.names)({"samples": shown})
        for name, tensor in made.items():
            np.testing.assert_allclose(found[name][row], tensor[0].numpy(), atol=2e-3)


def test_the_frozen_part_is_a_graph_with_named_outputs(workspace: Workspace, tmp_path: Path) -> None:
    line = opened(workspace, tmp_path)
    frozen, shown = line.frozen(2), seen(line.modality)
    session = onnxruntime.InferenceSession(exported(frozen, tuple(shown.shape), shown.dtype, ()))
    assert [output.name for output in session.get_outputs()] == ["maps", "fine"]
    values = torch.randn(shown.shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = frozen.module()(values)
    for array, tensor in zip(session.run(None, {"seen": values.numpy()}), expected, strict=True):
        np.testing.assert_allclose(array, tensor.numpy(), atol=1e-5)


VIEWS_OF_FINE = 5  # that have room beside all maps


@pytest.mark.parametrize(
    ("budget", "absent"),
    [
        (MAPS * SAMPLES * VIEWS, {"fine": SAMPLES * VIEWS}),
        (MAPS * SAMPLES * VIEWS + FINE * VIEWS_OF_FINE, {"fine": SAMPLES * VIEWS - VIEWS_OF_FINE}),
        (0, {"maps": SAMPLES * VIEWS, "fine": SAMPLES * VIEWS}),
    ],
)
def test_what_does_not_fit_is_computed_again_with_the_same_bytes(
    workspace: Workspace,
    tmp_path: Path,
    budget: int,
    absent: dict[str, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored._say_once.cache_clear()
    within, beyond = opened(workspace, tmp_path / "1"), opened(workspace, tmp_path / "2", budget)
    every = np.random.default_rng(0).permutation(SAMPLES * VIEWS)
    expected = within.stored(within.frozen(2), views(within), within.augmented).named(every)
    records = beyond.stored(beyond.frozen(2), views(beyond), beyond.augmented)
    for _ in range(2):
        found = records.named(every)
        assert list(found) == list(expected)
        assert all(found[name].tobytes() == expected[name].tobytes() for name in expected)
    again = beyond.stored(beyond.frozen(2), views(beyond), beyond.augmented)
    assert records.named(every[:1])["fine"].tobytes() == again.named(every[:1])["fine"].tobytes()
    assert kept_bytes(tmp_path / "2") == budget
    said = [line for line in capsys.readouterr().err.splitlines() if "computed again" in line]
    assert len(said) == 1
    sizes = {"maps": MAPS, "fine": FINE}
    for name, count in absent.items():
        assert f"{name} of {count} views ({sizes[name]:,} bytes each)" in said[0]
    assert ("maps" in said[0]) == ("maps" in absent)
    assert "runtime.store_gb" in said[0]


def kept_bytes(cache: Path) -> int:
    return sum(path.stat().st_size for path in (cache / "store").rglob("*.bin"))


def test_readers_of_parts_share_the_budget_and_what_is_kept(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a training, and then the folds of its samples: the parts are within the budget, the whole is not."""
    budget = MAPS * SAMPLES * VIEWS + FINE * VIEWS_OF_FINE
    line = opened(workspace, tmp_path, budget)
    line.stored(line.frozen(2), views(line), line.augmented)
    counts = Counts(monkeypatch)
    for first in range(0, SAMPLES * VIEWS, 3):
        part = line.stored(line.frozen(2), views(line)[first : first + 3], line.augmented)
        assert part.named(np.arange(3)).keys() == {"maps", "fine"}
        assert counts.decoded == max(0, first + 3 - VIEWS_OF_FINE), "only what had no room"
    assert kept_bytes(tmp_path) == budget


def test_a_tensor_that_is_lost_is_computed_alone(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = opened(workspace, tmp_path)
    frozen, wanted = line.frozen(2), views(line)
    expected = line.stored(frozen, wanted, line.augmented).named(np.arange(len(wanted)))
    folders = {s.field.name: tmp_path / "store" / s.digest[:32] for s in frozen.spaces(line.modality)}
    maps = {path: path.stat().st_mtime_ns for path in folders["maps"].iterdir()}
    shutil.rmtree(folders["fine"])
    found = line.stored(frozen, wanted, line.augmented).named(np.arange(len(wanted)))
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }
    assert {path: path.stat().st_mtime_ns for path in folders["maps"].iterdir()} == maps


def test_gc_knows_every_tensor_that_the_line_reads(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "line"
    for name in ("dataset", "adapted"):
        shutil.copytree(workspace.root / name, root / name)
    (root / "features").mkdir()
    (root / "features" / "features.json").write_text(json.dumps({"space": "f" * 64}))
    line = opened(workspace, tmp_path)
    monkeypatch.setattr(NetworkLine, "pretrained", line.pretrained)
    monkeypatch.setattr(NetworkLine, "problem", line.problem)
    for cut in (None, 0, 1, 2, 3, 4):
        line.stored(line.frozen(cut), views(line)[:1], line.augmented)
    kept = {path.name for path in (tmp_path / "store").iterdir()}
    assert len(kept) == 1 + 1 + 2 + 2 + 2 + 2
    assert spaces_of(root, line.params) == dict.fromkeys((*kept, "f" * 32), "this workspace")


@pytest.mark.parametrize("budget", [10**9, 0])
def test_fine_tuning_sees_below_the_cut_and_is_exported_with_parity(
    workspace: Workspace, tmp_path: Path, budget: int
) -> None:
    line = opened(workspace, tmp_path, budget)
    dataset, domains = line.dataset, line.params.domains
    samples = Activations.at(line, load_method(line.params.tune).cut)
    material = fine_tune.Material(
        learned(dataset, domains), decided(dataset, "validation", domains), unlabelled(dataset, domains)
    )
    training = fine_tune.prepared(samples, samples.fresh_head(), material, [])
    before = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    fitted = fit(training, fine_tune.met(samples, material), recipe(line.params, line.context), Watch("Toy"))
    moved = {name for name, t in fitted.network.state_dict().items() if not torch.equal(t, before[name])}
    assert {name.split(".")[2] for name in moved if name.startswith("backbone.")} == {"3"}
    assert "head.linear.weight" in moved
    by_store = predict(fitted.network, samples.clean(material.decides), 4, fitted.device)
    graph = onnxruntime.InferenceSession(released(fitted.network, line.augmented, line.decision))
    decoded = [line.augmented.decode(dataset.read(sample)) for sample in material.decides.ids]
    (answers,) = zip(*(graph.run(None, {"image": sample[None]}) for sample in decoded), strict=True)
    by_graph, by_store = np.concatenate(answers), line.decision.answers(by_store.double().numpy())
    np.testing.assert_allclose(by_graph, by_store, atol=2e-3)  # the store's are in half precision


class Counts:
    """How often each sample is read, and how many are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads, self.decoded = Counter[str](), 0
        read, opens = Dataset.read, decode.Modality.decode

        def reading(dataset: Dataset, sample: str) -> bytes:
            self.reads[sample] += 1
            return read(dataset, sample)

        def decoding(modality: decode.Modality, payload: bytes) -> object:
            self.decoded += 1
            return opens(modality, payload)

        monkeypatch.setattr(Dataset, "read", reading)
        monkeypatch.setattr(decode.Modality, "decode", decoding)


def test_a_sample_is_read_and_decoded_once_however_many_views(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, line = Counts(monkeypatch), opened(workspace, tmp_path)
    line.params = line.params.model_copy(
        update={"augment": line.params.augment.model_copy(update={"views": 5})}
    )
    chosen = learned(line.dataset, line.params.domains)
    samples = Activations.at(line, lambda _: 2)
    samples.augmented(chosen)
    assert counts.reads == Counter(chosen.ids)
    assert counts.decoded == len(chosen)
    samples.clean(chosen)
    assert counts.decoded == len(chosen), "the first view is the clean one"


def test_extraction_reads_a_sample_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, dataset = Counts(monkeypatch), Dataset.open(workspace.root / "dataset")
    (tmp_path / "features").mkdir()
    context = replace(workspace.context, cache=tmp_path / "cache")
    inputs = workspace.inputs("dataset", "adapted")
    extract_features.run(inputs, {"features": tmp_path / "features"}, workspace.params, context)
    wanted = [sample for sample in dataset.ids() if sample not in dataset.ids("test")]
    assert counts.reads == Counter(wanted)
    assert counts.decoded == len(wanted)
    assert np.load(tmp_path / "features" / "features.npy").shape[0] == len(wanted)


def test_layers_that_compute_the_same_are_told_by_what_is_taken(workspace: Workspace) -> None:
    backbone = skipping()
    assert Frozen(backbone, "toy", 2) != Frozen(backbone, "toy", 2, Looking.takes)
