import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace after a run; see workspace.py."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import workspace as helper

    yield helper.make(tmp_path)
    sys.modules.pop("workspace", None)
