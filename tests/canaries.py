"""Secrets that are planted in a line's environment, and a search for them in everything that it left."""

import gzip
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

MARK = "canary" + "7f3a9"  # in two pieces: the clone under test holds this file
NAMES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GRAFTLINE_LEDGER_DATABASE",
    "GRAFTLINE_WEBHOOK",
    "HF_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "PGPASSWORD",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_SERVER_API_AUTH_STRING",
)
FORMS = {
    "GRAFTLINE_LEDGER_DATABASE": "postgresql://u:{}@db/mlflow",
    "GRAFTLINE_WEBHOOK": "https://h.example/{}",
}


def planted(key: Path) -> Mapping[str, str]:
    """An environment full of secrets, each its own; the ledger's key will lie at `key`."""
    secrets = {name: FORMS.get(name, "{}").format(f"{MARK}-{name.lower()}") for name in NAMES}
    secrets["PREFECT_SERVER_API_AUTH_STRING"] = secrets["PREFECT_API_AUTH_STRING"]  # or they would not talk
    return {**secrets, "MLFLOW_TRACKING_USERNAME": "ada", "GRAFTLINE_LEDGER_KEY": str(key)}


def found(folder: Path, key: Path | None = None, also: Sequence[str] = ()) -> list[str]:
    """Files below `folder` that hold a planted secret, one of `also` or the private key, as it is, packed, or in
    base64."""
    wanted = [word for text in (MARK, *also) for word in (text.encode(), *_encoded(text))]
    if key is not None and key.exists():
        wanted.append(key.read_bytes().splitlines()[1])
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(
        str(path.relative_to(folder))
        for path in files
        if path != key and any(word in data for data in _contents(path) for word in wanted)
    )


def _encoded(text: str) -> Iterator[bytes]:
    """The middle of `text` in base64, at each of the three places where it may begin."""
    for before in range(3):
        yield b64encode(b"x" * before + text.encode()).rstrip(b"=")[4:-2]


def _contents(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    if data[:4] == b"PAR1":
        for column in pq.read_table(path).itercolumns():
            yield str(column.to_pylist()).encode()
        yield str(pq.read_metadata(path).metadata).encode()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                yield packed.read(name)
