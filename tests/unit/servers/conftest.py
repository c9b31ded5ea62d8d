import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.servers import postgres
from infra.servers.layout import Layout, layout


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """Of a new workspace. pytest's own folders are closed to the user as whom root runs PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="graftline-"))
    folder.chmod(0o711)
    monkeypatch.setenv("GRAFTLINE_HOME", str(folder / "home"))
    yield layout(tmp_path)
    shutil.rmtree(folder)


@pytest.fixture
def programs() -> None:
    try:
        postgres.binary("postgres")
    except Exception as error:
        pytest.skip(str(error))
