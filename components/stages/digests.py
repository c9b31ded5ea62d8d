"""SHA-256 of files, each computed once in a flow: nine stages read the dataset, and each checks what it reads.

A flow names the file in which its stages remember digests, and removes it at its end: the next flow, and every stage of
`dvc repro`, computes them again. A file counts as the one that was hashed while device, inode, size and both times are
equal. A program can set back a file's mtime, but not its ctime.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from components.storage.publish import append_line, sha256_file

REMEMBERED = "GRAFTLINE_DIGESTS"  # the file, in the environment of a flow and its stages
# A file written twice within the clock's tick can keep its times; one this young is not remembered.
SETTLED_SECONDS = 2.0


def sha256_files(files: Sequence[Path]) -> list[str]:
    """The digest of each file. In a flow, one that was computed before, where the file has not changed since."""
    settled = time.time() - SETTLED_SECONDS
    states, known = [_state(file) for file in files], _known()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # hashing needs no interpreter
        digests = pool.map(lambda file, state: known.get(state.key) or sha256_file(file), files, states)
        found = list(digests)
    _remember(
        {
            state.key: digest
            for file, state, digest in zip(files, states, found, strict=True)
            if state.key not in known and state.changed < settled and _state(file) == state
        }
    )
    return found


@dataclass(frozen=True)
class _State:
    """Attributes:
    key: differs as soon as the file is written; changed: when it last was, seconds since 1970.
    """

    key: str
    changed: float


def _state(file: Path) -> _State:
    is_ = file.stat()
    facts = (is_.st_dev, is_.st_ino, is_.st_size, is_.st_mtime_ns, is_.st_ctime_ns, file.absolute())
    return _State(" ".join(map(str, facts)), max(is_.st_mtime, is_.st_ctime))


def _known() -> dict[str, str]:
    found: dict[str, str] = {}
    path = os.environ.get(REMEMBERED, "")
    if path and Path(path).exists():
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # a full disk cut it off
                found |= json.loads(line)
    return found


def _remember(digests: Mapping[str, str]) -> None:
    path = os.environ.get(REMEMBERED, "")
    if path and digests:
        with suppress(OSError):  # then it is computed again
            append_line(Path(path), dict(digests))
