"""The command `promote`: the workspace's release against the champion, on the test side that lies in the workspace."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.data.dataset import Dataset
from components.errors import Busy, GateRefused
from components.evaluation import gates
from components.evaluation.judged import PASS
from components.evaluation.promotion import PROMOTE, REFUSED, Pair, Ruling, decide, first, gated, refused
from components.evaluation.spread import Plan
from components.inference.bundle import Bundle, open_bundle, verify
from components.params import Params
from components.problems import decision, judge
from components.problems.base import Decision
from components.progress import log, progress
from components.registry.contents import VersionFiles
from components.registry.desk import Desk, Listed, open_desk
from components.registry.history import State, rolled_back
from components.registry.ledger import Note, Version, whoami
from components.registry.verdicts import refused_here
from components.stages.artefacts import check_artefacts, require
from components.stages.domains import Chosen, judged
from components.stages.evaluate import groups_of, note, test_digest
from components.stages.register import samples
from components.storage.home import home
from components.storage.publish import read_json, sha256_bytes, sha256_tree

Seen = Mapping[str, Sequence[str]]  # side → ids
CHAMPION, WAITS = "champion", "waits"


@dataclass(frozen=True)
class Promotion:
    """How it ended.

    Attributes:
        outcome: promote (it is champion now), champion (it was already), waits (for approval), keep, inconclusive or
            refused.
        champion: number of the version that serves now.
    """

    outcome: str
    candidate: str
    champion: str | None
    ruling: Ruling


@dataclass(frozen=True)
class _Case:
    """What is to be ruled on; `entries` stand in the ledger when it is looked at."""

    desk: Desk
    dataset: Dataset
    chosen: Chosen
    found: Listed
    candidate: Version
    before: State
    proven: str


def promote(root: Path, params: Params, proven: str = "") -> Promotion:
    """Compare, write the ruling down, and move the alias where it says so.

    Args:
        proven: a commit whose clean tree the caller just brought every stage up to date with: the release is what
            that commit makes, even where it was first made, and is cached from, a tree with changes.

    Raises GateRefused (the release is not registered), RegistryError and DigestMismatch (a version's files cannot be
    read, or are others), Busy where another process moved the champion meanwhile.
    """
    require(root, ["release"], "promote", "make run")
    check_artefacts(root)
    desk = open_desk(root, params.tracking)
    digest = sha256_tree(root / "release")
    with desk.locked():
        before = desk.settle()
    found = desk.find(digest)
    if found is None:
        why, see = refused_here(root)
        raise GateRefused(
            f"The release of this workspace ({digest[:12]}…) is no version of {desk.name}{f': {why}' if why else ''}.",
            see or "Run: python -m components register",
        )
    number, champion = found.number, before.champion
    if champion and champion.digest == digest:
        return Promotion(CHAMPION, number, champion.number, Ruling(CHAMPION, ()))
    waiting = before.waiting.note if before.waiting else None
    if waiting and waiting.target and waiting.target.digest == digest and _asks(params):
        return Promotion(WAITS, number, champion.number if champion else None, _waits(waiting.reasons))
    require(root, ["dataset", "evaluation"], "promote")
    dataset = Dataset.open(root / "dataset")
    candidate = Version(number, digest, sha256_bytes(samples(dataset)), found.folder)
    case = _Case(desk, dataset, judged(dataset, params.domains), found, candidate, before, proven)
    return _carry_out(case, params, _ruling(root, params, case))


def _ruling(root: Path, params: Params, case: _Case) -> Ruling:
    if wrong := list(_refusals(root, params, case)):
        return refused(wrong)
    log(f"Promotion: fetching version {case.candidate.number}")
    with case.desk.fetched(case.candidate) as ours:
        if case.before.champion is None:
            return first()
        log(f"Promotion: fetching the champion, version {case.before.champion.number}")
        with case.desk.fetched(case.before.champion) as theirs:
            return _compared(root, params, case, ours, theirs)


def _refusals(root: Path, params: Params, case: _Case) -> Iterator[str]:
    """All that forbids the promotion whatever the models can do."""
    manifest, metrics = verify(root / "release"), read_json(root / "evaluation" / "metrics.json")
    lineage = manifest.get("lineage")
    if isinstance(lineage, Mapping) and lineage.get("dataset_sha256") != case.dataset.digest:
        yield "release/ was made from other data than dataset/ holds; run: dvc repro"
    if metrics.get("test_digest") != test_digest(case.chosen.ids):
        yield "evaluation/ is of another test side than dataset/ holds; run: dvc repro"
    if case.found.samples != case.candidate.samples:
        yield (
            "the registry has no list of the samples that it was made from; delete the version in MLflow, and run: "
            "python -m components register"
        )
    parity = read_json(root / "release" / "parity.json")
    release = gates.Release(params.export.release, case.candidate.digest, parity, manifest)
    verdict = gates.judge(params.gate, release, metrics)
    for rule in verdict.rules:
        if rule.outcome != PASS:
            yield f"the gate says {rule.outcome}: {rule.rule}: {rule.evidence}"
    yield from _traced(params, case)
    yield from _ranked(case)


def _traced(params: Params, case: _Case) -> Iterator[str]:
    if params.promotion.allow_dirty or case.proven:
        return
    if case.found.dirty != "false":
        what = "with changes that no commit holds" if case.found.dirty else "where no git commit was known"
        remedy = "commit, then `python -m flows.train --promote`; or set promotion.allow_dirty"
        yield f"it was trained or registered {what}; {remedy}"


def _ranked(case: _Case) -> Iterator[str]:
    """A promotion never goes back: that is a rollback, which is asked for by name."""
    number, champion = case.candidate.number, case.before.champion
    if champion and int(number) < int(champion.number):
        yield f"it is older than the champion: version {number} < {champion.number}"
    if number in rolled_back(case.desk.ledger.entries()):
        yield f"it was rolled back; to bring it back: python -m flows.promote rollback --to {number}"


def _compared(root: Path, params: Params, case: _Case, ours: VersionFiles, theirs: VersionFiles) -> Ruling:
    known, learned = _seen(theirs), _seen(ours)
    met = {i for side in known.values() for i in side}
    if leaked := met & set(case.chosen.ids):
        return refused(
            [
                f"the champion was made from {len(leaked)} of the {len(case.chosen)} test samples; keep "
                "data.split.salt and declared sides, or begin a new model (tracking.model)"
            ]
        )
    champion, candidate = open_bundle(theirs.release), open_bundle(ours.release)
    asked = decision(params.task, case.dataset.description)
    if wrong := list(_differences(champion.decision, candidate.decision, asked)):
        return refused(wrong)
    pair = Pair(
        _answers(candidate, case, params, "Test: candidate"),
        _answers(champion, case, params, "Test: champion"),
        {name: values[case.chosen.places] for name, values in case.dataset.slices("test").items()},
        judge(params.task, case.dataset.description),
    )
    note(home(root), {"test_digest": test_digest(case.chosen.ids), "release_sha256": case.candidate.digest})
    plan = Plan(params.evaluate.confidence, groups_of(case.dataset, case.chosen.ids))
    newer = len(set(learned.get("train", ())) - met)
    return decide(pair, plan, gated(params.gate.rules), params.promotion, newer)


def _differences(champion: Decision, candidate: Decision, asked: Decision) -> Iterator[str]:
    """Why decisions about the one are none about the other, whatever their order is."""
    sides = {"champion": champion, "candidate": candidate, "test side": asked}
    if any(set(side.names) != set(asked.names) for side in sides.values()):
        said = [
            f"the {who} {'decides ' * (side is champion)}between {_list(side.names)}"
            for who, side in sides.items()
        ]
        yield f"{', '.join(said)}; begin a new model (tracking.model)"
        return
    for word in sorted({word for side in sides.values() for word in side.meaning}):
        values = {who: side.meaning.get(word) for who, side in sides.items()}
        if any(value != asked.meaning.get(word) for value in values.values()):
            said = [f"{who} {'none' if value is None else repr(value)}" for who, value in values.items()]
            yield (
                f"targets mean something else, {word}: {', '.join(said)}; declare what the champion was made with, "
                "or begin a new model (tracking.model)"
            )


def _answers(bundle: Bundle, case: _Case, params: Params, shown: str) -> Any:
    """From raw samples to an outcome: the bundle decides on its own answers, then both are in the dataset's order."""
    decides, description = bundle.decision, case.dataset.description
    runner = bundle.runner(params.runtime.providers, params.runtime.cores)
    raw = (case.dataset.read(i) for i in case.chosen.ids)
    assembly = bundle.assembly
    rows = progress(runner.rows(raw, assembly.windows), shown, "samples", total=len(case.chosen))
    found = (assembly.merged(part.astype(np.float64), windows) for part, windows in rows)
    names = decision(params.task, description).names
    return assembly.judged(
        found,
        case.chosen.targets,
        judge(params.task, description),
        lambda answers: decides.reordered(answers, decides(answers), names),
    )


