"""A sample that is several rows: every modality's windows and every problem's merging fit together."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from task_examples import MODALITIES, PROBLEMS, task
from texts import write_tokenizer

from components.inference.assembly import Assembly
from components.modalities import load_modality
from components.modalities.base import Modality, Sample
from components.params.task import AugmentParams, TaskParams
from components.problems import decision, judge, network, target

pytestmark = pytest.mark.usefixtures("every_plugin")


def _asked(modality: str, problem: str = "classification") -> TaskParams:
    return TaskParams.model_validate({**task(modality, problem), "input_size": 16})


def _opened(modality: str, folder: Path, views: int = 1) -> tuple[Modality, list[Sample]]:
    made = load_modality(_asked(modality), None, AugmentParams(views=views), write_tokenizer(folder))
    return made, [made.decode(payload) for payload in MODALITIES[modality].payloads]


@pytest.mark.parametrize("modality", MODALITIES)
def test_windows_show_all_of_a_sample_as_the_graph_takes_it(modality: str, tmp_path: Path) -> None:
    made, samples = _opened(modality, tmp_path, views=2)
    takes = made.signature
    for sample in samples:
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
    given, description = _asked(modality, problem), PROBLEMS[problem].description
    made, samples = _opened(modality, tmp_path)
    decides, of, learns = decision(given, description), target(description), network(given, description)
    assembly = Assembly(made, decides)
    for payload, sample in zip(MODALITIES[modality].payloads, samples, strict=True):
        windows = made.windows(sample)
        # A list of positions is no longer than the sample, or than what a sample without windows shows of it.
        targets = PROBLEMS[problem].targets(2, rows=len(sample) if made.windowing else 16)[1:]
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
            assert judge(given, description).outcome(targets, answers, decided).correct.tolist() == [1.0]
        assert {len(values) for values in decides.written(answers).values()} == {1}
        blank = assembly.together([assembly.blank(), assembly.blank()])
        assert {len(values) for values in decides.written(blank).values()} == {2}
        row = np.zeros(len(decides.columns))
        constant = assembly.constant(row, partial(bytes, payload))
        assert np.shape(constant) == np.shape(answers[0])
