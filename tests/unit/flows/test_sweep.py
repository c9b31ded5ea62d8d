"""The sweep's command: what is wrong is said before anything is run."""

from pathlib import Path

import pytest

from flows.sweep import main
from tests.unit.flows.bowl import PARAMS, SPACE

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "sweep.yaml").write_text(SPACE)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--space", "spice.yaml"], "spice.yaml does not exist"),
        (["--metric", "auc"], "--metric is 'auc'. Allowed: balanced_accuracy, accuracy"),
        (["--name", "../x"], "--name is '../x'. Allowed: letters"),
    ],
)
def test_wrong_options_are_refused_by_name(
    root: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main(options, root) == 2
    assert words in capsys.readouterr().err
    assert not (root / ".graftline").exists()


@pytest.mark.parametrize("options", [["--trials", "0"], ["--folds", "1"], ["--minutes", "soon"]])
def test_numbers_out_of_bounds_are_argparse_s(root: Path, options: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(options, root)


def test_a_wrong_space_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "sweep.yaml").write_text("seed: [1, 2]\n")
    assert main([], root) == 2
    assert "seed: a trial may not change it" in capsys.readouterr().err