def _carry_out(case: _Case, params: Params, ruling: Ruling) -> Promotion:
    """Write it down and move, unless another process moved the champion while we compared."""
    desk, champion = case.desk, case.before.champion
    facts = _facts(case, ruling)
    written = Note(ruling.outcome, whoami(), champion, case.candidate, ruling.reasons, facts)
    with desk.locked():
        now = desk.settle()
        if now.fence != case.before.fence:
            serves = now.champion.number if now.champion else "none"
            raise Busy(
                f"While version {case.candidate.number} was compared, version {serves} became champion.",
                "The same command compares with that one.",
            )
        outcome = ruling.outcome
        if outcome != PROMOTE:
            desk.note_once(written)
        elif _asks(params):
            desk.challenge(written)
            outcome, ruling = WAITS, Ruling(WAITS, ruling.reasons, ruling.rules)
        else:
            desk.move(written)
            champion = case.candidate
    return Promotion(outcome, case.candidate.number, champion.number if champion else None, ruling)


def _facts(case: _Case, ruling: Ruling) -> dict[str, object]:
    facts: dict[str, object] = {
        "test_digest": test_digest(case.chosen.ids),
        "test_samples": len(case.chosen),
        "dataset_sha256": case.dataset.digest,
        "git_commit": case.proven or case.found.tags.get("graftline.git_commit", ""),
        "git_dirty": "false" if case.proven else case.found.dirty,
    }
    if ruling.outcome != REFUSED:
        facts["rules"] = [[rule.rule, rule.outcome, rule.evidence] for rule in ruling.rules]
    return facts


def _asks(params: Params) -> bool:
    return params.promotion.approval == "required"


def _waits(reasons: Sequence[str]) -> Ruling:
    return Ruling(WAITS, tuple(reasons))


def _seen(fetched: VersionFiles) -> Seen:
    found: Seen = json.loads(fetched.samples.read_bytes())
    return found


def _list(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
