"""A sample that is several rows: every modality's windows and every problem's merging fit together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugged import plugged
from texts import write_tokenizer

from components.inference.assembly import Assembly
from components.modalities import load_modality
from components.params import plugins
from components.params.task import AugmentParams, TaskParams
from components.problems import decision, judge, network, target

MODALITIES = ("image", "text", "bytes", "series")
PROBLEMS = ("classification", "multi_label", "regression", "count", "mark")
SAMPLES = {
    "image": [np.full((40, 30, 3), 9, np.uint8)],
    "text": [np.array([2, 5, 7, 3])],
    "bytes": [np.arange(16, dtype=np.uint8)],
    "series": [np.arange(count, dtype=np.uint8) for count in (1, 16, 17, 33, 90)],
}
DESCRIPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "classification": ({"problem": "classification", "classes": ["a", "b"]}, "b"),
    "multi_label": ({"problem": "multi_label", "labels": ["a", "b", "c"]}, '["a", "c"]'),
    "regression": (
        {
            "problem": "regression",
            "numbers": [{"name": "load", "unit": "mm", "range": None}],
            "statistics": {"mean": [3.0], "scale": [2.0]},
        },
        "[4.0]",
    ),
    "count": ({"problem": "count", "statistics": {"mean": 2.0}}, "3"),
    "mark": ({"problem": "mark"}, "[0, 5, 15]"),
}


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Both packages of plug-ins on the path."""
    folder = tmp_path_factory.mktemp("installed")
    with plugged(folder / "counts", "counts"), plugged(folder / "marks", "marks"):
        yield


def _task(modality: str, problem: str) -> TaskParams:
    keys: dict[str, Any] = {"modality": modality, "problem": problem, "input_size": 16}
    if modality in ("bytes", "series") or problem == "mark":
        keys["length"] = 16
    if modality == "series":
        keys["stride"] = 8
    return TaskParams.model_validate(keys)


def test_all_that_there_are_are_meant() -> None:
    assert sorted(plugins.names("modalities")) == sorted(MODALITIES)
    assert sorted(plugins.names("problems")) == sorted(PROBLEMS)


@pytest.mark.parametrize("modality", MODALITIES)
def test_windows_show_all_of_a_sample_as_the_graph_takes_it(modality: str, tmp_path: Path) -> None:
    made = load_modality(
        _task(modality, "classification"), None, AugmentParams(views=2), write_tokenizer(tmp_path)
    )
    takes = made.signature
    for sample in SAMPLES[modality]:
        found = made.windows(sample)
        assert found
        for window in found:
            assert window.sample.dtype == takes.dtype
            wanted = [axis for axis in takes.axes[1:] if isinstance(axis, int)]
            assert [size for size in window.sample.shape if size in wanted][-len(wanted) :] == wanted
        if made.windowing is None:
            assert len(found) == 1
            assert found[0].sample is sample
            continue
        assert len(made.windows(made.augment(sample, 1, "a"))) == len(found)
        shown = np.zeros(len(sample), dtype=int)
        for window in found:
            start, stop = window.start[0], window.stop[0]
            assert 0 <= start < stop <= len(sample)
            np.testing.assert_array_equal(window.sample[: stop - start], sample[start:stop])
            shown[start:stop] += 1
        assert shown.min() == 1


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("modality", MODALITIES)
def test_what_windows_say_becomes_what_the_sample_is(modality: str, problem: str, tmp_path: Path) -> None:
    task, (description, label) = _task(modality, problem), DESCRIPTIONS[problem]
    made = load_modality(task, None, AugmentParams(views=1), write_tokenizer(tmp_path))
    decides, of, learns = decision(task, description), target(description), network(task, description)
    assembly = Assembly(made, decides)
    for sample in SAMPLES[modality]:
        windows = made.windows(sample)
        short = problem == "mark" and made.windowing is not None
        said = str([mark for mark in (0, 5, 15) if mark < len(sample)]) if short else label
        targets = of.targets([said])
        cut = of.of_windows(targets, windows)
        assert len(cut) == len(windows)
        assert of.known(cut).all()
        assert not of.known(of.of_windows(of.unknown(1), windows)).any()
        numbers = learns.collate(cut)
        assert numbers.dtype != object
        columns = learns.columns(cut)
        outputs = {"softmax": 20 * columns, "sigmoid": 40 * (columns - 0.5), "identity": columns}[learns.link]
        rows = decides.answers(outputs)
        assert rows.shape == (len(windows), len(decides.columns))
        answers = assembly.together([assembly.merged(rows, [window.place for window in windows])])
        single = assembly.merged(rows.astype(np.float32), windows)
        assert single.dtype == (np.float32 if made.windowing is None else np.float64)
        decided = decides(answers)
        assert decides.same(decided, decided).all()
        if not decides.ragged:
            assert decides.same(decided, decides(rows[:1])).all()
        if learns.link != "identity":
            assert judge(task, description).outcome(targets, answers, decided).correct.tolist() == [1.0]
        assert {len(values) for values in decides.written(answers).values()} == {1}
        blank = assembly.together([assembly.blank(), assembly.blank()])
        assert {len(values) for values in decides.written(blank).values()} == {2}
        row = np.zeros(len(decides.columns))
        assert np.shape(assembly.constant(row, sample.tobytes if made.windowing else bytes)) == np.shape(
            answers[0]
        )
