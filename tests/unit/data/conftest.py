"""A dataset from files on a real disk."""

from pathlib import Path

import pytest
from pictures import Build, data_params, lock_of

from components.data.build import Built, build_dataset
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
        **values: object,
    ) -> Built:
        params = data_params(root, **values)
        lock, source = lock_of(params, tmp_path / "cache")
        task = load_task(TaskParams(name=task_name))
        return build_dataset(
            lock, source, lambda payload: task.inspect(payload, params.limits), params, out, threads, positive
        )

    return made
