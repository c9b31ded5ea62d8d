"""Plug-ins of another distribution: how they are known, refused, and what of them stages depend on."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from counting import COUNTS, weights
from plugged import forget, plugged

from components.backbones import catalogue
from components.errors import ParamsError, StorageError
from components.modalities import load_modality
from components.monitoring.comparison import Asked, compare
from components.monitoring.judged import Problem
from components.monitoring.labels import worth_labelling
from components.monitoring.observed import Observed, from_parquet, to_parquet
from components.params import load_params, plugins
from components.params.task import TaskParams
from components.problems import decision
from components.problems.operation import explore
from components.stages.graph import dvc_yaml, versions_json
from components.stages.packages import check_packages, checked, digest
from components.stages.table import STAGES, stage
from components.storage.publish import read_json

ROOT = Path(__file__).parents[2]
USERS = {
    row.name
    for row in STAGES
    if {plugin.room for plugin in row.plugins} & {"modalities", "problems", "backbones"}
}


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    """The package `counts` on the path."""
    with plugged(tmp_path / "installed", "counts") as folder:
        yield folder


@pytest.fixture
def line(installed: Path, tmp_path: Path) -> Path:
    """A workspace with params.yaml for it, versions.json and dvc.yaml."""
    folder = tmp_path / "line"
    (tmp_path / "measured").mkdir()
    weights(tmp_path / "trained" / "byte_network.safetensors")
    folder.mkdir()
    shutil.copy(ROOT / "params.yaml", folder)
    COUNTS.params(folder, tmp_path / "trained" / "byte_network.safetensors")
    _accept(folder)
    return folder


def _accept(folder: Path) -> None:
    values = yaml.safe_load((folder / "params.yaml").read_text())
    (folder / "versions.json").write_text(versions_json(values))
    (folder / "dvc.yaml").write_text(dvc_yaml(values))


def test_names_come_from_entry_points_too(installed: Path) -> None:
    assert plugins.names("modalities")[-1] == "bytes"
    assert plugins.names("problems")[-1] == "count"
    assert plugins.backbones()["byte_network"].sees == "bytes"
    assert catalogue.build("byte_network").width == 24
    made = load_modality(TaskParams(modality="bytes", problem="count"))
    assert made.decode(bytes(range(16))).tolist() == list(range(16))
    assert plugins.best("count") == "deviance"


def test_a_name_that_two_distributions_bring_is_refused_with_both(installed: Path) -> None:
    twin = installed / "others-2.0.dist-info"
    twin.mkdir()
    (twin / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 2.0\n")
    points = twin / "entry_points.txt"
    points.write_text("[graftline.problems]\ncount = others.count\n")
    forget()
    with pytest.raises(ParamsError, match=r"(?=.*counts 0\.1\.0)(?=.*others 2\.0).*both bring 'count'"):
        plugins.names("problems")
    points.write_text("[graftline.problems]\nregression = others.regression\n")
    forget()
    with pytest.raises(ParamsError, match=r"others 2\.0 and graftline itself both bring 'regression'"):
        plugins.names("problems")
    points.write_text("[graftline.problems]\nother = others.count:Thing\n")
    forget()
    with pytest.raises(ParamsError, match=r"others 2\.0 has the entry point other = others\.count:Thing"):
        plugins.names("problems")


def test_a_package_that_cannot_be_imported_is_named(installed: Path) -> None:
    (installed / "counts" / "count" / "__init__.py").write_text("import no_such_module\n")
    with pytest.raises(ParamsError, match=r"counts 0\.1\.0 cannot be imported for 'count': .*no_such_module"):
        plugins.best("count")


def test_impossible_combinations_are_refused_by_what_the_package_says(line: Path) -> None:
    assert load_params(line / "params.yaml").gate.better_than_controls.metric == "deviance"
    text = (line / "params.yaml").read_text()
    for old, new, said in (
        (
            "name: byte_network",
            "name: mobilenet_v2",
            "'bytes' has bytes, but backbone.name 'mobilenet_v2' takes images",
        ),
        (
            "name: byte_network",
            "name: byte_netwrk",
            "'byte_netwrk' is not allowed; did you mean 'byte_network'?",
        ),
        ("blocks: 1", "blocks: 3", "tune.blocks is 3; allowed: 1 to 2, the blocks of byte_network"),
        ("best_by: deviance", "best_by: accuracy", "'accuracy' is not allowed. Allowed: loss, deviance, mae"),
        ("method: linear", "method: logistic", "head.method 'logistic' needs"),
        ("problem: count", "problem: count\n  length: 0", "task.length: 0"),
    ):
        assert old in text
        (line / "params.yaml").write_text(text.replace(old, new))
        with pytest.raises(ParamsError) as refused:
            load_params(line / "params.yaml")
        assert said in str(refused.value)


def test_check_is_quick_and_imports_neither_torch_nor_numpy_for_it(installed: Path, line: Path) -> None:
    script = (
        "import sys; from components.params import load_params; from pathlib import Path;"
        "load_params(Path('params.yaml')); assert 'counts.count' in sys.modules;"
        "assert not {'torch', 'numpy'} & set(sys.modules), 'slow'"
    )
    path = f"{installed}:{ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=line, env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_dvc_yaml_names_the_package_s_digest_in_the_place_of_files(line: Path) -> None:
    entries = yaml.safe_load((line / "dvc.yaml").read_text())["stages"]
    for name, entry in entries.items():
        assert not [path for path in entry["deps"] if "${task." in path or "${backbone." in path]
        versions = [one["versions.json"] for one in entry["params"] if isinstance(one, dict)]
        assert ("packages.counts" in [key for keys in versions for key in keys]) == (name in USERS)
    assert {row.name for row in STAGES} == USERS  # each stage uses one of them
    assert read_json(line / "versions.json")["packages"] == {"counts": digest("counts")}
    assert "packages" not in versions_json()


def test_a_changed_file_of_the_package_is_refused_until_versions_json_says_so(
    installed: Path, line: Path
) -> None:
    known = checked(load_params(line / "params.yaml"))
    check_packages(STAGES, line, known)
    before = (line / "versions.json").read_text()
    (installed / "counts" / "__pycache__").mkdir(exist_ok=True)
    (installed / "counts" / "__pycache__" / "x.pyc").write_bytes(b"x")
    check_packages(STAGES, line, known)
    with (installed / "counts" / "count" / "network.py").open("a") as file:
        file.write("# another network\n")
    for row in STAGES:
        with pytest.raises(StorageError, match=r"package counts has SHA-256 .*, versions\.json says"):
            check_packages([row], line, known)
    _accept(line)
    assert (line / "versions.json").read_text() != before
    check_packages(STAGES, line, known)


def test_dvc_yaml_that_was_written_for_other_plugins_is_refused(line: Path) -> None:
    known = load_params(line / "params.yaml")
    own = load_params(ROOT / "params.yaml")
    with pytest.raises(StorageError, match=r"dvc\.yaml was not written for"):
        check_packages([stage("train_head")], line, checked(own))
    (line / "dvc.yaml").write_text(dvc_yaml())
    with pytest.raises(StorageError, match=r"dvc\.yaml was not written for .*graph --write"):
        check_packages([stage("train_head")], line, checked(known))
    check_packages(STAGES, ROOT, checked(own))


def test_decisions_of_a_foreign_problem_are_watched_and_what_it_lacks_is_refused_by_name(
    installed: Path,
) -> None:
    given, described = TaskParams(problem="count"), {"problem": "count", "statistics": {"mean": 4.0}}
    problem = Problem.of(given, described, decision(given, described, {"factor": 1.0}))
    draw = np.random.default_rng(0)
    found = {}
    for name, shift in (("reference", 1.0), ("same", 1.0), ("moved", 2.0)):
        rates = draw.gamma(4 * shift, 1.0, (120, 1)).astype(np.float32)
        words, ids = problem.watch.words(rates), [str(number) for number in range(120)]
        labels = [str(draw.poisson(rate)) for rate in rates[:, 0]]
        nothing = np.empty((0, 0), np.float32)
        seen = Observed(ids, ids, ["rate"], rates, words, nothing, {}, problem.known(labels))
        found[name] = from_parquet(to_parquet(seen), "it")
    asked = Asked(0.01, 999, 50, 0)
    (same,) = compare(found["reference"], found["same"], asked, problem.watch)
    (moved,) = compare(found["reference"], found["moved"], asked, problem.watch)
    assert (same.name, same.by, same.alarm, moved.alarm) == ("rate", "KS", False, True)
    measured = problem.measured(found["same"].answers, found["same"].labels, 0.95)
    assert set(measured) == {"deviance", "mae"}
    assert measured["deviance"]["n"] == 120
    assert problem.estimated(found["reference"], found["same"], 0.95, 0) == {}
    assert "not defined for counts" in problem.watch.undefined
    first = worth_labelling(found["same"], problem.watch, 1)[0]
    assert first.sure["rate"] == pytest.approx(float(found["same"].answers.max()))
    with pytest.raises(
        ParamsError, match=r"advise is not defined for task\.problem 'count': .* no part 'explore'"
    ):
        explore(given, described, "advise")
