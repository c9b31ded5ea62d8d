"""What a run says at its end, from the artefacts that lie in the workspace."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from components.errors import GraftlineError, redact
from components.params import plugins
from components.registry.store import locate
from components.registry.verdicts import outcome
from components.reporting.embedded import rule_picture
from components.reporting.notation import figure
from components.reporting.scatter import shown
from components.reporting.sweep import counted, gained, is_kept
from components.reporting.trials import Sweep, Trial
from components.storage.publish import read_json
from flows.engine import Execution
from flows.markdown import row
from flows.standing import ruling_lines

HEADLINE = 2  # metrics of a model that are shown
BEST = 5  # trials of a sweep that are listed
PICTURES = "| rule | bar: interval; line: bound |\n|---|---|\n"
MARKS = {"pass": "pass", "fail": "FAIL", "inconclusive": "?"}


def summary(line: Execution) -> None:
    """Write the summary to standard output; a part whose artefact is missing is left out."""
    sys.stdout.write("\n".join(["", *lines(line), ""]) + "\n")
    sys.stdout.flush()


def lines(line: Execution) -> Iterator[str]:
    verdict = _read(line, "verdict.json")
    yield f"Verdict: {str(verdict.get('verdict', 'none')).upper()}"
    for rule in _rules(verdict):
        yield f"  {MARKS.get(outcome(rule), '?'):<5} {rule_text(rule)}"
    yield from _operational(line)
    metrics = _read(line, "evaluation/metrics.json")
    known = list(plugins.fact("problems", line.params.task.problem, "METRICS"))
    for title in ("variants", "controls"):
        yield from _models(title, metrics.get(title), known)
    yield "Steps (seconds)"
    for step in line.steps:
        yield f"  {step.name:<18} {step.seconds:8.1f}  {step.how}"
    yield f"Registered: {line.registered or 'nothing'}"
    if line.promotion:
        yield from ruling_lines(line.promotion)
    if line.page.exists():
        yield f"Report:     {line.page}"
    if line.card.exists():
        yield f"Model card: {line.card}"
    yield f"MLflow:     {_browsed(line) or 'make mlflow'}"


def _operational(line: Execution) -> Iterator[str]:
    """Latency and throughput here; the report measured them already."""
    from components.stages.operational import operational

    try:
        found = operational(line.root / "release", line.params, line.state)
    except GraftlineError:
        return  # whoever needs it says why
    yield f"On this machine: {str(found['verdict']).upper()}"
    for rule in _rules(found):
        yield f"  {MARKS.get(outcome(rule), '?'):<5} {rule_text(rule)}"


def sweep_lines(sweep: Sweep, folder: Path) -> Iterator[str]:
    """The best trials of a sweep, and where to go on from there."""
    yield f"Sweep {sweep.name}: {counted(sweep)}"
    yield f"{sweep.metric}, mean of {sweep.folds} folds of {sweep.scored}"
    yield f"  {'trial':<12} {sweep.metric:>17} {'±':>7} {'seconds':>8}  values"
    for trial in sweep.ranked[:BEST]:
        values = ", ".join(f"{key} {shown(value)}" for key, value in trial.values.items())
        yield f"  {trial.number!s:<12}{_figures(sweep, trial)}  {values}{'  (params.yaml)' if trial.current else ''}"
    if sweep.reference:
        yield f"  {'head alone':<12}{_figures(sweep, Trial(-1, {}, 'complete', {'head': sweep.reference}))}"
    if sweep.ranked:
        yield f"Best:    {gained(sweep)}"
    if sweep.ranked and not is_kept(sweep):
        yield f"         Take it over: cp {folder / 'params.yaml'} params.yaml"
    yield f"Picture: {folder / 'report.html'}"
    yield "MLflow:  make mlflow"


def _figures(sweep: Sweep, trial: Trial) -> str:
    return f" {sweep.score(trial):17.4f} {sweep.spread(trial):7.4f} {sweep.seconds(trial):8.1f}"


def markdown(verdict: Mapping[str, object]) -> str:
    """The verdict as a table for Prefect's artifacts, and one of pictures."""
    rules = _rules(verdict)
    said = "".join(row(outcome(rule), rule.get("rule"), rule.get("evidence", "")) for rule in rules)
    drawn = [(rule.get("rule"), rule_picture(rule)) for rule in rules]
    seen = "".join(row(name, f"![interval and bound]({bar})") for name, bar in drawn if bar)
    table = f"# {verdict.get('verdict')}\n\n| outcome | rule | evidence |\n|---|---|---|\n{said}"
    return f"{table}\n{PICTURES}{seen}" if seen else table


def places(line: Execution) -> str:
    """Where to look on, for Prefect's artifacts: the page, and the model at a registry that browsers reach."""
    page = f"Report: `{line.page}`\n" if line.page.exists() else ""
    model = _browsed(line)
    return f"{page}\nIn MLflow: [{line.params.tracking.model}]({model})\n" if model else page


def _browsed(line: Execution) -> str:
    """The model's page at a registry that browsers reach; empty for an embedded one."""
    tracking = line.params.tracking
    uri = locate(line.root, tracking).uri
    return f"{redact(uri).rstrip('/')}/#/models/{tracking.model}" if uri.startswith("http") else ""


def rule_text(rule: Mapping[str, object]) -> str:
    """A rule with its evidence on one line."""
    return f"{rule.get('rule')!s:<44} {rule.get('evidence', '')}".rstrip()


def _models(title: str, models: object, names: Sequence[str]) -> Iterator[str]:
    """The first metrics of each model, in the order in which the problem names them."""
    if not isinstance(models, Mapping) or not models:
        return
    yield title.capitalize()
    for name, values in models.items():
        found = values if isinstance(values, Mapping) else {}
        shown = [
            f"{key} {figure(found[key])}" for key in [name for name in names if name in found][:HEADLINE]
        ]
        yield f"  {name:<18} {'   '.join(shown)}"


def _rules(verdict: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    rules = verdict.get("rules")
    return [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []


def _read(line: Execution, name: str) -> Mapping[str, object]:
    path = line.root / name
    return read_json(path) if path.exists() else {}
