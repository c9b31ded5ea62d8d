"""Whatever can be chosen works for every task, or is refused by `python -m components check` with its key and a reason.

Six tasks, all heads, methods, objectives, weightings and pre-trainings, and what operates a version. Of what `check`
accepts, every head is fitted, and every loss of an objective is defined.
"""

import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
import yaml
from task_examples import MODALITIES, PROBLEMS, asked, task
from tiny import SAMPLES, SHOWN, WIDTH, Shown, make_backbone, make_samples

from components.errors import ParamsError
from components.heads import NAMES as HEADS
from components.heads import load_head, mlp, restore
from components.heads.base import Samples
from components.methods import ROLES, load_objectives
from components.methods.objective import Shape, Start, Step, Unlabelled
from components.modalities import NAMES as OUR_MODALITIES
from components.params import Params, names, plugins
from components.params.data import DataParams
from components.params.learning import HeadParams
from components.params.load import check
from components.problems import NAMES as OUR_PROBLEMS
from components.problems import decision, judge, network
from components.problems.base import Network as Problem
from components.problems.operation import explore, watch
from components.stages.table import STAGES
from components.stages.uncalibrated import Uncalibrated
from components.training.network import Network, fresh_head
from components.training.plan import MeanLoss

FILE = Path(__file__).parents[2] / "params.yaml"
# Heads and methods are tried on our own problems; monitoring, `advise` and the rest on every one.
OURS = [name for name in PROBLEMS if name in OUR_PROBLEMS]
TASKS = [(modality, problem) for modality in MODALITIES if modality in OUR_MODALITIES for problem in OURS]
TABLES = {plugin.key: plugin.table or plugin.room for row in STAGES for plugin in row.plugins}
CHOICES = {key: plugins.names(table) for key, table in TABLES.items() if table in plugins.TABLES}
CHOICES["domains.criterion"] = get_args(names.Criterion)
FEATURES = 12
pytestmark = pytest.mark.usefixtures("every_plugin")


@pytest.mark.parametrize(("room", "examples"), [("problems", PROBLEMS), ("modalities", MODALITIES)])
def test_each_has_an_example(room: str, examples: Mapping[str, object]) -> None:
    """Those of tests/plugins, too."""
    assert sorted({*plugins.names(room)} ^ {*examples}) == [], "entries of tests/task_examples.py"


def params(modality: str, problem: str) -> dict[str, Any]:
    """The repository's own, with domains, two views, and nothing that one problem alone has."""
    made = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    made["data"] = {
        "source": "file:../data",
        "licence": "none",
        "layout": "labels",
        "labels": {"file": "labels.csv", "domain": "where", "slices": ["camera"]},
    }
    made["task"] = task(modality, problem)
    made["backbone"] = dict(MODALITIES[modality].backbone)
    made["augment"] = {"views": 2}
    made["domains"] = {"source": ["here"], "target": ["there"], "target_labels": "hidden"}
    made["head"], made["select"], made["promotion"] = {"method": "linear"}, {}, {}
    best = plugins.best(problem)
    bound = "at_least" if plugins.fact("problems", problem, "METRICS")[best] == "higher" else "at_most"
    rule = {"metric": best, bound: 0.5}
    made["gate"] = {"rules": [rule], "better_than_controls": {"metric": "auto"}}
    made["tune"], made["pretrain"] = {"blocks": 1, "epochs": 2}, {"blocks": 1}
    return made  # type: ignore[no-any-return]


def chosen(key: str, name: str, modality: str, problem: str) -> dict[str, Any]:
    """With everything that the name may need, but for what its task has or has not."""
    made = params(modality, problem)
    section, *path = key.split(".")
    place = made.setdefault(section, {})
    for part in path[:-1]:
        place = place.setdefault(part, {})
    place[path[-1]] = name
    needs = plugins.needs(TABLES[key], name) if key in TABLES else ()
    if "source_start" in needs:
        made["tune"]["start"] = "source"
    if "target_labels" in needs:
        made["domains"]["target_labels"] = "used"
    if key == "objectives.tasks.balance":
        place["columns"] = ["camera"]
    if key == "pretrain.method" and name in ("reptile", "prototypical"):
        made["pretrain"]["tasks"] = "domain"
    return made


