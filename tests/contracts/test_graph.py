"""One table, two engines: dvc.yaml says what the table says, a stage depends on all that can change it."""

import ast
import json
import tomllib
from collections.abc import Set
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from components.params import Params
from components.params.plugins import package
from components.stages import graph
from components.stages.graph import dvc_yaml, tracked
from components.stages.table import STAGES, Stage

ROOT = Path(__file__).parents[2]


@cache
def closure(row: Stage) -> set[str]:
    return graph.closure(row)


def test_dvc_yaml_is_the_table() -> None:
    assert (ROOT / "dvc.yaml").read_text() == dvc_yaml(), "run: python -m components graph --write"


def test_versions_are_the_pinned_ones() -> None:
    pins = dict(
        line.lower().split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    pins["graftline"] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    versions = json.loads((ROOT / "versions.json").read_text())
    assert versions == {name: pins[name] for name in versions}
    assert set(versions) == {name for row in STAGES for name in row.versions}


@pytest.mark.parametrize("row", STAGES, ids=lambda row: row.name)
def test_a_stage_is_a_row_a_file_and_a_function(row: Stage) -> None:
    module = import_module(f"components.stages.{row.name}")
    assert callable(module.run)
    assert set(row.params) <= set(Params.model_fields)
    made = {out for other in STAGES for out in other.outputs}
    assert set(row.inputs) <= made | {"data/source.lock"}


@pytest.mark.parametrize("row", STAGES, ids=lambda row: row.name)
def test_what_a_plugin_imports_is_tracked_too(row: Stage) -> None:
    """The chosen task, backbone or method may lean only on modules that the stage depends on anyway."""
    import grimp

    found = grimp.build_graph("components", exclude_type_checking_imports=True, cache_dir=None)
    known = closure(row)
    for plugin in row.plugins:
        for name in import_module(package(plugin.room)).NAMES:
            root = f"{package(plugin.room)}.{name.replace('/', '.')}"
            for module in _modules(root, plugin.part, found.modules):
                leans = {lean for lean in found.find_upstream_modules(module) if tracked(lean)}
                params = {module for module in leans if module.startswith("components.params")}
                named = {module for module in leans if _named(module, row)}
                assert leans - known - params - named == set(), (
                    f"{module} leans on modules that nothing tracks"
                )


def _modules(package: str, part: str, known: Set[str]) -> set[str]:
    """What dvc.yaml names of a plug-in: its file, or a file or a folder of its package."""
    if part == "__init__.py":
        return {package} & {*known}
    root = f"{package}.{part.removesuffix('.py')}" if part else package
    return {module for module in known if module == root or module.startswith(f"{root}.")}


def _named(module: str, row: Stage) -> bool:
    """Whether the stage depends on `module`, a plug-in's, by the name that params choose."""
    for plugin in row.plugins:
        for name in import_module(package(plugin.room)).NAMES:
            root = f"{package(plugin.room)}.{name.replace('/', '.')}"
            if _modules(root, plugin.part, {module}):
                return True
    return False


@pytest.mark.parametrize("row", STAGES, ids=lambda row: row.name)
def test_the_parts_of_every_plugin_lie_where_dvc_yaml_has_them(row: Stage) -> None:
    """A part that is `target.py` where the others have the folder `target` would stop DVC once it is chosen."""
    for plugin in row.plugins:
        if plugin.room not in ("modalities", "problems"):
            continue
        for name in import_module(package(plugin.room)).NAMES:
            path = ROOT / "components" / plugin.room / name / plugin.part
            assert path.exists(), f"{path.relative_to(ROOT)} is missing"


FACETS = {
    "problem": "network",
    "decision": "decision",
    "fitted": "decision",
    "calibrated": "decision",
    "judge": "judge",
    "baseline": "baseline",
}
# Functions of components.problems → the part that they open.
OPENERS = {
    **{name: name for name in ("target", "network", "decision", "judge", "baseline")},
    "decision_type": "decision",
}


@pytest.mark.parametrize("row", STAGES, ids=lambda row: row.name)
def test_a_stage_depends_on_the_parts_of_the_problem_that_it_asks_the_line_for(row: Stage) -> None:
    """Or that it opens past the line."""
    asked = set()
    for module, tree in _stage_modules(row).items():
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        asked |= {FACETS[n.attr] for n in found if n.attr in FACETS and _is_line(n.value)}
        if module != "components.stages.line":
            asked |= {OPENERS[name] for name in _of_problems(tree) if name in OPENERS}
    assert asked <= {plugin.part for plugin in row.plugins if plugin.room == "problems"}


@pytest.mark.parametrize("row", STAGES, ids=lambda row: row.name)
def test_the_line_alone_opens_the_dataset(row: Stage) -> None:
    for module, tree in _stage_modules(row).items():
        found = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "open")
        opened = [node for node in found if getattr(node.value, "id", "") == "Dataset"]
        assert bool(opened) == (module == "components.stages.line"), module


