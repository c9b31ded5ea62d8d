"""packages.csv: path (the package), source, text, works_with.

From Debian's package index: a package's name and synopsis (the first line of its description), and which of ten
`works-with::` tags its debtags hold. Packages without any such tag are left out: nobody may have asked. `source` is
what packages are built from; those of one source resemble each other.

An index changes with each point release. So the table is known by its SHA-256, and kept in `.graftline/downloads`.
"""

import gzip
import lzma
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.errors import DigestMismatch, SourceError
from components.storage.publish import sha256_bytes, sha256_file, write_bytes
from examples import apt, archives
from examples.tables import as_csv

CODENAME, RELEASE = "bookworm", "Debian 12.15"
SHA256 = "7ba5a8c21d4f43f80e0235c75e98a1c094fba98ab1349b41d9f5ac3ee7d90f15"  # of the table
COLUMNS = ("path", "source", "text", "works_with")
FACET = "works-with::"
LABELS = (
    "archive",
    "audio",
    "db",
    "file",
    "image",
    "mail",
    "software:package",
    "software:source",
    "text",
    "video",
)
GIVEN = "DEBTAGS_PACKAGES"  # of the environment: a file `Packages` in the place of apt's
NAME_ONE = f"Name a `Packages` file (or .gz, .xz) of {RELEASE}, component main, amd64: {GIVEN}=FILE."


def fetch(folder: Path, cache: Path) -> None:
    """Write `folder`/packages.csv, unless it is there."""
    target = folder / "packages.csv"
    if target.exists() and sha256_file(target) == SHA256:
        return
    kept = archives.fetch(f"the package index of {RELEASE}", SHA256, cache, _pull)
    write_bytes(target, kept.read_bytes())


def _pull(folder: Path) -> Path:
    """The table with that digest. DigestMismatch where there are only others, SourceError where there is none."""
    seen: dict[str, int] = {}
    for index in _indices():
        rows = list(packages(index.decode()))
        table = as_csv(COLUMNS, rows)
        if (digest := sha256_bytes(table)) == SHA256:
            (folder / "packages.csv").write_bytes(table)
            return folder / "packages.csv"
        seen[digest] = len(rows)
    if not seen:
        raise SourceError(f"This machine's apt has no index of {CODENAME}.", NAME_ONE)
    found = " and ".join(f"one of {count} packages with SHA-256 {digest}" for digest, count in seen.items())
    raise DigestMismatch(
        f"The example's table is of {RELEASE} and has SHA-256 {SHA256}; the index here gives {found}.",
        f"{NAME_ONE} Or take what is here: write its digest into SHA256 of examples/debtags/fetch.py; the "
        "figures in examples/README.md do not hold for it.",
    )


def _indices() -> Iterator[bytes]:
    given = os.environ.get(GIVEN)
    if not given:
        try:
            yield from apt.indices(CODENAME)
        except SourceError as error:
            raise SourceError(error.message, f"{error.remedy} {NAME_ONE}".lstrip()) from None
        return
    unpacked = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(Path(given).suffix, bytes)
    try:
        yield unpacked(Path(given).read_bytes())
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise SourceError(f"{GIVEN} is {given!r}, which cannot be read: {error}.") from None


def packages(index: str) -> Iterator[Sequence[str]]:
    """Rows, by name: a paragraph of the index is a package (deb-control(5))."""
    found = {}
    for paragraph in index.split("\n\n"):
        if f" {FACET}" not in paragraph:
            continue
        fields = _fields(paragraph)
        tags = {tag.strip() for tag in fields["Tag"].split(",")}
        if not any(tag.startswith(FACET) for tag in tags):
            continue
        name = fields["Package"]
        source = fields.get("Source", name).partition(" ")[0]
        held = "|".join(label for label in LABELS if FACET + label in tags)
        found[name] = (name, source, f"{name}: {fields['Description']}", held)
    return iter(sorted(found.values()))


def _fields(paragraph: str) -> dict[str, str]:
    """Key → value, its lines as one."""
    fields: dict[str, str] = {}
    key = ""
    for line in paragraph.splitlines():
        if line[:1].isspace():
            fields[key] += f" {line.strip()}"
        else:
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    return fields