ALL = [(key, name, *which) for key, found in CHOICES.items() for name in found for which in TASKS]


@pytest.mark.parametrize(("key", "name", "modality", "problem"), ALL)
def test_it_is_accepted_or_refused_by_its_key_with_the_reason(
    key: str, name: str, modality: str, problem: str
) -> None:
    values = chosen(key, name, modality, problem)
    refused = name in PROBLEMS[problem].refuses | MODALITIES[modality].refuses and not (
        key == "domains.criterion" and problem == "classification"
    )
    if not refused:
        assert isinstance(check(values), Params)
    else:
        with pytest.raises(ParamsError) as said:
            check(values)
        assert f"{key} {name!r} needs" in str(said.value)
        assert ":" in str(said.value).split(f"{key} {name!r} needs", 1)[1] or "," in str(said.value)


COMMAND = """
import sys, time
from components.__main__ import main
code = main(["check"])
slow = {"torch", "numpy", "sklearn", "onnxruntime", "mlflow", "prefect"} & set(sys.modules)
print(code, time.process_time(), *sorted(slow))
"""


@pytest.mark.parametrize(("modality", "problem"), TASKS)
def test_the_command_refuses_an_impossible_combination_within_a_second_and_imports_nothing_slow(
    modality: str, problem: str, tmp_path: Path
) -> None:
    """Seconds of the processor, because others may have the machine; of two tries, because the first one compiles."""
    values = chosen("tune.then", "adabn", modality, problem)
    values["data"]["source"] = "https://example.org/data.zip"
    values["backbone"] = {"name": "minilm_l6"}  # without batch norms, and of texts alone
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    environment, taken = {**os.environ, "PYTHONPATH": str(FILE.parent)}, []
    for _ in range(2):
        words = [sys.executable, "-c", COMMAND]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert "tune.then 'adabn' needs batch norms" in done.stderr
        assert ("takes texts" in done.stderr) == (modality == "image")
        code, seconds, *slow = done.stdout.split()
        assert (code, slow) == ("2", [])
        taken.append(float(seconds))
    assert min(taken) < 1


def samples(problem: str, seed: int = 0) -> Samples:
    """Features from which targets can be read."""
    given = PROBLEMS[problem].targets(60, seed)
    learned = network(asked(problem), PROBLEMS[problem].description)
    columns = learned.columns(given)
    plain = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    draw = np.random.default_rng(seed)
    features = np.concatenate([3 * plain, draw.normal(size=(60, FEATURES - plain.shape[1]))], axis=1)
    return Samples(features.astype(np.float32), given, learned)


def _uncalibrated(problem: str) -> Uncalibrated:
    task, description = _params(problem).task, PROBLEMS[problem].description
    return Uncalibrated(decision(task, description), judge(task, description))


