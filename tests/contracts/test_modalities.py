"""Every modality keeps the protocol's promises. Nothing knows one by name: tests/e2e/test_foreign_plugins.py."""

from pathlib import Path

import numpy as np
import pytest
import torch
from task_examples import MODALITIES, asked
from texts import write_tokenizer

from components.export.onnx_file import export_module
from components.modalities import NAMES, describers, load_modality, statistics
from components.modalities.base import Modality, Sample
from components.params import plugins
from components.params.data import Limits
from components.params.names import BACKBONES
from components.params.task import AugmentParams
from components.problems import baseline
from components.runtime.sessions import open_session

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("every_plugin")


@pytest.fixture(params=MODALITIES)
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, every_plugin: None
) -> tuple[Modality, list[bytes]]:
    params, example = asked("classification", request.param), MODALITIES[request.param]
    made = load_modality(params, example.spec, AugmentParams(views=3), write_tokenizer(tmp_path))
    return made, list(example.payloads)


def _rows(made: Modality, payload: bytes) -> list[Sample]:
    """What the graph takes of a sample: its windows, or the whole."""
    return [window.sample for window in made.windows(made.decode(payload))]


def test_tables_agree() -> None:
    assert {plugins.fact("modalities", name, "KIND") for name in NAMES} == {
        facts.sees for facts in BACKBONES.values()
    }
    for name in NAMES:
        folder = ROOT / "components" / "modalities" / name
        assert {path.stem for path in folder.glob("*.py")} >= {"baseline", "decode", "params", "statistics"}


def test_samples_are_as_the_signature_says(opened: tuple[Modality, list[bytes]]) -> None:
    made, payloads = opened
    takes = made.signature
    assert takes.axes[0] == "batch"
    for sample in (row for payload in payloads for row in _rows(made, payload)):
        assert sample.dtype == takes.dtype
        assert len(sample.shape) == len(takes.axes) - 1
        fixed = [(size, axis) for size, axis in zip(sample.shape, takes.axes[1:], strict=True)]
        assert all(size == axis for size, axis in fixed if isinstance(axis, int))
    for shape in (takes.example, *takes.largest, (1, *takes.typical)):
        assert len(shape) == len(takes.axes)


def test_compact_samples_have_one_shape_and_look_alike_to_the_network(
    opened: tuple[Modality, list[bytes]],
) -> None:
    made, payloads = opened
    preprocess = made.preprocessor()
    samples = [row for payload in payloads for row in _rows(made, payload)]
    compact = np.stack([made.compact(sample) for sample in samples])
    seen = preprocess(torch.from_numpy(compact))
    for sample, row in zip(samples, seen, strict=True):
        whole = preprocess(torch.tensor(sample)[None])[0]
        shorter = row[tuple(slice(size) for size in whole.shape)]
        torch.testing.assert_close(whole.float(), shorter.float(), atol=0.5 / 128 + 1e-5, rtol=0)


def test_views_are_functions_of_sample_and_number(opened: tuple[Modality, list[bytes]]) -> None:
    made, payloads = opened
    assert list(made.views) == ["0", "1", "2"]
    sample = made.decode(payloads[2])
    first = [made.augment(sample, view, "id") for view in range(3)]
    again = [made.augment(sample, view, "id") for view in range(3)]
    assert np.array_equal(first[0], sample)
    assert not np.array_equal(first[1], sample)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[1].dtype == sample.dtype


def test_inspections_have_the_same_facts(opened: tuple[Modality, list[bytes]]) -> None:
    made, payloads = opened
    found = [made.inspect(payload, Limits()) for payload in payloads]
    assert len({tuple((name, type(value)) for name, value in one.facts.items()) for one in found}) == 1
    assert all(one.thumbnail.shape == (64, 64) and 0 <= one.fingerprint < 2**64 for one in found)


@pytest.mark.parametrize("name", MODALITIES)
def test_monitoring_measures_as_many_numbers_as_check_is_told(name: str, tmp_path: Path) -> None:
    params, example = asked("classification", name), MODALITIES[name]
    made = load_modality(params, example.spec, None, write_tokenizer(tmp_path))
    for payload in example.payloads:
        measured = statistics(params)(made, made.decode(payload))
        assert len(measured) == plugins.fact("modalities", name, "MEASURED")
        assert np.isfinite(list(measured.values())).all()


def test_people_see_a_picture_or_words(opened: tuple[Modality, list[bytes]]) -> None:
    made, payloads = opened
    sample = made.decode(payloads[0])
    picture, words = made.preview(sample, 20), made.words(sample)
    assert (picture is None) == bool(words)
    assert picture is None or max(picture.shape[:2]) == 20
    assert not words or len(words) == len(sample)


def test_the_preprocessor_exports_with_every_axis_that_varies(opened: tuple[Modality, list[bytes]]) -> None:
    made, payloads = opened
    takes = made.signature
    example = torch.zeros(takes.example, dtype=getattr(torch, takes.dtype))
    model = export_module(
        made.preprocessor(), (example,), [takes.name], ["seen"], {takes.name: takes.varying}
    )
    session = open_session(model, ["cpu"], 1)
    for sample in (row for payload in payloads for row in _rows(made, payload)):
        (found,) = session.run(None, {takes.name: sample[None]})
        expected = made.preprocessor()(torch.tensor(sample)[None]).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", MODALITIES)
def test_what_plain_models_see_is_enough_to_learn_and_answer_from_raw_samples(name: str) -> None:
    params, payloads = asked("classification", name), MODALITIES[name].payloads
    learns = baseline(params, {"problem": "classification", "classes": ["no", "yes"]})
    for describer in describers(params).values():
        kept = describer.fit([*payloads] * 4)
        model = learns.fit(describer.features(kept, [*payloads] * 4), np.array([0, 1, 1, 0] * 4), seed=0)
        found = learns.answers(model, describer.features(kept, payloads))
        assert found.shape == (4, 2)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert found.argmax(axis=1).tolist() == [0, 1, 1, 0]
