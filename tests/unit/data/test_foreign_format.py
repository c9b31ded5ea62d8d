"""A format of another distribution: found by its entry point, asked by refresh, check and monitoring, and tracked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pictures import Build, png, write
from plugged import plugged
from written import PARAMS

from components.data.before import check_source
from components.data.lock import read_lock
from components.errors import DataError, ParamsError
from components.monitoring.need import new_labels
from components.params import Params, load_params
from components.stages.graph import dvc_yaml, versions_json
from components.stages.packages import digest
from components.stages.refresh import refresh
from components.storage.publish import read_json


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> Iterator[None]:
    """The package `pairs` on the path."""
    with plugged(tmp_path / "installed", "pairs"):
        yield


def source(root: Path, count: int = 60) -> Path:
    files = {f"{i:02}.png": png(i) for i in range(count)}
    files |= {f"{i:02}.label": f"{'ab'[i % 2]}\n".encode() for i in range(count)}
    return write(root, {**files, "README": b"what this is"})


def params_of(root: Path, **data: object) -> Params:
    section = {"source": "file:source", "licence": "CC0", "layout": "pairs", **data}
    values = {**PARAMS, "data": section, "export": {"parity": {"samples": 4}}}
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return load_params(root / "params.yaml")


def test_refresh_check_and_monitoring_ask_it(tmp_path: Path) -> None:
    source(tmp_path / "source")
    params = params_of(tmp_path)
    check_source(params, tmp_path)
    assert refresh(params, tmp_path, tmp_path / "cache")
    lock = read_lock(tmp_path / "data" / "source.lock")
    assert lock.layout == "pairs"
    assert lock.assignments is not None
    assert lock.assignments.classes == ("a", "b")
    assert not new_labels(params, lock, lock)
    write(tmp_path / "source", {"00.label": b"b"})
    assert refresh(params, tmp_path, tmp_path / "cache")
    assert new_labels(params, lock, read_lock(tmp_path / "data" / "source.lock"))


def test_a_dataset_is_built_from_it(tmp_path: Path, build: Build) -> None:
    built = build(source(tmp_path / "source"), tmp_path / "out", layout="pairs")
    assert built.samples == 60
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["ignored_files"] == 1


def test_what_it_refuses_is_said_early(tmp_path: Path) -> None:
    write(source(tmp_path / "source", 4), {"99.label": b"a"})
    with pytest.raises(DataError, match=r"beside '99\.label' lies no sample of its name"):
        check_source(params_of(tmp_path), tmp_path)


def test_what_it_does_not_offer_is_refused_by_name(tmp_path: Path) -> None:
    source(tmp_path / "source", 4)
    with pytest.raises(
        ParamsError,
        match=r"data\.labels\.group names a column, but data\.layout pairs has none\. Use data\.layout manifest or "
        "labels",
    ):
        params_of(tmp_path, labels={"group": "who"})
    with pytest.raises(ParamsError, match=r"'pair' is not allowed; did you mean 'pairs'\?"):
        params_of(tmp_path, layout="pair")


def test_its_package_is_a_dependency_of_the_stage_that_reads_data(tmp_path: Path) -> None:
    values = {**PARAMS, "data": {"layout": "pairs"}}
    (tmp_path / "versions.json").write_text(versions_json(values))
    assert read_json(tmp_path / "versions.json")["packages"] == {"pairs": digest("pairs")}
    for name, entry in yaml.safe_load(dvc_yaml(values))["stages"].items():
        assert not [path for path in entry["deps"] if "${data." in path]
        keys = [key for one in entry["params"] if isinstance(one, dict) for key in one["versions.json"]]
        assert ("packages.pairs" in keys) == (name == "version_data")
