"""A dataset from files on a real disk."""

from pathlib import Path

import pytest
from pictures import Build, data_params, lock_of

from components.data.build import Built, Samples, build_dataset
from components.params.names import SHOWS
from components.params.task import TaskParams
from components.tasks import load_task


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build(root, out, threads=2, **data params) → Built."""

    def made(
        root: Path,
        out: Path,
        threads: int = 2,
        task_name: str = "image_classification",
        positive: str | None = None,
        bits: int | None = None,
        **values: object,
    ) -> Built:
        params = data_params(root, **values)
        lock, source = lock_of(params, tmp_path / "cache")
        task = load_task(TaskParams(name=task_name, bits=bits))
        samples = Samples(
            SHOWS[task_name], lambda payload: task.inspect(payload, params.limits), positive, bits
        )
        return build_dataset(lock, source, samples, params, out, threads)

    return made
