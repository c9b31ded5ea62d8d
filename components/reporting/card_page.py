"""The model card as README.md: YAML front matter, and Markdown in which data are nothing but text."""

from collections.abc import Mapping, Sequence

import yaml

from components.reporting.card import UNSTATED, front_matter, titles_of
from components.reporting.groups import worst
from components.reporting.judgement import grid
from components.reporting.material import Object, mapping, sequence
from components.reporting.notation import explained, number, rule_words, title
from components.storage.markdown import code, plain, table, text

SUMMARY = 3000  # characters: MLflow's database holds 5,000 of a description
NOT_SAID = "Not stated (`card` in params.yaml)."


def readme(card: Mapping[str, object]) -> str:
    """The whole card."""
    head = yaml.safe_dump(_clean(front_matter(card)), sort_keys=False, allow_unicode=True, width=10_000)
    parts = [f"---\n{head}---", f"# {text(mapping(card.get('model')).get('name'))}", *_sections(card)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _clean(value: object) -> object:
    """Texts on one line: in the front matter, a line of three hyphens would be its end."""
    if isinstance(value, Mapping):
        return {plain(key): _clean(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(held) for held in value]
    return plain(value) if isinstance(value, str) else value


def summary(card: Mapping[str, object]) -> str:
    """What stands on the version's page in MLflow: use, groups, limits."""
    parts = [
        _section("Intended use", [text(card.get("intended_use")) or NOT_SAID]),
        _section("Out of scope", [text(card.get("out_of_scope")) or NOT_SAID]),
        _section(
            "Groups", _bullets([worst(mapping(c), titles_of(card)) for c in sequence(card.get("fairness"))])
        ),
        _section("Limits", _bullets(sequence(card.get("limits")))),
    ]
    whole = "\n\n".join(part.replace("## ", "### ", 1) for part in parts if part)
    if len(whole) <= SUMMARY:
        return whole
    return whole[: whole.rindex("\n", 0, SUMMARY)] + "\n\n… More in README.md."


def figures(card: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Metric → its name for people, and its estimate with the interval."""
    metrics, titles = mapping(card.get("metrics")), titles_of(card)
    return {name: (title(name, titles), _cells(mapping(held))[0]) for name, held in metrics.items()}


def tags(card: Mapping[str, object]) -> dict[str, str]:
    """Of the version, by which it is found."""
    model, data, checkpoint = (mapping(card.get(key)) for key in ("model", "data", "checkpoint"))
    groups = " ".join(worst(mapping(column), titles_of(card)) for column in sequence(card.get("fairness")))
    found = {
        "task": f"{model.get('modality')}_{model.get('problem')}",
        "licence": model.get("licence") or UNSTATED,
        "data_licence": data.get("licence"),
        "checkpoint_licence": checkpoint.get("licence"),
        "intended_use": card.get("intended_use"),
        "contact": card.get("contact"),
        "language": ", ".join(map(str, sequence(card.get("language")))),
        "tags": ", ".join(map(str, sequence(card.get("tags")))),
        "worst_groups": groups,
    }
    return {f"graftline.card.{key}": plain(value) for key, value in found.items() if value}


def _sections(card: Mapping[str, object]) -> list[str]:
    gate, titles = mapping(card.get("gate")), titles_of(card)
    problem = str(mapping(card.get("model")).get("problem"))
    rules = [mapping(rule) for rule in sequence(gate.get("rules"))]
    judged = [
        [rule_words(str(r.get("rule", "")), problem, titles), r.get("outcome", ""), r.get("evidence", "")]
        for r in rules
    ]
    confidence = number(card.get("confidence")) or 0.95
    return [
        _section("Model", _model(card)),
        _section("Intended use", [text(card.get("intended_use")) or NOT_SAID]),
        _section("Out of scope", [text(card.get("out_of_scope")) or NOT_SAID]),
        _section("Limits", _bullets(sequence(card.get("limits")))),
        _section("Data", _data(mapping(card.get("data")))),
        _section("Checkpoint", _named(mapping(card.get("checkpoint")), CHECKPOINT)),
        _section("Training", _training(mapping(card.get("training")), titles)),
        _section(
            f"Test metrics, with {confidence * 100:g} % intervals",
            _metrics(mapping(card.get("metrics")), titles),
        ),
        _section("By slice", _grid("Slice", card.get("slices"), titles)),
        _section("By group", _fairness(sequence(card.get("fairness")), titles)),
        _section("Controls", _grid("Control", card.get("controls"), titles)),
        _section(
            f"Gate: {text(gate.get('verdict') or 'no verdict')}",
            table(("Rule", "Outcome", "Evidence"), judged) or ["Nothing was judged."],
        ),
        _section("Contact", [text(card.get("contact")) or NOT_SAID]),
    ]


def _section(name: str, lines: Sequence[str]) -> str:
    return f"## {name}\n\n" + "\n".join(lines) if lines else ""


def _bullets(items: Sequence[object]) -> list[str]:
    return [f"- {text(item)}" for item in items]


CHECKPOINT = {
    "Name": "name",
    "Source": "source",
    "Revision": "revision",
    "SHA-256": "sha256",
    "Licence": "licence",
    "Adapted by": "adapted_by",
}
DATA = {
    "Source": "source",
    "Revision": "revision",
    "Digest": "digest",
    "Licence": "licence",
    "Test digest": "test_digest",
}
SPOKEN = ("Licence", "Name", "Adapted by")  # all others are addresses and digests


def _named(found: Object, names: Mapping[str, str]) -> list[str]:
    return [
        f"- {name}: {(text if name in SPOKEN else code)(found[key])}"
        for name, key in names.items()
        if found.get(key)
    ] + ([] if found.get("licence") else ["- Licence: not declared"])


def _model(card: Mapping[str, object]) -> list[str]:
    model = mapping(card.get("model"))
    about, told = mapping(model.get("input")), model.get("targets_in_words")
    lines = [
        f"- Task: {text(model.get('modality'))}, {text(model.get('problem'))}",
        f"- Targets: {text(told)}" if told else "",
        *(f"- {text(name)}: {text(said)}" for name, said in mapping(model.get("decision_in_words")).items()),
        f"- Input: {code(about.get('name'))} {code(about.get('type'))} {code(about.get('shape'))}"
        if about
        else "",
        f"- File: ONNX, {text(model.get('variant'))}, of release {code(model.get('release_sha256'))}",
        f"- Licence: {text(model.get('licence') or 'not stated')}",
        "- Use: check `release/manifest.json`, and open its ONNX file with onnxruntime.",
    ]
    return [line for line in lines if line]


def _data(data: Object) -> list[str]:
    sides = mapping(data.get("sides"))
    rows = [
        (side, mapping(held).get("samples", ""), _counts(mapping(mapping(held).get("targets_in_words"))))
        for side, held in sides.items()
    ]
    counted = table(("Split", "Samples", "Targets"), rows)
    return [*_named(data, DATA), *(["", *counted] if counted else [])]


def _counts(targets: Object) -> str:
    return ", ".join(f"{plain(name)} {plain(count)}" for name, count in targets.items())


def _training(training: Object, titles: Mapping[str, str]) -> list[str]:
    wanted = {
        "Selected": training.get("selected"),
        "Selected by": title(str(training.get("metric") or ""), titles),
        "Method": training.get("method"),
        "Head": training.get("head"),
        "Epochs": training.get("epochs"),
        "Seed": training.get("seed"),
        "Source domains": ", ".join(map(str, sequence(training.get("source_domains")))),
        "Target domains": ", ".join(map(str, sequence(training.get("target_domains")))),
        "Commit": _commit(training),
    }
    return [f"- {name}: {text(value)}" for name, value in wanted.items() if value not in (None, "")]


def _commit(training: Object) -> str:
    commit = str(training.get("git_commit") or "")
    return f"{commit}, with changes that no commit holds" if commit and training.get("git_dirty") else commit


def _metrics(metrics: Object, titles: Mapping[str, str]) -> list[str]:
    rows = [(title(str(name), titles), *_cells(mapping(held))) for name, held in metrics.items()]
    return table(("Metric", "Estimate (interval)", "Samples"), rows)


def _cells(held: Object) -> tuple[str, str]:
    n = number(held.get("n"))
    return explained(held) or "–", "–" if n is None else f"{n:.0f}"


def _grid(first: str, models: object, titles: Mapping[str, str]) -> list[str]:
    found = grid(models, titles)
    return table((first, *found.columns), [(row.name, *row.cells) for row in found.rows])


def _fairness(columns: Sequence[object], titles: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for column in map(mapping, columns):
        measured = tuple(str(name) for name in sequence(column.get("measured")))
        groups = {str(mapping(g).get("group")): mapping(g) for g in sequence(column.get("groups"))}
        found = grid(groups, titles, measured)
        rows = [(row.name, *row.cells) for row in found.rows]
        lines += ["", f"Groups of {text(column.get('column'))}: {text(worst(column, titles))}", ""]
        lines += table(("Group", *found.columns), rows)
    return lines[1:]