@pytest.mark.parametrize("problem", OURS)
@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_accepted_learns(name: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in PROBLEMS[problem].refuses:
        return
    monkeypatch.setattr(mlp, "ROUNDS", 8)
    given = HeadParams.model_validate(
        {"method": name, "l2": [1e-3], "neighbours": [3], "hidden": 16, "components": 64}
    )
    training, unseen = samples(problem), samples(problem, seed=1)
    judged = _uncalibrated(problem)
    metric = plugins.best(problem)
    found = []
    for _, state in load_head(given, seed=3).fits(training, unseen):
        with torch.inference_mode():
            module = restore(name, {k: t.float() if t.is_floating_point() else t for k, t in state.items()})
            outputs = module(torch.from_numpy(unseen.features)).numpy().astype(np.float64)
        found.append(judged.value(metric, outputs, unseen.targets))
    constant = np.tile(training.columns.mean(axis=0), (len(unseen.targets), 1))
    nothing = judged.value(metric, constant, unseen.targets)
    better = judged.metric(metric).signed
    assert max(map(better, found)) > better(nothing if np.isfinite(nothing) else 0.5)


def _params(problem: str) -> Params:
    return check(params("image", problem))


ADDED = [
    (role, name, shown, problem)
    for role in ROLES
    for name in CHOICES[f"objectives.{role}"]
    for shown in SHOWN
    for problem in OURS
    if name not in PROBLEMS[problem].refuses
]


@pytest.mark.parametrize(("role", "name", "shown", "problem"), ADDED)
def test_the_loss_of_an_objective_that_is_accepted_is_finite_and_has_a_gradient(
    role: str, name: str, shown: Shown, problem: str
) -> None:
    """Beside the problem's own loss, on tiny pictures and by a tiny BERT, away from where training starts."""
    given = check(chosen(f"objectives.{role}", name, {"picture": "image", "text": "text"}[shown], problem))
    learned = network(given.task, PROBLEMS[problem].description)
    (objective,) = load_objectives(given.objectives, Shape(WIDTH, learned.outputs, given.seed))
    trained = _network(shown, learned, [objective])
    labels = torch.from_numpy(PROBLEMS[problem].targets(SAMPLES))
    inputs = _inputs(1, shown)
    objective.begin(Start(trained.eval(), lambda: zip(inputs.split(8), labels.split(8), strict=True)))
    _move(trained)

    step = _step(trained.train(), shown, labels)
    added, main = objective(step), MeanLoss(learned)(step.logits, step.targets)
    for value in (added, main):
        assert value.shape == ()
        assert torch.isfinite(value)
    assert added != 0
    parameters = list(trained.trainable().values())
    added.backward(retain_graph=True)
    alone = [parameter.grad for parameter in parameters if parameter.grad is not None]
    assert sum(gradient.abs().sum().item() for gradient in alone) > 0, "the network learns nothing of it"
    main.backward()
    assert all(torch.isfinite(gradient).all() for gradient in alone)
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in trained.head.parameters())


def _network(shown: Shown, learned: Problem, objectives: list[torch.nn.Module]) -> Network:
    """With a head of the problem, whose answers are sure enough to be believed (`pseudo_labels`)."""
    backbone = make_backbone(shown=shown)
    head = fresh_head(learned, backbone.width, seed=3)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter *= 20
    return Network(backbone, head, 1 if shown == "picture" else 0, objectives)


def _inputs(seed: int, shown: Shown, shift: float = 0.0) -> torch.Tensor:
    rows = make_samples(seed, shift=shift, shown=shown).take(np.arange(SAMPLES), 0)
    return rows.float() if rows.is_floating_point() else rows


def _move(trained: Network) -> None:
    """Away from the start, where all that is kept is at its best."""
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in trained.trainable().values():
            parameter += 0.1 * torch.randn(parameter.shape, generator=draw)


def _step(trained: Network, shown: Shown, labels: torch.Tensor) -> Step:
    """Labelled samples and those of another domain, on their way through."""
    labelled, beside = _inputs(1, shown), _inputs(4, shown, 1.5)
    named = trained.named(torch.cat([labelled, beside]))
    features, outputs = named["pooled"], trained.answer(named)
    rest = Unlabelled(beside, features[SAMPLES:], outputs[SAMPLES:])
    parts = (labelled, features[:SAMPLES], labels, outputs[:SAMPLES])
    return Step(trained, torch.arange(SAMPLES), *parts, epoch=0, progress=0.5, unlabelled=rest)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_version_of_it_can_be_monitored_or_the_reason_is_told(problem: str) -> None:
    """Statistics of decisions, and accuracy without labels."""
    given, example = asked(problem), PROBLEMS[problem]
    decides = decision(given, example.description)
    if "watch" in example.without:
        with pytest.raises(ParamsError, match=rf"Monitoring is not defined for task\.problem '{problem}'"):
            watch(given, example.description, decides)
        return
    aimed, outputs = example.targets(60), network(given, example.description).outputs
    answers = decides.answers(np.random.default_rng(2).normal(size=(60, outputs))).astype(np.float32)
    watching = watch(given, example.description, decides)
    for statistic in watching.statistics(answers).values():
        names = () if statistic.kind == "numbers" else (len(statistic.names),)
        assert statistic.values.shape == (60, *names)
    names = list(example.description.get("numbers", ["label"]))
    labels = {"label": [f"column {number}" for number in range(len(names))]}
    data = DataParams.model_validate(
        {"source": "file:.", "licence": "CC0", "layout": "manifest", "labels": labels}
    )
    assert plugins.about("problems", problem).watched(given, data) == len(watching.statistics(answers))
    confident, right = watching.confidences(answers), watching.right(aimed, answers)
    assert set(confident) == set(right)
    assert bool(confident) != bool(watching.undefined), "one or the other"
    assert all(values.shape == (60,) for values in (*confident.values(), *right.values()))
    assert len(watching.words(answers)) == 60
    sure = watching.certainty(answers)
    assert sure is None or {values.shape for values in (sure.order, *sure.columns.values())} == {(60,)}
    assert watching.label(["?"] * len(watching.fields)) is None


