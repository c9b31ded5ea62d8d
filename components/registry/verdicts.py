"""What keeps a release out of the registry: verdicts that are not `pass`, why, and what helps."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from components.errors import GateRefused, GraftlineError
from components.storage.home import reports
from components.storage.publish import read_json, sha256_tree


def refused_here(root: Path) -> tuple[str, str]:
    """Why the release in the workspace `root` is in no registry, and where to read on.

    Both are empty where verdict.json passes, judges another release, or is not there.
    """
    if not ((root / "release").is_dir() and (root / "verdict.json").is_file()):
        return "", ""
    try:
        verdict = read_json(root / "verdict.json")
        judged = verdict.get("release_sha256") == sha256_tree(root / "release")
    except GraftlineError:
        return "", ""
    if not judged or _passes(verdict):
        return "", ""
    said = verdict.get("verdict") or "missing"
    if said == "pass":
        said += ", but its rules do not pass"
    return (
        f"the gate's verdict on the release of this workspace is {said}",
        f"See {reports(root) / 'report.html'}.",
    )


def refuse_unless_pass(
    verdict: Mapping[str, object], operational: Mapping[str, object] | None = None
) -> None:
    """Raises GateRefused with every rule that did not pass, and what helps: a release needs both verdicts.

    The word `pass` alone is not believed: it follows from the rules, of which there must be one at least.

    Args:
        operational: None where it is not measured yet.
    """
    wrong = []
    both = {"verdict.json": verdict, "operational verdict": operational}
    for name, judged in both.items():
        if judged is None or _passes(judged):
            continue
        said = judged.get("verdict") or "nothing"
        contradicts = ", but its rules do not" if said == "pass" else ""
        wrong.append(f"{name} says {said}{contradicts}:")
        wrong += [
            f"  - {line}" for line in failed_rules(judged) or (["it holds no rule"] if contradicts else [])
        ]
    if wrong:
        lines = "\n".join([*wrong, *remedies([*_rules(verdict), *_rules(operational or {})])])
        raise GateRefused(f"The release is not registered.\n{lines}")


def _passes(judged: Mapping[str, object]) -> bool:
    return judged.get("verdict") == "pass" and bool(_rules(judged)) and not failed_rules(judged)


def remedies(rules: Sequence[object]) -> list[str]:
    """A line for each way of not passing: an interval across its bound asks for samples, a busy machine for time."""
    failed = [rule for rule in rules if not isinstance(rule, Mapping) or outcome(rule) != "pass"]
    timed = [rule for rule in failed if isinstance(rule, Mapping) and rule.get("kind") == "operational"]
    wrong = [rule for rule in failed if rule not in timed]
    across = [
        rule
        for rule in wrong
        if isinstance(rule, Mapping) and outcome(rule) == "inconclusive" and _wants_samples(rule)
    ]
    said = []
    if len(across) < len(wrong) or not failed:
        said.append("Correct the data or the training, and run again; docs/operate.md, A failed gate.")
    if across:
        judged = any(rule.get("kind") == "metric" for rule in across)
        looser = (
            "; where your promise allows it, a lower bound (of at_most: a higher one) or `by: estimate` "
            "(docs/params.md, gate.rules)"
        )
        said.append(
            f"Inconclusive: too few test samples to tell. More test samples help{looser if judged else ''}."
        )
    return said + _too_slow({outcome(rule) for rule in timed})


def _too_slow(outcomes: Set[str]) -> list[str]:
    """What helps against latency and throughput that were not shown to be good enough."""
    said = []
    if "inconclusive" in outcomes:
        said.append(
            "Inconclusive: the machine was busy while the release was timed. On a quiet machine run "
            "`python -m components register` again: it measures again, and nothing else."
        )
    if outcomes - {"inconclusive"}:
        said.append(
            "Too slow on this machine: take the int8 variant (export.release), a smaller backbone, more "
            "runtime.threads, or another bound (docs/params.md, gate.operational)."
        )
    return said


def _wants_samples(rule: Mapping[str, object]) -> bool:
    return rule.get("low") is not None or "wants at least" in str(rule.get("evidence"))


def failed_rules(judged: Mapping[str, object]) -> list[str]:
    """A line for each rule that is not plainly `pass`."""
    lines = []
    for rule in _rules(judged):
        if not isinstance(rule, Mapping):
            lines.append(str(rule))
        elif outcome(rule) != "pass":
            lines.append(f"{rule.get('rule')}: {outcome(rule)} {rule.get('evidence', '')}".rstrip())
    return lines


def _rules(judged: Mapping[str, object]) -> list[object]:
    rules = judged.get("rules")
    return rules if isinstance(rules, list) else []


def outcome(rule: Mapping[str, object]) -> str:
    return str(rule.get("outcome", "missing"))
