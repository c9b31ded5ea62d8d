"""fetch_checkpoint: the pretrained weights, fetched, checked and converted once."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from components.backbones import library
from components.backbones.base import Asset
from components.backbones.catalogue import entry, family
from components.backbones.checkpoint import CONVERTER, Provenance, check_finite, convert, save
from components.errors import CheckpointError, DigestMismatch
from components.params import Params
from components.params.backbone import BackboneParams
from components.params.names import FAMILIES
from components.sources import Entry, Source, open_source
from components.sources.base import public
from components.stages.table import Context
from components.storage.publish import sha256_bytes, write_bytes


@dataclass(frozen=True)
class Origin:
    """What to fetch; `file_sha256` is None where the source's digest already says everything."""

    uri: str
    sha256: str
    file_sha256: str | None
    licence: str


@dataclass(frozen=True)
class Published:
    """A checkpoint as its source has it, for a while on disk at `path`; `file` is its name there."""

    path: Path
    file: str
    revision: str
    sha256: str


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write checkpoint/weights.safetensors, provenance.json, and the files that belong to the weights."""
    done = fetch(params.backbone, outputs["checkpoint"], context.cache)
    context.tracker.tags({"checkpoint.sha256": done.sha256, "checkpoint.licence": done.licence})
    context.tracker.params({"backbone.name": done.name, "backbone.parameters": done.parameters})


def fetch(chosen: BackboneParams, folder: Path, cache: Path) -> Provenance:
    """Write the chosen backbone's checkpoint into `folder`; `cache` keeps what was downloaded."""
    if chosen.name in FAMILIES:
        return _from_library(chosen, folder, cache)
    row, origin = entry(chosen.name), origin_of(chosen)
    with published(origin, cache) as raw:
        state = convert(raw.path, row, raw.sha256)
    done = save(folder, state, _provenance(chosen.name, origin, raw))
    for asset in row.assets:
        write_bytes(folder / asset.name, _fetched(asset, cache))
    return done


def _from_library(chosen: BackboneParams, folder: Path, cache: Path) -> Provenance:
    """As `fetch`: the library reads the files of its own format, and those that describe the network are kept."""
    rows, origin = family(chosen.name), origin_of(chosen)
    with _unpacked(origin, (library.WEIGHTS, *rows.files), cache) as raw:
        state = rows.pretrained(raw.path.parent).state_dict()
        check_finite(state, chosen.name)
        for name in rows.files:
            write_bytes(folder / name, (raw.path.parent / name).read_bytes())
    made = _provenance(chosen.name, origin, raw)
    return save(folder, state, replace(made, converter=f"{CONVERTER} {rows.version}".strip()))


def _provenance(name: str, origin: Origin, raw: Published) -> Provenance:
    """`save` fills in what the weights say themselves."""
    return Provenance(
        name=name,
        uri=public(origin.uri),
        revision=raw.revision,
        file=raw.file,
        sha256=raw.sha256,
        licence=origin.licence,
        converter=CONVERTER,
        parameters=0,
        weights_sha256="",
    )


@contextmanager
def _unpacked(origin: Origin, names: Sequence[str], cache: Path) -> Iterator[Published]:
    """The named files of the origin in a folder, verified by the digest of the whole; the first is the checkpoint."""
    source = open_source(origin.uri, origin.sha256, cache, names)
    listed = {item.path: item for item in source.list()}
    if missing := [name for name in names if name not in listed]:
        raise CheckpointError(
            f"{public(origin.uri)} holds no {' and no '.join(missing)}.",
            f"Let backbone.uri name a folder, a repository or an archive with {', '.join(names)}.",
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".checkpoint-") as place:
        for name in names:
            (Path(place) / name).write_bytes(source.read(name))
        first = listed[names[0]]
        yield Published(Path(place) / first.path, first.path, source.revision, first.sha256)


@contextmanager
def published(origin: Origin, cache: Path) -> Iterator[Published]:
    """The one file of the origin, not yet checked: `convert` compares its digest before it reads it."""
    source = open_source(origin.uri, origin.sha256, cache)
    listed, data = _only(source)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".checkpoint-") as name:
        path = Path(name) / "raw"
        path.write_bytes(data)
        yield Published(path, listed.path, source.revision, origin.file_sha256 or listed.sha256)


def _fetched(asset: Asset, cache: Path) -> bytes:
    """The asset's bytes. Raises DigestMismatch where they are not those that the catalogue names."""
    _, data = _only(open_source(asset.uri, asset.sha256, cache))
    if (found := sha256_bytes(data)) != asset.file_sha256:
        raise DigestMismatch(
            f"{asset.name} at {public(asset.uri)} has SHA-256 {found}, expected {asset.file_sha256}.",
            "It is not what was named: check where it comes from before you change the digest.",
        )
    return data


def origin_of(chosen: BackboneParams) -> Origin:
    """The catalogue's source, or the user's own with its digest and licence."""
    if chosen.uri is None:
        row = entry(chosen.name)
        return Origin(row.uri, row.sha256, row.file_sha256, row.licence)
    assert chosen.sha256 is not None and chosen.licence is not None, "params ask for both"  # noqa: PT018
    return Origin(chosen.uri, chosen.sha256, None, chosen.licence)


def _only(source: Source) -> tuple[Entry, bytes]:
    """The one file of the source."""
    entries = source.list()
    if len(entries) != 1:
        shown = ", ".join(item.path for item in entries[:3])
        raise CheckpointError(
            f"{source.uri} holds {len(entries)} files ({shown} …); a checkpoint is one.",
            "Name the file itself in backbone.uri.",
        )
    return entries[0], source.read(entries[0].path)
