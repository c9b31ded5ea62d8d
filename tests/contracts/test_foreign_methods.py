"""Heads and methods of other distributions: one in each table, with a key of its own, known, checked and tracked."""

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lines import ROOT
from plugged import forget, plugged

from components.errors import ParamsError, StorageError
from components.params import load_operation, load_params, plugins
from components.params.load import check
from components.params.space import Range, load_space
from components.stages.graph import dvc_yaml, versions_json
from components.stages.packages import check_packages, checked, digest
from components.stages.table import STAGES

TABLES = {
    plugin.key: plugin.table
    for row in STAGES
    for plugin in row.plugins
    if (plugin.table or plugin.room) in plugins.TABLES
} | {"head.method": "heads", "tune.method": "methods"}
each = pytest.mark.parametrize(("key", "table"), TABLES.items())
MODULE = """
from pydantic import Field
from components.choices import Choice
from components.params.base import Section

CHOICE = Choice("many.made:Made", needs={needs})

class Params(Section):
    {table}_share: float = Field(default=0.5, gt=0)
"""


def package(folder: Path, **needs: tuple[str, ...]) -> Path:
    """The source of a package that brings `made` to each table."""
    (folder / "many").mkdir(parents=True)
    (folder / "many" / "__init__.py").touch()
    (folder / "many" / "made.py").write_text("import torch\n\nclass Made:\n    pass\n")
    points = []
    for table in plugins.TABLES:
        text = MODULE.format(table=table, needs=needs.get(table, ()))
        (folder / "many" / f"{table}.py").write_text(text)
        points.append(f'[project.entry-points."graftline.{table}"]\nmade = "many.{table}"\n')
    about = '[project]\nname = "many"\nversion = "1.0"\n'
    (folder / "pyproject.toml").write_text("\n".join([about, *points]))
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    source = package(tmp_path / "many")
    with plugged(tmp_path / "installed", source) as folder:
        yield folder


def values(key: str, **further: object) -> dict[str, object]:
    """The repository's params.yaml with the foreign one below `key`, and further keys beside it."""
    made = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
    *sections, last = key.split(".")
    place = made
    for section in sections:
        place = place[section]
    place |= {last: "made", **further}
    if key == "objectives.tasks.balance":
        place["columns"] = ["type"]
    return made  # type: ignore[no-any-return]


def refused(said: dict[str, object]) -> str:
    with pytest.raises(ParamsError) as error:
        check(said)
    return str(error.value)


def test_each_table_has_a_group() -> None:
    assert set(TABLES.values()) == set(plugins.TABLES)
    assert {plugins.GROUPS[table] for table in plugins.TABLES} == {f"graftline.{t}" for t in plugins.TABLES}


@each
def test_it_is_chosen_with_its_key_like_any_other(installed: Path, key: str, table: str) -> None:
    found = check(values(key, **{f"{table}_share": 0.25}))
    section = found
    for part in key.split(".")[:-1]:
        section = getattr(section, part)
    kind = plugins.options(table, "made")
    assert section.options(kind) == kind(**{f"{table}_share": 0.25})
    assert check(values(key)) != found
    assert plugins.load(table, "made").__name__ == "Made"


@each
def test_what_is_wrong_with_its_key_is_said_as_of_any_other(installed: Path, key: str, table: str) -> None:
    section = key.rpartition(".")[0]
    assert f"{section}.{table}_share: 0 is too small; allowed: more than 0.0" in refused(
        values(key, **{f"{table}_share": 0})
    )
    said = refused(values(key, **{f"{table}_shar": 1, f"{table}_share": "much"}))
    assert f"{section}.{table}_shar: unknown key; did you mean '{table}_share'? Allowed: " in said
    assert f"{section}.{table}_share: 'much' is not a number" in said
    own = copy.deepcopy(values(key, **{f"{table}_share": 1}))
    with pytest.raises(ParamsError, match=r"'madee' is not allowed; did you mean 'made'"):
        check(yaml.safe_load(yaml.safe_dump(own).replace("made", "madee")))


@each
def test_its_package_is_a_dependency_of_the_stages_that_use_it(installed: Path, key: str, table: str) -> None:
    said = values(key)
    users = {row.name for row in STAGES if key in {plugin.key for plugin in row.plugins}}
    assert yaml.safe_load(versions_json(said))["packages"] == {"many": digest("many")}
    for name, entry in yaml.safe_load(dvc_yaml(said))["stages"].items():
        assert not [path for path in entry["deps"] if f"${{{key}}}" in path]
        tracked = [one for one in entry["params"] if isinstance(one, dict)]
        assert ("packages.many" in str(tracked)) == (name in users)
        # Its own key: the whole section is a parameter of each of these stages.
        assert name not in users - {"select", "export_onnx"} or key.split(".")[0] in entry["params"]


