"""What lies between stages, against what is known of it: a stage reads the bytes that its producer wrote.

DVC takes a file for the one that it hashed while size, time and inode are equal; a flipped bit keeps all three. So the
runner writes down the SHA-256 of each file that a stage publishes, outside every locked output, and the reader of the
artefact hashes it again (within a flow, only what was written to meanwhile: `stages.digests`). Where the record is
another run's, as after `pull` or `dvc checkout`, dvc.lock decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from components.errors import DigestMismatch, GateRefused, StorageError
from components.stages.digests import sha256_files
from components.stages.dvc_repo import settings
from components.stages.table import STAGES
from components.storage.home import home, stage_lock
from components.storage.listing import SUFFIX, list_folder, object_name, parse_listing
from components.storage.publish import read_json, sha256_bytes, write_json

SOURCE_LOCK = "data/source.lock"  # no stage makes it: `refresh` does, and git has it
Digests = Mapping[str, str]  # path below the artefact (empty: the artefact is a file) → SHA-256


def check_artefacts(root: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """The digests of `names` (None: of all outputs that are there), as `sha256_tree` gives them.

    What nobody knows, as in a workspace that was put together by hand, is taken as it is. Raises DigestMismatch where
    an artefact is not what its stage wrote.
    """
    makers = {out: row.name for row in STAGES for out in row.outputs}
    chosen = [name for name in makers if (root / name).exists()] if names is None else names
    return {name: _checked(root, name, makers.get(name, "its stage")) for name in chosen}


def require(root: Path, names: Iterable[str], reader: str, run: str = "") -> None:
    """Raises StorageError for an artefact that `reader` reads and that is not there.

    Args:
        run: the command that makes it; empty: that of its stage.
    """
    makers = {out: f"dvc repro {row.name}" for row in STAGES for out in row.outputs}
    makers[SOURCE_LOCK] = "python -m components refresh"
    for name in names:
        if (root / name).exists():
            continue
        first = (
            f"{makers[SOURCE_LOCK]}; " if not (root / SOURCE_LOCK).exists() and name != SOURCE_LOCK else ""
        )
        remedy = f"Run: {run}" if run else f"Run: {first}{makers.get(name, 'dvc repro')}"
        if name in locked_outputs(root):
            remedy += f". Where another run made it, this brings it: python -m components pull {name}"
        raise StorageError(f"{name}, which {reader} reads, does not exist.", remedy)


def check_locked(root: Path, artefacts: Sequence[str]) -> None:
    """`artefacts` are what the stages made last: dvc.lock names these very bytes.

    Raises GateRefused for one that was changed afterwards, or that no stage made.
    """
    named = locked_outputs(root)
    for artefact in artefacts:
        if not (root / artefact).exists() or named.get(artefact) != object_name(root / artefact):
            why = "is not what dvc.lock names" if artefact in named else "is not named in dvc.lock"
            raise GateRefused(
                f"{artefact} {why}: no stage made it as it is.", "Run: dvc repro, which makes it again."
            )


def note_artefact(root: Path, name: str) -> str:
    """Write down what lies at `name` now; returns the digest that `sha256_tree` gives."""
    found = file_digests(root / name)
    write_json(_record(root, name), dict(found))
    return tree_digest(found)


def file_digests(path: Path) -> dict[str, str]:
    if path.is_file():
        return {"": sha256_files([path])[0]}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    digests = sha256_files(files)
    return {file.relative_to(path).as_posix(): digest for file, digest in zip(files, digests, strict=True)}


def tree_digest(found: Digests) -> str:
    """As `sha256_tree`."""
    if "" in found:
        return found[""]
    ordered = sorted(found.items(), key=lambda item: Path(item[0]))
    return sha256_bytes("".join(f"{path}\0{digest}\n" for path, digest in ordered).encode())


def locked_outputs(root: Path) -> dict[str, str]:
    """Output → its object's name, as DVC wrote it when the stage had run; nothing where there is no dvc.lock."""
    path = root / "dvc.lock"
    if not path.exists():
        return {}
    try:
        stages = yaml.load(path.read_bytes(), yaml.CSafeLoader)["stages"]
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise StorageError(f"{path} is damaged.", "Run: git checkout dvc.lock") from None


def _checked(root: Path, name: str, maker: str) -> str:
    record, found = _record(root, name), file_digests(root / name)
    known = read_json(record) if record.exists() else None
    if known != found:
        locked = locked_outputs(root).get(name)
        if locked == object_name(root / name):
            write_json(record, dict(found))
        elif locked is not None or known is not None:
            differing = _fewest(
                _differing(known or {}, found), _differing_from_list(root, name, locked or "")
            )
            raise _changed(f"{name}/{differing[0]}".rstrip("/") if differing else name, name, maker)
    return tree_digest(found)


def _changed(file: str, name: str, maker: str) -> DigestMismatch:
    return DigestMismatch(
        f"{file} is not what {maker} wrote: its bytes have changed since.",
        f"Run: python -m components pull --force {name} (where that has none: rm -r {name}; dvc repro {maker})",
    )


def _differing(known: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    return (
        sorted(path for path in known.keys() | found.keys() if known.get(path) != found.get(path))
        if known
        else []
    )


def _differing_from_list(root: Path, name: str, locked: str) -> list[str]:
    """By the list that DVC's cache has of the folder, if it has it."""
    if not locked.endswith(SUFFIX):
        return []
    with suppress(OSError, StorageError):
        cache = Path(settings(root)["cache"].get("dir") or root / ".dvc" / "cache")
        data = (cache / "files" / "md5" / locked[:2] / locked[2:]).read_bytes()
        known = {entry.path: entry.md5 for entry in parse_listing(data, locked, name)}
        return _differing(known, {entry.path: entry.md5 for entry in list_folder(root / name)})
    return []


def _fewest(*lists: list[str]) -> list[str]:
    """Record and dvc.lock may be of two runs: the one that is nearer is of what lies there."""
    return min((found for found in lists if found), key=len, default=[])


def _record(root: Path, name: str) -> Path:
    """One for each workspace: several may share a home."""
    return home(root) / "runs" / "artefacts" / f"{stage_lock(root, name).name}.json"
