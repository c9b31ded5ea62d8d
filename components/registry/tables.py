"""The tables of an embedded store: made whole, or not at all.

MLflow makes those of its first version and runs some fifty migrations, for two seconds and more. They are not one
transaction: killed within them, MLflow refuses the file for ever ("table _alembic_tmp_tags already exists").
"""

from pathlib import Path

from components.storage.publish import sync_folder
from components.storage.sqlite import address

# SQLite's words, which MLflow repeats.
HALF_MADE = ("already exists", "duplicate column name")


def half_made(error: BaseException) -> bool:
    """Whether MLflow says so of a store in which a migration was killed."""
    said = str(error)
    return "sqlite3.OperationalError" in said and any(words in said for words in HALF_MADE)


def make_tables(file: Path) -> None:
    """Make the SQLite file of a store where there is none: beside it, then renamed. The caller holds a lock."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    for rest in file.parent.glob(f"{partial.name}*"):  # its journal, too
        rest.unlink()
    # MLflow offers no other way that closes the file again: its client keeps connections.
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    engine = create_sqlalchemy_engine(address(partial))
    try:
        _initialize_tables(engine)
    finally:
        engine.dispose()
    partial.rename(file)
    sync_folder(file.parent)
