"""The whole line in a clone of this repository: README's recipe on generated images, two engines, one lock."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from canaries import MARK, found, planted
from lines import Workspace, clone
from PIL import Image

CLASSES = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}
EACH = 30
REFUSED = 3


def draw(folder: Path) -> None:
    """A folder per class: noise around the class's colour, every image another."""
    noise = np.random.default_rng(1)
    for name, colour in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for number in range(EACH):
            coarse = np.clip(noise.normal(colour, 60, size=(6, 6, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC).save(
                folder / name / f"{number}.png"
            )


def recipe(params: Path) -> None:
    """README's lines for one's own images, and what makes a test of them short."""
    values = yaml.safe_load(params.read_text())
    values["data"] = {"source": "file:../images", "licence": "CC0", "layout": "folders"}
    values["data"]["split"] = {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2}
    values["data"]["limits"] = {"min_per_class": 5}
    values["task"] = {"modality": "image", "problem": "classification", "input_size": 64}
    values["augment"] = {"views": 1}
    # Some 18 test samples give wide intervals; the outcome of the gate is not what is tested here.
    values["gate"] = {"rules": [{"metric": "accuracy", "at_least": 0.3}]}
    values["export"]["parity"] = {"samples": 40, "batches": [1, 7]}
    values["export"]["calibration_samples"] = 8
    values["tune"] |= {"epochs": 1, "head_epochs": 0, "blocks": 1}
    values["controls"] = {"scratch": {"epochs": 1}}
    params.write_text(yaml.safe_dump(values))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, subprocess.CompletedProcess[str]]:
    """A workspace after its first flow."""
    place = tmp_path_factory.mktemp("line")
    draw(place / "images")
    workspace = clone(place)
    recipe(workspace.folder / "params.yaml")
    workspace.environment |= planted(place / "key.pem")
    return workspace, workspace.run("flows.train")


@pytest.mark.slow
def test_the_line_runs_once_and_both_engines_agree(
    made: tuple[Workspace, subprocess.CompletedProcess[str]],
) -> None:
    workspace, first = made
    assert first.returncode in (0, REFUSED), first.stdout + first.stderr
    verdict = json.loads((workspace.folder / "verdict.json").read_text())["verdict"]
    assert f"Verdict: {verdict.upper()}" in first.stdout
    assert (first.returncode == 0) == (verdict == "pass"), first.stderr
    assert (workspace.folder / ".graftline/reports/report.html").stat().st_size > 10_000
    lock = (workspace.folder / "dvc.lock").read_bytes()

    assert "up to date" in workspace.run("dvc", "status").stdout
    assert workspace.stages_run() == []
    # Secrets of the environment are in none of it: tests/e2e/test_secrets.py goes on to promotion and scores.
    assert MARK not in first.stdout + first.stderr
    assert found(workspace.folder) == []
    # A gate that refused leaves DVC usable, and what it says stays the same.
    assert workspace.run("dvc", "metrics", "show").returncode == 0
    assert (workspace.folder / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
def test_a_sweep_leaves_the_line_as_it_was(
    made: tuple[Workspace, subprocess.CompletedProcess[str]],
) -> None:
    workspace, _ = made
    params, lock = ((workspace.folder / name).read_bytes() for name in ("params.yaml", "dvc.lock"))
    (workspace.folder / "sweep.yaml").write_text("tune.method: [last_blocks, bias_only]\n")
    done = workspace.run("flows.sweep", "--folds", "2", "--trials", "1")
    assert done.returncode == 0, done.stderr
    assert "Sweep sweep: 1 complete" in done.stdout
    again = workspace.run("flows.sweep", "--folds", "2", "--trials", "2")
    assert "Sweep sweep: 2 complete" in again.stdout
    assert "Trial 0" not in again.stderr
    folder = workspace.folder / ".graftline" / "sweeps" / "sweep"
    assert {"report.html", "params.yaml", "study.db"} <= {path.name for path in folder.iterdir()}
    assert (workspace.folder / "params.yaml").read_bytes() == params
    assert (workspace.folder / "dvc.lock").read_bytes() == lock
    assert "up to date" in workspace.run("dvc", "status").stdout


@pytest.mark.slow
def test_only_dependents_run_again(made: tuple[Workspace, subprocess.CompletedProcess[str]]) -> None:
    workspace, _ = made
    workspace.changed_line("components/progress.py", '"""', '"""A changed text. ')
    # A new method, as CONTRIBUTING says: its file and its line.
    (workspace.folder / "components/methods/another.py").write_text('"""Another method."""\n')
    line = '"last_blocks": Choice("components.methods.last_blocks:LastBlocks"),'
    workspace.changed_line(
        "components/methods/__init__.py", line, f'{line}\n    "another": Choice("…:Another"),'
    )
    (workspace.folder / "components/heads/another.py").write_text('"""Another head."""\n')
    line = '"mlp": Choice("components.heads.mlp:Perceptron"),'
    workspace.changed_line(
        "components/heads/__init__.py", line, f'{line}\n    "another": Choice("…:Another"),'
    )
    assert workspace.stages_run() == []

    workspace.change("evaluate", "confidence", 0.9)
    assert workspace.stages_run() == ["evaluate", "gate"]

    workspace.changed_line("components/evaluation/gates.py", '"""', '"""A changed line. ')
    assert workspace.stages_run() == ["gate"]


@pytest.mark.slow
def test_a_remote_brings_everything_into_an_empty_clone(
    made: tuple[Workspace, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    workspace, _ = made
    added = workspace.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    assert added.returncode == 0, added.stderr
    pushed = workspace.run("components", "push")
    assert pushed.returncode == 0, pushed.stderr

    subprocess.run(["git", "clone", "-q", str(workspace.folder), str(tmp_path / "clone")], check=True)
    other = Workspace(tmp_path / "clone", workspace.environment)
    changed = subprocess.run(
        ["git", "ls-files", "-mo", "--exclude-standard"],
        cwd=workspace.folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    for name in changed:
        (other.folder / name).write_bytes((workspace.folder / name).read_bytes())
    (tmp_path / "images").symlink_to(workspace.folder.parent / "images")
    pulled = other.run("components", "pull")
    assert pulled.returncode == 0, pulled.stderr
    assert "up to date" in other.run("dvc", "status").stdout
    assert other.stages_run() == []