@each
def test_a_changed_package_and_a_graph_for_another_choice_are_refused(
    installed: Path, tmp_path: Path, key: str, table: str
) -> None:
    said, known = values(key), checked(check(values(key)))
    (tmp_path / "versions.json").write_text(versions_json(said))
    (tmp_path / "dvc.yaml").write_text(dvc_yaml(said))
    check_packages(STAGES, tmp_path, known)
    own = checked(load_params(ROOT / "params.yaml"))
    with pytest.raises(StorageError, match=rf"dvc\.yaml was not written for {key}"):
        check_packages(STAGES, tmp_path, own)
    (installed / "many" / "made.py").write_text("# another one\n")
    with pytest.raises(StorageError, match=r"package many has SHA-256 .*, versions\.json says"):
        check_packages(STAGES, tmp_path, known)


def test_two_keys_of_one_name_and_what_dvc_overlooks_are_refused(installed: Path) -> None:
    for name, said in (
        ("alpha", "tune.method 'made' brings the key 'alpha', which the section itself uses, too"),
        ("size", "tune.method 'made' brings the key 'size', which DVC's run cache uses, too"),
        (
            "adaptations_share",
            "tune.then 'made' brings the key 'adaptations_share', which method 'made' uses",
        ),
    ):
        path = installed / "many" / "methods.py"
        path.write_text(
            MODULE.format(table="methods", needs=())
            .replace("methods_share", name)
            .replace("gt=0", "gt=0, lt=9")
        )
        forget("many")
        made = values("tune.method")
        made["tune"] |= {"then": "made"}  # type: ignore[operator]
        assert said.replace("tune.", "") in refused(made)


def test_needs_are_asked_for_and_those_that_nobody_knows_are_named(tmp_path: Path) -> None:
    source = package(
        tmp_path / "many",
        keep=("source_start",),
        balances=("domains",),
        heads=("clases",),
        pretrainings=("texts",),
    )
    with plugged(tmp_path / "installed", source):
        assert "objectives.keep 'made' needs a network that was trained on the source" in refused(
            values("objectives.keep")
        )
        assert "objectives.tasks.balance 'made' needs a source and a target domain" in refused(
            values("objectives.tasks.balance")
        )
        assert "pretrain.method 'made' needs texts" in refused(values("pretrain.method"))
        assert (
            "head.method 'made' states the need 'clases', which nothing in graftline.heads can have; allowed: "
            in refused(values("head.method"))
        )


def test_a_name_that_two_distributions_bring_is_refused_with_both(installed: Path) -> None:
    twin = installed / "others-2.0.dist-info"
    twin.mkdir()
    (twin / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 2.0\n")
    points = twin / "entry_points.txt"
    for group, name, other in (("keep", "made", "many 1.0"), ("heads", "mlp", "graftline itself")):
        points.write_text(f"[graftline.{group}]\n{name} = others.thing\n")
        forget("many")
        with pytest.raises(ParamsError, match=rf"(?=.*others 2\.0)(?=.*{other}).*both bring '{name}'"):
            plugins.names(group)
    points.write_text("[graftline.keep]\nnone = others.thing\n")
    forget("many")
    with pytest.raises(ParamsError, match=r"others 2\.0 and graftline itself both bring 'none'"):
        plugins.names("keep")


def test_what_a_package_does_not_state_or_cannot_import_is_told_with_its_name(installed: Path) -> None:
    (installed / "many" / "made.py").write_text("import no_such_module\n")
    with pytest.raises(ParamsError, match=r"many 1\.0 cannot be imported for 'made': .*no_such_module"):
        plugins.load("heads", "made")
    (installed / "many" / "heads.py").write_text("")
    forget("many")
    with pytest.raises(ParamsError, match=r"many 1\.0 cannot be imported for 'made': .*'CHOICE'"):
        check(values("head.method"))


def test_check_imports_neither_torch_nor_numpy_for_them(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values("head.method", heads_share=0.1)))
    script = (
        "import sys; from components.params.load import check, parse; from pathlib import Path;"
        "check(parse(Path('params.yaml'))); assert 'many.heads' in sys.modules;"
        "assert not {'torch', 'numpy', 'many.keep'} & set(sys.modules), 'slow'"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{installed}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_its_key_can_be_searched(installed: Path, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("head.method: [linear, made]\nhead.heads_share: {low: 0.1, high: 0.9}\n")
    assert load_space(path)["head.heads_share"] == Range(0.1, 0.9)
    path.write_text("head.heads_share: [0]\n")
    with pytest.raises(ParamsError, match=r"head\.heads_share: 0 is too small; allowed: more than 0.0"):
        load_space(path)


def test_scoring_needs_none_of_what_params_choose(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values("head.method") | {"tracking": {"model": "cells"}}))
    with pytest.raises(ParamsError, match=r"head\.method: 'made' is not allowed"):
        load_params(path)
    assert load_operation(path).tracking.model == "cells"
    path.write_text("tracking: {model: '?'}\nruntime: {threads: -1, cores: 2}\n")
    with pytest.raises(ParamsError) as error:
        load_operation(path)
    said = str(error.value)
    assert "params.yaml has 3 mistakes" in said
    assert "runtime.cores: unknown key" in said
