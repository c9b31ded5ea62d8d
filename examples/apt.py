"""Debian's package index, as apt on this machine has it or fetches it. Nothing is installed."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.errors import SourceError
from components.progress import log

HELPER = Path("/usr/lib/apt/apt-helper")  # reads an index however it is packed
ASKED = ("--format", "$(FILENAME)", "Created-By: Packages", "Component: main")


def indices(codename: str) -> Iterator[bytes]:
    """The main `Packages` index of Debian's release `codename`: as the last `apt-get update` of this machine left it,
    then as its mirrors have it now, in a folder that is removed again.

    Raises SourceError (no apt, no answer). None may come: this machine's sources may be of other releases.
    """
    apt = shutil.which("apt-get")
    if apt is None or not HELPER.exists():
        raise SourceError("Debian's package index is fetched by apt-get, which is not on this machine.")
    yield from _read(apt, (), codename)
    with tempfile.TemporaryDirectory(prefix="graftline-apt-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt fetches as a user of its own
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "cache").mkdir()
        apart = ("-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}")
        log("Fetching Debian's package index with apt-get …")
        _run([apt, *apart, "-o", "Acquire::Languages=none", "update", "-q"])
        yield from _read(apt, apart, codename)


def _read(apt: str, options: Sequence[str], codename: str) -> Iterator[bytes]:
    for name in _run([apt, *options, "indextargets", *ASKED, f"Codename: {codename}"]).decode().splitlines():
        if Path(name).exists():
            yield _run([str(HELPER), "cat-file", name])


def _run(words: Sequence[str]) -> bytes:
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise SourceError(f"{Path(words[0]).name} failed: {said}", "Try again later.")
    return done.stdout
