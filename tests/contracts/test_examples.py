"""Every example is a whole params.yaml that is right, with a script that fetches its data where no source can."""

import shutil
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from components.params import load_params
from examples.__main__ import NAMES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_its_parameters_are_right_beside_its_data(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "line").mkdir()
    shutil.copyfile(ROOT / "examples" / name / "params.yaml", tmp_path / "line" / "params.yaml")
    params = load_params(tmp_path / "line" / "params.yaml")
    assert params.data.licence
    assert params.tracking.model == name


@pytest.mark.parametrize("name", NAMES)
def test_its_data_can_be_fetched(name: str) -> None:
    source = yaml.safe_load((ROOT / "examples" / name / "params.yaml").read_text())["data"]["source"]
    fetcher = (ROOT / "examples" / name / "fetch.py").exists()
    assert fetcher == (source == "file:../data"), "a fetcher fills ../data; other sources need none"
    assert not fetcher or callable(import_module(f"examples.{name}.fetch").fetch)


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        ("Subject: a\n\nHello   there\n", "Hello there"),
        ("Content-Type: text/html\n\n<html><style>p{}</style><p>Buy <b>now</b></p></html>", "Buy now"),
        ("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n", "hello"),
        (
            'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/html\n\n<p>no</p>\n'
            "--x\nContent-Type: text/plain\n\nyes\n--x--\n",
            "yes",
        ),
        ("Subject: empty\n\n", ""),
    ],
)
def test_a_mail_is_what_people_read(mail: str, said: str) -> None:
    from examples.spam.fetch import body

    assert body(mail) == said
