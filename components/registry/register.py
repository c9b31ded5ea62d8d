"""One version for one release, however often and however concurrently it is asked for.

The version is found by the tag that holds the release's digest. The tag is set when the version is made, so
there is no instant at which a version exists and cannot be found; whoever dies before that leaves an orphaned
upload and no version. A version counts once its files were downloaded again and found equal.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import RegistryError, StorageError, redact
from components.params.operation import TrackingParams
from components.progress import log
from components.registry.delivery import deliver_now, safe_key, store_run
from components.registry.full_disk import discarded_where_full
from components.registry.model import BUNDLE, Card, description, folder_digest, write_model
from components.registry.runs import RunHandle
from components.registry.store import Connection, connect, patiently, transient
from components.registry.verdicts import refuse_unless_pass
from components.storage.home import home
from components.storage.publish import kernel_lock, sha256_bytes, sha256_file, sha256_tree

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

DIGEST_TAG = "graftline.release_sha256"
VERIFIED_TAG = "graftline.verified"
SAMPLES, SAMPLES_TAG = "samples.json", "graftline.samples_sha256"
FOLDER_TAG = "graftline.folder_sha256"  # of all that was uploaded: `registry.model.folder_digest`
CONTRACT_TAG = "graftline.contract_sha256"
WHOLE = ""  # the folder of a version
LOCK = "dvc.lock"  # by it `dvc` finds everything that the version was made from


@dataclass(frozen=True)
class Candidate:
    """A release and everything that is said about it.

    Attributes:
        verdict: verdict.json; operational: the same shape, judged on this machine.
        lineage: tags from `registry.lineage`.
        metrics: name → estimate on the test side.
        providers: execution providers for MLflow's own description.
        samples: the list of the samples that the release was made from; empty where nobody knows them.
        lock: dvc.lock, as the release was made.
        contract: digest of what the release promises its callers.
        card: the model card, where it was written.
    """

    release: Path
    verdict: Mapping[str, object]
    operational: Mapping[str, object]
    lineage: Mapping[str, str]
    metrics: Mapping[str, float]
    providers: Sequence[str]
    report: Path | None = None
    samples: bytes = b""
    lock: bytes = b""
    contract: str = ""
    card: Card | None = None


@dataclass(frozen=True)
class Registered:
    name: str
    version: str
    digest: str
    created: bool

    def __str__(self) -> str:
        return f"{self.name} version {self.version} ({'new' if self.created else 'was there already'})"


def registered(root: Path, tracking: TrackingParams, digest: str, run: RunHandle) -> Registered | None:
    """The version of the release with that digest; None where there is none, or its files were not verified yet.

    Raises RegistryError when the registry stays away for 90 s.
    """
    connection = patiently(lambda: connect(root, tracking))
    found = connection.ask(lambda: find(connection, tracking.model, digest))
    if found is None or found.tags.get(VERIFIED_TAG) != "true":
        return None
    return _told(root, connection, Registered(tracking.model, str(found.version), digest, False), run)


def register(root: Path, tracking: TrackingParams, candidate: Candidate, run: RunHandle) -> Registered:
    """The version of `candidate`, made where there is none yet.

    Raises GateRefused, or RegistryError when the registry stays away for 90 s or gives other bytes back.
    """
    refuse_unless_pass(candidate.verdict, candidate.operational)
    digest = sha256_tree(candidate.release)
    connection = patiently(lambda: connect(root, tracking))
    with kernel_lock(home(root) / "locks" / "register", wait_seconds=600):
        found = connection.ask(lambda: find(connection, tracking.model, digest))
        created = found is None
        if found is None:
            found = _create(connection, tracking.model, candidate, digest, run)
        if found.tags.get(VERIFIED_TAG) != "true":
            _verify(connection, found, digest)
    return _told(root, connection, Registered(tracking.model, str(found.version), digest, created), run)


def _told(root: Path, connection: Connection, done: Registered, run: RunHandle) -> Registered:
    """`done`, of which the run and the store now know."""
    run.say("tags", {"graftline.registered": f"{done.name}/{done.version}", DIGEST_TAG: done.digest})
    try:
        connection.ask(lambda: deliver_now(root, connection), seconds=20)
    except (
        RegistryError,
        StorageError,
    ) as error:  # the version is there; what runs say is kept and delivered later
        log(f"Registered, but not all that runs said is delivered: {error.message}")
    return done


def find(connection: Connection, name: str, digest: str) -> "ModelVersion | None":
    """The lowest version of model `name` with that release digest."""
    found = connection.client.search_model_versions(f"name = '{name}' and tag.`{DIGEST_TAG}` = '{digest}'")
    return min(found, key=lambda version: int(version.version)) if found else None


def _create(
    connection: Connection, name: str, candidate: Candidate, digest: str, run: RunHandle
) -> "ModelVersion":
    client = connection.client
    run_id = connection.ask(lambda: store_run(run.folder, run.id, connection))
    logged, folder = connection.ask(lambda: _upload(connection, name, candidate, run_id))
    known = {DIGEST_TAG: digest, FOLDER_TAG: folder, VERIFIED_TAG: "false", "graftline.run": run.id}
    tags = {**candidate.lineage, **known}
    if candidate.contract:
        tags[CONTRACT_TAG] = candidate.contract
    if candidate.samples:
        tags[SAMPLES_TAG] = sha256_bytes(candidate.samples)
    card = candidate.card
    if card is not None:
        tags = {**card.tags, **tags}
    text = description(digest, candidate.verdict, candidate.lineage, candidate.metrics, card)

    def create() -> "ModelVersion":
        # A request that timed out may have been served: look before asking again.
        return find(connection, name, digest) or client.create_model_version(
            # Not `models:/…`: the SQL store would look that up in MLflow's global store instead of ours.
            name,
            logged.artifact_location,
            run_id,
            tags=tags,
            description=text,
            model_id=logged.model_id,
        )

    with discarded_where_full(connection, logged):
        connection.ask(lambda: _ensure_model(connection, name))
        made = connection.ask(create)
    first = connection.ask(lambda: find(connection, name, digest)) or made
    if first.version != made.version:  # another machine on the same registry was faster
        connection.ask(lambda: client.delete_model_version(name, made.version))
    if first.source != logged.artifact_location:
        connection.ask(lambda: client.delete_logged_model(logged.model_id))
    return first


def _upload(
    connection: Connection, name: str, candidate: Candidate, run_id: str
) -> "tuple[LoggedModel, str]":
    """Upload model, bundle, report, card, list of samples and dvc.lock; the digest of all of it."""
    client = connection.client
    logged = client.create_logged_model(
        connection.experiment,
        name=name,
        source_run_id=run_id,
        tags=dict(candidate.lineage),
        model_type="onnx",
    )
    with discarded_where_full(connection, logged):
        return logged, _send(connection, candidate, logged, run_id)


def _send(connection: Connection, candidate: Candidate, logged: "LoggedModel", run_id: str) -> str:
    """The files and figures of a logged model; the digest of its folder."""
    from mlflow.entities import LoggedModelOutput, Metric
    from mlflow.models import Model

    client = connection.client
    described = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        target = Path(folder) / "model"
        write_model(target, candidate.release, candidate.providers, described, candidate.report)
        if candidate.samples:
            (target / SAMPLES).write_bytes(candidate.samples)
        if candidate.lock:
            (target / LOCK).write_bytes(candidate.lock)
        if candidate.card:
            candidate.card.write(target)
        digest = folder_digest(target)
        client.log_model_artifacts(logged.model_id, str(target))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    now = int(logged.creation_timestamp)
    rows = [
        Metric(safe_key(key), value, now, 0, model_id=logged.model_id)
        for key, value in candidate.metrics.items()
    ]
    client.log_batch(run_id, metrics=rows)
    return digest


def _ensure_model(connection: Connection, name: str) -> None:
    try:
        connection.client.create_registered_model(name)
    except Exception as error:
        if transient(error) or getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
            raise


def _verify(connection: Connection, version: "ModelVersion", digest: str) -> None:
    """Download what was uploaded and compare; only then does the version count."""

    def tag(value: str) -> None:
        connection.client.set_model_version_tag(version.name, version.version, VERIFIED_TAG, value)

    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        got = connection.ask(lambda: download(connection, version.name, str(version.version), folder, WHOLE))
        listed, whole = version.tags.get(SAMPLES_TAG), version.tags.get(FOLDER_TAG)
        same = (got / BUNDLE).is_dir() and sha256_tree(got / BUNDLE) == digest
        if same and listed:
            same = (got / SAMPLES).is_file() and sha256_file(got / SAMPLES) == listed
        if not same or (whole and folder_digest(got) != whole):
            connection.ask(lambda: tag("failed"))
            raise RegistryError(
                f"{version.name} version {version.version} came back from {redact(str(connection.place))} "
                "with other bytes than were sent.",
                "Delete that version in MLflow, check its artefact store, and run the same command.",
            )
    connection.ask(lambda: tag("true"))


def download(connection: Connection, name: str, number: str, folder: str, what: str = BUNDLE) -> Path:
    """The bundle's files, another part, or `WHOLE`, as the registry has them. Files only: MLflow loads nothing."""
    from mlflow.artifacts import download_artifacts

    source = connection.client.get_model_version_download_uri(name, number)
    got = download_artifacts(
        artifact_uri=f"{source.rstrip('/')}/{what}".rstrip("/"),
        dst_path=folder,
        tracking_uri=connection.place.uri,
    )
    return Path(got)
