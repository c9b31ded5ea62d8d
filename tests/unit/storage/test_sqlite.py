"""Whatever a workspace's path is called, its databases lie in it."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from components.storage.sqlite import address, path_in

NAMES = ("plain", "with space", "a#b", "a%41", "a?x", "a?y=1&z", "ü+&=:@;")


@pytest.mark.parametrize("name", NAMES)
def test_the_file_lies_where_its_address_says(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    path = tmp_path / name / "store.db"
    engine = create_engine(address(path))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE made (x)"))
    engine.dispose()
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]
    assert path_in(address(path)) == path


def test_prefects_driver_reads_it_too(tmp_path: Path) -> None:
    path = tmp_path / "a?x" / "prefect.db"
    path.parent.mkdir()

    async def make() -> None:
        engine = create_async_engine(address(path, "sqlite+aiosqlite"))
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE made (x)"))
        await engine.dispose()

    asyncio.run(make())
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


def test_other_paths_keep_the_address_they_had() -> None:
    """Runs that were delivered are known by it."""
    assert address(Path("/a b/mlflow.db")) == "sqlite:////a b/mlflow.db"
    assert path_in("postgresql://host/db") is None
    assert path_in("http://host") is None