def _stage_modules(row: Stage) -> dict[str, ast.Module]:
    """What the row imports of the room of stages, as Python reads it."""
    names = (module for module in closure(row) if module.startswith("components.stages."))
    return {name: ast.parse((ROOT / f"{name.replace('.', '/')}.py").read_text()) for name in names}


def _is_line(node: ast.expr) -> bool:
    return "line" in (getattr(node, "id", ""), getattr(node, "attr", ""))


def _of_problems(tree: ast.Module) -> set[str]:
    """Names that are taken from `components.problems`, imported one by one or asked of the module."""
    nodes = list(ast.walk(tree))
    imports = (n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "components.problems")
    asked = (n for n in nodes if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "problems")
    return {alias.name for node in imports for alias in node.names} | {node.attr for node in asked}


RESUMED = [row for row in STAGES if "components.stages.unfinished" in closure(row)]


def test_the_stages_that_are_resumed_are_those_that_train() -> None:
    assert {row.name for row in RESUMED} == {
        "adapt_checkpoint",
        "fine_tune",
        "train_controls",
        "train_source",
    }


@pytest.mark.parametrize("row", STAGES, ids=lambda row: row.name)
def test_what_people_see_and_what_operates_a_version_reruns_no_stage(row: Stage) -> None:
    """Figures, statistics of drift, monitoring and reports are nobody's dependency."""
    shown = {"show", "watch", "explore", "statistics"}
    assert not shown & {plugin.part.removesuffix(".py") for plugin in row.plugins}
    apart = (
        "components.monitoring",
        "components.reporting",
        "components.registry",
        "components.problems.operation",
        "components.problems.base",  # protocols
        "components.problems.labels",
    )
    assert not [module for module in closure(row) if module.startswith(apart)]


def test_nothing_reads_the_test_side_before_evaluate() -> None:
    """The test split chooses nothing: only `evaluate` asks for it, by name or by `judged`."""
    names = [row.name for row in STAGES]
    before = [f"stages/{name}.py" for name in names[1 : names.index("evaluate")]]
    shared = ("auxiliary", "cross_validation", "fitting", "folds", "frozen", "line", "network", "weights")
    for file in [*before, *(f"stages/{name}.py" for name in shared)]:
        text = (ROOT / "components" / file).read_text()
        assert '"test"' not in text, file
        assert "judged" not in text, file


def test_imports_by_string_stand_in_tables_only() -> None:
    """grimp cannot see them, so they would be dependencies that nothing tracks."""
    allowed = {
        "components/params/plugins.py",  # values that plug-ins state of themselves, tracked as parameters
        "components/params/names.py",  # the tables of heads and methods: names and needs
        "components/choices.py",  # the chosen head or method, whose file is a dependency
        "components/backbones/catalogue.py",
        "components/forkserver/server.py",  # imports early what stages import themselves
        "components/stages/dvc_repo.py",  # imports early what it imports itself
        "components/stages/execute.py",
        "components/stages/graph.py",
    }
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "components").rglob("*.py")
        if "import_module" in path.read_text() or "__import__(" in path.read_text()
    }
    assert found <= allowed


def test_metrics_and_plots_are_files_that_every_problem_has() -> None:
    """`dvc plots show` fails over a file that is not there, and what an evaluation draws is its problem's to say."""
    document = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    shown = {path for plot in document["plots"] for path in plot}
    assert shown == {"head/curves.csv", "tuned/curves.csv"}
    assert not [path for path in document["metrics"] if path.endswith(".csv")]


def test_the_document_is_plain_yaml_with_quoted_templates() -> None:
    document = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    assert list(document["stages"]) == [row.name for row in STAGES]
    for entry in document["stages"].values():
        assert "${" not in entry["cmd"], "a parameter in a command line is a shell injection"
