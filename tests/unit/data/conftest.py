"""A dataset from files on a real disk."""

from pathlib import Path

import pytest
from pictures import Build, data_params, lock_of

from components.data.build import Built, Samples, build_dataset
from components.modalities import load_modality
from components.params.task import TaskParams


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build(root, out, threads=2, **data params) → Built."""

    def made(
        root: Path,
        out: Path,
        threads: int = 2,
        modality: str = "image",
        positive: str | None = None,
        bits: int | None = None,
        problem: str | None = None,
        **values: object,
    ) -> Built:
        params = data_params(root, **values)
        lock, source = lock_of(params, tmp_path / "cache")
        said = {"modality": modality, "problem": problem, "positive": positive, "bits": bits}
        task = TaskParams.model_validate({k: v for k, v in said.items() if v is not None})
        opened = load_modality(task)
        samples = Samples(task, lambda payload: opened.inspect(payload, params.limits))
        return build_dataset(lock, source, samples, params, out, threads)

    return made
