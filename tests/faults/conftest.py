from pathlib import Path

import pytest
from clones import Line, clone, copy


@pytest.fixture(scope="session")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Line:
    return clone(tmp_path_factory.mktemp("cloned") / "line")


@pytest.fixture(scope="session")
def begun(cloned: Line, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The same, when dataset/ and checkpoint/ are there."""
    line = copy(cloned, tmp_path_factory.mktemp("begun") / "line")
    done = line.run("dvc", "repro", "version_data", "fetch_checkpoint")
    assert done.returncode == 0, done.stderr
    return line


@pytest.fixture
def fresh(cloned: Line, tmp_path: Path) -> Line:
    """A copy of its own, in which only `refresh` ran."""
    return copy(cloned, tmp_path / "line")


@pytest.fixture
def line(begun: Line, tmp_path: Path) -> Line:
    """A copy of its own, with dataset/ and checkpoint/."""
    return copy(begun, tmp_path / "line")
