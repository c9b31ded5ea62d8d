import json

import numpy as np
import onnxruntime
import pytest
import torch

from components.data.dataset import Dataset
from components.stages import train_controls
from components.stages.compact import CompactSamples
from components.stages.network import input_spec, open_modality
from components.storage.publish import sha256_tree
from components.training.batches import Views


def test_majority_and_scratch_are_written_and_scratch_answers(workspace):
    outputs = workspace.output("controls", "controls-1")
    train_controls.run(
        workspace.inputs("dataset", "checkpoint"), outputs, workspace.params, workspace.context
    )
    told = json.loads((outputs["controls"] / "controls.json").read_text())
    dataset = Dataset.open(workspace.root / "dataset")
    counts = np.bincount(dataset.targets("train"))
    assert told["constants"] == {"majority": np.eye(2)[counts.argmax()].tolist()}
    assert told["baselines"] == []
    budget = workspace.params.controls.scratch.epochs
    steps = budget * (dataset.targets("train").size // train_controls.BATCH)
    assert (told["scratch"]["epochs"], told["scratch"]["steps"]) == (budget, steps)
    assert list((workspace.context.cache / "training").glob("*")) == []

    session = onnxruntime.InferenceSession(
        outputs["controls"] / "scratch.onnx", providers=["CPUExecutionProvider"]
    )
    assert [put.name for put in session.get_inputs()] == ["image"]
    for shape in ((1, 40, 48, 3), (3, 33, 70, 3)):
        (probabilities,) = session.run(["probabilities"], {"image": np.full(shape, 90, np.uint8)})
        assert probabilities.shape == (shape[0], 2)
        assert np.allclose(probabilities.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize(("size", "seen"), [(16, 16), (None, 32), (64, 32)])
def test_it_may_see_less_of_a_sample_than_the_release_but_not_more(workspace, size, seen):
    scratch = workspace.params.controls.scratch.model_copy(update={"input_size": size})
    controls = workspace.params.controls.model_copy(update={"scratch": scratch})
    params = workspace.params.model_copy(update={"controls": controls})
    modality = train_controls.modality_of(params, workspace.root / "checkpoint")
    assert modality.preprocessor()(torch.zeros(1, 50, 40, 3)).shape == (1, 3, seen, seen)


def test_two_runs_give_equal_bytes(workspace):
    inputs = workspace.inputs("dataset", "checkpoint")
    digests = []
    for name in ("controls-2", "controls-3"):
        outputs = workspace.output("controls", name)
        train_controls.run(inputs, outputs, workspace.params, workspace.context)
        digests.append(sha256_tree(outputs["controls"]))
    assert digests[0] == digests[1]


def test_pixels_are_what_the_preprocessor_makes_to_half_a_grey_level(workspace):
    dataset = Dataset.open(workspace.root / "dataset")
    spec = input_spec(workspace.params, workspace.root / "checkpoint")
    modality = open_modality(workspace.params, workspace.root / "checkpoint", workspace.params.augment)
    ids = dataset.ids("validation")
    pixels = CompactSamples(dataset, ids, modality).fill(workspace.context)
    found = pixels[np.arange(len(ids))]
    assert found.shape == (len(ids), 3, spec.size, spec.size)
    assert found.dtype == np.float32
    clean = torch.tensor(modality.decode(dataset.read(ids[0])))[None]
    exact = modality.preprocessor()(clean)[0].numpy()
    assert np.abs(found[0] - exact).max() <= 0.5 / 128 + 1e-5
    # The second view is another picture of the same sample.
    assert not np.array_equal(pixels[np.array([len(ids)])][0], found[0])


def test_few_samples_are_shown_as_often_as_they_are_judged():
    few = Views(np.zeros((3, 2)), np.array([0, 1, 2]))
    assert train_controls.again(few, 3) is few
    shown = train_controls.again(few, 7)
    first, second = ([chunk.tolist() for chunk in shown.shuffled(5, epoch, 2)] for epoch in (0, 1))
    turns = [[chunk.tolist() for chunk in few.shuffled(5, turn, 2)] for turn in range(6)]
    assert first == turns[0] + turns[1] + turns[2]
    assert second == turns[3] + turns[4] + turns[5]