@pytest.mark.parametrize("problem", PROBLEMS)
def test_its_features_and_labels_can_be_looked_at_or_the_reason_is_told(problem: str) -> None:
    """`advise`, and the report on labels."""
    given, example = asked(problem), PROBLEMS[problem]
    assert judge(given, example.description).headline
    if "explore" in example.without:
        with pytest.raises(ParamsError, match=rf"advise is not defined for task\.problem '{problem}'"):
            explore(given, example.description, "advise")
        return
    asks, aimed = explore(given, example.description, "advise"), example.targets(60)
    assert bool(asks.questions(aimed)) != bool(asks.undefined), "one or the other"
    assert len(asks.aims(aimed)) == 60
    said = asks.predict(samples(problem).features.astype(np.float64), aimed, np.zeros((4, FEATURES)))
    assert len(said) == 4
    for doubt in asks.doubts(asks.predict(_features(), aimed, _features()), aimed):
        assert len(doubt.cells) == len(asks.columns)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_check_knows_of_every_metric_what_its_judge_knows(problem: str) -> None:
    """Which way is better, and the range: `check` reads them where nothing slow is imported."""
    stated, parts = (plugins.fact("problems", problem, key) for key in ("METRICS", "PARTS"))
    ranges = plugins.fact("problems", problem, "RANGES", None)
    judged = judge(asked(problem), PROBLEMS[problem].description).metrics
    known = {name.partition(" of ")[0]: metric for name, metric in judged.items()}
    assert {
        name: metric.better for name, metric in known.items() if name in stated or name not in parts
    } == stated
    assert ranges is None or {name: metric.range for name, metric in known.items()} == ranges


@pytest.mark.parametrize("problem", PROBLEMS)
def test_overfitting_is_judged_by_a_metric_that_training_keeps(problem: str) -> None:
    example, score = PROBLEMS[problem], plugins.fact("problems", problem, "OVERFITTING", None)
    if score is None:
        return
    made = network(asked(problem), example.description)
    wanted = torch.from_numpy(made.collate(example.targets(4)))
    assert score in made.scores(torch.zeros(4, made.outputs), wanted)
    assert score in plugins.fact("problems", problem, "METRICS")


@pytest.mark.parametrize("problem", OURS)
def test_check_knows_which_metrics_need_calibration(problem: str) -> None:
    """They are undefined before it, and nothing that is chosen by default is one of them."""
    example = PROBLEMS[problem]
    params, aimed = _params(problem), example.targets(60)
    found = _uncalibrated(problem)
    outputs = np.random.default_rng(2).normal(size=(60, network(params.task, example.description).outputs))
    metrics, allowed = (plugins.fact("problems", problem, key) for key in ("METRICS", "BEST_BY"))
    stated = set(plugins.fact("problems", problem, "FITTED", ()))
    undefined = {m for m in metrics if np.isnan(found.value(m, outputs, aimed))}
    assert undefined == stated
    usual = (plugins.fact("problems", problem, key) for key in ("KEPT", "OVERFITTING"))
    assert not stated & {plugins.best(problem), *usual, *allowed}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_whose_rules_name_a_part_tells_which_there_are(problem: str) -> None:
    if plugins.fact("problems", problem, "PARTS"):
        assert callable(plugins.fact("problems", problem, "declared"))


def _features() -> np.ndarray[Any, Any]:
    return np.random.default_rng(4).normal(size=(60, FEATURES))
