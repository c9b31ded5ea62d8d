"""What a run has to say, first on disk and then in the store.

One line a record, appended with one write: a process that is killed loses nothing that it said. The position
up to which the store has it lies beside it; delivering a line twice does no harm, because MLflow keeps one of
two equal metrics, parameters and tags.
"""

import errno
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.storage.publish import write_bytes
from components.tracker import Value

CHUNK = 1 << 20


@dataclass(frozen=True)
class Record:
    """`kind` is metrics, params, tags, status (value `status`), links (stage → Graftline's run id) or parent
    (value `run`, Graftline's id of the run that this one belongs below)."""

    kind: str
    values: Mapping[str, Value]
    step: int
    at: int  # ms since 1970, UTC

    def line(self) -> bytes:
        fields = {"kind": self.kind, "values": dict(self.values), "step": self.step, "at": self.at}
        return json.dumps(fields).encode() + b"\n"


@dataclass(frozen=True)
class Journal:
    """The journal of run `run` in `folder`."""

    folder: Path
    run: str

    @property
    def path(self) -> Path:
        return self.folder / f"{self.run}.spool.jsonl"

    @property
    def _mark(self) -> Path:
        return self.folder / f"{self.run}.delivered"

    def append(self, kind: str, values: Mapping[str, Value], step: int | None = None) -> None:
        """Raises OSError, with the file's name, where the disk is full."""
        record = Record(kind, values, step or 0, time.time_ns() // 1_000_000)
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        line = _behind(handle) + record.line()
        try:
            if os.write(handle, line) < len(line):  # no error: what had room was written
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        finally:
            os.close(handle)

    @property
    def delivered(self) -> int:
        try:
            return int(self._mark.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def has_pending(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > self.delivered

    def pending(self) -> tuple[list[Record], int]:
        """Records that the store lacks (a megabyte at most), and the position behind them."""
        start = self.delivered
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(CHUNK)
        whole = data[: data.rfind(b"\n") + 1]
        return [record for line in whole.splitlines() if (record := _parse(line))], start + len(whole)

    def mark(self, position: int) -> None:
        """The store has everything before `position`."""
        write_bytes(self._mark, str(position).encode())

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)


def _behind(handle: int) -> bytes:
    """What ends a line that a full disk cut off, so that it costs only itself."""
    size = os.fstat(handle).st_size
    return b"\n" if size and os.pread(handle, 1, size - 1) != b"\n" else b""


def _parse(line: bytes) -> Record | None:
    """None for a line that a full disk cut off: the ones behind it still count."""
    try:
        fields = json.loads(line)
        return Record(fields["kind"], fields["values"], fields["step"], fields["at"])
    except (ValueError, KeyError, TypeError):
        return None
