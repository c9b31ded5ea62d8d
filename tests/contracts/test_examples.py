"""Every example is a whole params.yaml that is right, with a script that fetches its data."""

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from components.errors import DigestMismatch, SourceError
from components.params import load_params
from examples import npm
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
    assert callable(import_module(f"examples.{name}.fetch").fetch)


def test_a_package_with_other_bytes_is_removed(tmp_path: Path) -> None:
    digest = "0" * 64
    (tmp_path / f"{digest}.tgz").write_bytes(b"not it")
    with pytest.raises(DigestMismatch, match="expected 0000"):
        npm.fetch("@a/b@1.0.0", digest, tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_npm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="there is no npm here"):
        npm.fetch("@a/b@1.0.0", "0" * 64, tmp_path)


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
