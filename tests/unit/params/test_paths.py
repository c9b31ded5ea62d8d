"""Paths on this machine as people write them: home folders, variables, Windows."""

import copy
from functools import partial
from pathlib import Path

import pytest
import yaml
from written import PARAMS

from components.errors import ParamsError
from components.params import Params, load_params
from components.params.load import load_backbone
from components.params.operation import TrackingParams
from components.params.scoring import read_job


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "home"
    (found / "scans").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(found))
    return found


def loaded(root: Path, section: str, **keys: object) -> Params:
    values = copy.deepcopy(PARAMS)
    values[section] = {**values[section], **keys}  # type: ignore[dict-item]
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return load_params(root / "params.yaml")


def test_a_tilde_is_the_home_folder(tmp_path: Path, home: Path) -> None:
    assert loaded(tmp_path, "data", source="file:~/scans").data.source == f"file:{home}/scans"
    weights = {"uri": "file:~/scans", "sha256": "0" * 64, "licence": "ours"}
    assert loaded(tmp_path, "backbone", **weights).backbone.uri == f"file:{home}/scans"
    assert read_job({"input": "~/scans", "output": "out"}).input == f"{home}/scans"
    assert TrackingParams(uri="sqlite:///~/runs.db").uri == f"sqlite:///{home}/runs.db"
    with pytest.raises(ParamsError, match=f"data.source: {home}/scan does not exist; did you mean 'scans'"):
        loaded(tmp_path, "data", source="file:~/scan")


WRONG = {
    "file:$HOME/scans": "environment variables are not expanded here: write 'file:HOME/scans'",
    "file:${HOME}/scans": "environment variables are not expanded here: write 'file:HOME/scans'",
    "file:$NO_SUCH_VARIABLE/scans": "environment variables are not expanded here: write the path itself",
    r"C:\data\scans": r"'C:\data\scans' is a Windows path; in WSL, write 'file:/mnt/c/data/scans'",
    r"file:D:\scans": r"'D:\scans' is a Windows path; in WSL, write 'file:/mnt/d/scans'",
    "file:///C:/scans": "'C:/scans' is a Windows path; in WSL, write 'file:/mnt/c/scans'",
    r"\\server\scans": r"'\\server\scans' is a Windows path; mount the share",
    r"file:home\scans": "folders are separated by /: write 'file:home/scans'",
    "file:": "'file:' names no folder or file; the workspace itself is 'file:.'",
}


@pytest.mark.parametrize("section", ["data", "backbone"])
@pytest.mark.parametrize("written", WRONG)
def test_a_path_that_is_none_here_is_told_with_what_to_write(
    tmp_path: Path, home: Path, section: str, written: str
) -> None:
    keys = (
        {"source": written} if section == "data" else {"uri": written, "sha256": "0" * 64, "licence": "ours"}
    )
    with pytest.raises(ParamsError) as caught:
        loaded(tmp_path, section, **keys)
    assert WRONG[written].replace("file:HOME", f"file:{home}") in str(caught.value)
    assert "has 1 mistake:" in str(caught.value)


def test_a_dollar_in_a_name_that_is_there_is_a_dollar(tmp_path: Path) -> None:
    (tmp_path / "$HOME").mkdir()
    assert loaded(tmp_path, "data", source="file:$HOME").data.source == "file:$HOME"


def test_a_windows_path_in_double_quotes(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text('data: {source: "C:\\data"}\n')
    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "params.yaml")
    last = "Within double quotes \\ begins an escape sequence: separate folders by /, or use single quotes."
    assert str(caught.value).splitlines()[-1] == last


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty. Write its sections"),
        ("# nothing yet\n", "is empty. Write its sections"),
        ("---\n", "is empty. Write its sections"),
        ("null\n", "is empty. Write its sections"),
        ("seed\n", "holds only 'seed', not sections with keys"),
        ("- a\n", "holds a list, not sections with keys"),
    ],
)
def test_a_file_without_sections(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    for load in (load_params, partial(load_backbone, root=tmp_path)):
        with pytest.raises(ParamsError) as caught:
            load(path)
        assert words in str(caught.value)
