"""Every task family keeps the protocol's promises, and no stage knows one by name."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from texts import write_tokenizer

from components.export.onnx_file import export_module
from components.params.backbone import ImageSpec, TextSpec
from components.params.data import Limits
from components.params.names import SEES, SHOWS
from components.params.task import AugmentParams, TaskParams
from components.runtime.sessions import open_session
from components.tasks import NAMES, load_task
from components.tasks.base import Task

ROOT = Path(__file__).parents[2]


def _picture(number: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(number).integers(0, 256, (30 + number, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


SPECS = {
    "images": ImageSpec(32, (127.0,) * 3, (128.0,) * 3),
    "texts": TextSpec(size=32, vocabulary=10),
}
SAMPLES = {
    "images": [_picture(number) for number in range(4)],
    "texts": [b"good mail", b"very bad mails", b"bad " * 30, b"good good bad"],
}


@pytest.fixture(params=NAMES)
def task(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Task, list[bytes]]:
    shows = SHOWS[request.param]
    made = load_task(
        TaskParams(name=request.param), SPECS[shows], AugmentParams(views=3), write_tokenizer(tmp_path)
    )
    return made, SAMPLES[shows]


def test_tables_agree() -> None:
    assert set(SHOWS) == set(NAMES)
    assert set(SHOWS.values()) == set(SEES.values())
    for name in NAMES:
        assert (ROOT / "components" / "tasks" / f"{name}.py").is_file()


def test_no_stage_names_a_task() -> None:
    words = re.compile("|".join([*NAMES, *(name.split("_")[0] + "_" for name in NAMES)]))
    for path in (ROOT / "components" / "stages").glob("*.py"):
        assert not words.search(path.read_text()), path.name


def test_samples_are_as_the_signature_says(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    takes = made.signature
    assert takes.axes[0] == "batch"
    for payload in payloads:
        sample = made.decode(payload)
        assert sample.dtype == takes.dtype
        assert len(sample.shape) == len(takes.axes) - 1
        fixed = [(size, axis) for size, axis in zip(sample.shape, takes.axes[1:], strict=True)]
        assert all(size == axis for size, axis in fixed if isinstance(axis, int))
    for shape in (takes.example, *takes.largest, (1, *takes.typical)):
        assert len(shape) == len(takes.axes)


def test_compact_samples_have_one_shape_and_look_alike_to_the_network(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    preprocess = made.preprocessor()
    samples = [made.decode(payload) for payload in payloads]
    compact = np.stack([made.compact(sample) for sample in samples])
    seen = preprocess(torch.from_numpy(compact))
    for sample, row in zip(samples, seen, strict=True):
        whole = preprocess(torch.tensor(sample)[None])[0]
        shorter = row[tuple(slice(size) for size in whole.shape)]
        torch.testing.assert_close(whole.float(), shorter.float(), atol=0.5 / 128 + 1e-5, rtol=0)


def test_views_are_functions_of_sample_and_number(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    assert list(made.views) == ["0", "1", "2"]
    sample = made.decode(payloads[2])
    first = [made.augment(sample, view, "id") for view in range(3)]
    again = [made.augment(sample, view, "id") for view in range(3)]
    assert np.array_equal(first[0], sample)
    assert not np.array_equal(first[1], sample)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[1].dtype == sample.dtype


def test_inspections_have_the_same_facts(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    found = [made.inspect(payload, Limits()) for payload in payloads]
    assert len({tuple((name, type(value)) for name, value in one.facts.items()) for one in found}) == 1
    assert all(one.thumbnail.shape == (64, 64) and 0 <= one.fingerprint < 2**64 for one in found)


def test_people_see_a_picture_or_words(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    sample = made.decode(payloads[0])
    picture, words = made.preview(sample, 20), made.words(sample)
    assert (picture is None) == bool(words)
    assert picture is None or max(picture.shape[:2]) == 20
    assert not words or len(words) == len(sample)


def test_the_preprocessor_exports_with_every_axis_that_varies(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    takes = made.signature
    example = torch.zeros(takes.example, dtype=getattr(torch, takes.dtype))
    model = export_module(
        made.preprocessor(), (example,), [takes.name], ["seen"], {takes.name: takes.varying}
    )
    session = open_session(model, ["cpu"], 1)
    for payload in payloads:
        sample = made.decode(payload)
        (found,) = session.run(None, {takes.name: sample[None]})
        expected = made.preprocessor()(torch.tensor(sample)[None]).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_baselines_learn_and_answer_from_raw_samples(task: tuple[Task, list[bytes]]) -> None:
    made, payloads = task
    for baseline in made.baselines.values():
        model = baseline.fit(payloads * 4, np.array([0, 1, 1, 0] * 4), 2, seed=0)
        found = baseline.predict(model, payloads)
        assert found.shape == (4, 2)
        np.testing.assert_allclose(found.sum(axis=1), 1)
