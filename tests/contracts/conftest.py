from collections.abc import Iterator

import pytest
from plugged import plugged


@pytest.fixture(scope="module")
def every_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The problems and modalities of tests/plugins that tests/task_examples.py names, beside ours."""
    folder = tmp_path_factory.mktemp("installed")
    with plugged(folder / "counts", "counts"), plugged(folder / "marks", "marks"):
        yield
