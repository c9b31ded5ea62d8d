"""The model card of what lies in the workspace: no stage writes it, and nothing that is locked depends on it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from components.errors import GateRefused, GraftlineError, short_digests
from components.params import Params
from components.progress import log
from components.registry.lineage import git_state
from components.registry.model import CARD, Card
from components.reporting.card import facts
from components.reporting.card_page import figures, readme, summary, tags
from components.reporting.material import gather
from components.stages.artefacts import check_artefacts
from components.storage.home import home, reports
from components.storage.publish import read_json, sha256_tree


def card(root: Path, params: Params, digest: str) -> Card:
    """The model card of the workspace `root`; `digest` is its release's.

    The same workspace at the same commit, with changes or without, gives the same bytes, in the registry and beside
    the report.
    """
    state = git_state(root)
    dirty = state["graftline.git_dirty"] == "true" if state else None
    commit = state.get("graftline.git_commit", "")
    said = facts(gather(root, home(root), params.task), params, digest, commit, dirty)
    text = json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return Card(readme(said).encode(), f"{text}\n".encode(), summary(said), tags(said), figures(said))


def write_card(root: Path, params: Params) -> Path:
    """Write README.md and card.json beside the report, whatever the verdict is; the path of README.md.

    Raises StorageError without a release, DigestMismatch where an artefact is not what its stage wrote, and GateRefused
    where verdict.json judges another release.
    """
    digests = check_artefacts(root)
    digest = digests.get("release") or sha256_tree(root / "release")
    if (root / "verdict.json").exists():
        check_verdict_is_about(read_json(root / "verdict.json"), digest)
    folder = reports(root)
    card(root, params, digest).write(folder)
    return folder / CARD[0]


def refresh_card(root: Path, params: Params) -> None:
    """Write the card beside a report that was just written; where there can be none, delete an old one."""
    try:
        write_card(root, params)
    except GraftlineError as error:
        for name in CARD:
            with suppress(FileNotFoundError):
                (reports(root) / name).unlink()
        log(f"There is no model card beside the report: {error}")


def check_verdict_is_about(verdict: Mapping[str, object], there: str) -> None:
    """The verdict names the release that it judged, and it is the one that is `there`, by its digest."""
    named = str(verdict.get("release_sha256") or "")
    if named != there:
        ours, judged = short_digests(there, named)
        raise GateRefused(
            f"verdict.json judges another release ({judged}) than release/ ({ours}).", "Run: dvc repro"
        )
