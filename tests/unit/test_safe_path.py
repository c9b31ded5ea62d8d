"""A file at the top of a workspace is never imported in the place of a library, and a worktree runs its own code."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from components.__main__ import main
from components.errors import StorageError

ROOT = Path(__file__).parents[2]
PLANTED = (
    "yaml",
    "json",
    "runpy",
    "pkgutil",
    "argparse",
    "sitecustomize",
    "usercustomize",
    "ujson",
    "pydantic",
)

ENTRYPOINTS = {
    row["entrypoint"] for row in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
}
LATE = ("psutil", "mlflow", "numpy", "smtplib")  # not imported by Prefect itself


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with this one's libraries and, by install.sh, the way to the packages of the current folder."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (folder / "lib" / version / "site-packages" / "a-base.pth").write_text(libraries)
    install = ["bash", str(ROOT / "infra" / "install.sh"), "--safe-path"]
    for _ in range(2):
        subprocess.run(install, env={**os.environ, "VENV": str(folder)}, check=True)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A worktree: the code of another checkout, one line of it changed, and the planted files."""
    for name in ("components", "flows"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    own = tmp_path / "components" / "__main__.py"
    own.write_text(own.read_text().replace("params.yaml is fine", "the worktree's own"))
    for name in PLANTED:
        text = f"import os; os.close(os.open('executed.{name}', os.O_CREAT))\nraise ImportError('planted')\n"
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def start(environment: Path, tree: Path, command: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """As DVC and make start it, by a shell."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    path = os.pathsep.join([str(environment / "bin"), kept["PATH"]])
    words = {"cwd": tree, "env": {**kept, "PATH": path, **more}, "capture_output": True, "text": True}
    return subprocess.run(command, shell=True, check=False, **words)


def executed(tree: Path) -> list[str]:
    return sorted(path.suffix for path in tree.glob("executed.*"))


def stage_command() -> str:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    commands = {entry["cmd"].replace(name, "check") for name, entry in stages.items()}
    (command,) = commands
    return command


def test_dvc_starts_python_so_that_nothing_planted_is_executed(environment: Path, tree: Path) -> None:
    done = start(environment, tree, stage_command())
    assert (done.returncode, executed(tree)) == (0, []), done.stderr
    assert "the worktree's own" in done.stdout


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("python -P -m flows.train --help", {}),
        ("python -m components check", {"PYTHONSAFEPATH": "1"}),
        (". {environment}/bin/activate && python -m components check", {}),
    ],
)
def test_so_do_make_and_an_activated_environment(
    environment: Path, tree: Path, command: str, more: dict[str, str]
) -> None:
    done = start(environment, tree, command.format(environment=environment), **more)
    assert (done.returncode, executed(tree)) == (0, []), done.stderr
    assert "the worktree's own" in done.stdout or "flows.train" in done.stdout


def test_without_a_safe_path_it_is_executed(environment: Path, tree: Path) -> None:
    """So that what is tested above is no invention."""
    start(environment, tree, "python -m components check")
    assert executed(tree)


LOAD = """
import os, sys
from prefect.flows import load_flow_from_entrypoint
os.chdir(sys.argv[1])
flow = load_flow_from_entrypoint(sys.argv[2], use_placeholder_flow=False)
import components, smtplib  # nor is a library that is imported later on
print(flow.name, components.__file__)
"""


@pytest.mark.parametrize("entrypoint", [*sorted(ENTRYPOINTS), "flows/launch.py:scheduled"])
def test_so_does_a_worker_whose_flow_prefect_loads_from_the_workspace(
    environment: Path, tree: Path, entrypoint: str
) -> None:
    """As the process of a flow run is started, with the folder on PYTHONPATH, and as it imports the flow."""
    for name in LATE:
        shutil.copy(tree / "yaml.py", tree / f"{name}.py")
    (tree.parent / "load.py").write_text(LOAD)
    command = f"python {tree.parent / 'load.py'} {tree} {entrypoint}"
    done = start(environment, tree.parent, command, PYTHONSAFEPATH="1", PYTHONPATH=str(tree))
    assert (done.returncode, executed(tree)) == (0, []), done.stderr
    assert done.stdout.endswith(f"{tree}/components/__init__.py\n")


def test_what_a_worker_s_flow_starts_elsewhere_runs_the_code_of_that_folder(
    environment: Path, tree: Path
) -> None:
    """A scheduled run's stages run in a worktree of their own, and Prefect's PYTHONPATH comes down to them."""
    command = "python -c 'import components.__main__ as m, flows; print(m.__file__, flows.__file__)'"
    done = start(environment, tree, command, PYTHONSAFEPATH="1", PYTHONPATH=str(ROOT))
    assert done.stdout.split() == [str(tree / "components/__main__.py"), str(tree / "flows/__init__.py")], (
        done.stderr
    )


def test_a_folder_that_holds_no_line_stays_as_it_is_on_the_path(environment: Path, tree: Path) -> None:
    shutil.rmtree(tree / "flows")
    start(environment, tree, "python -c 'import ujson'", PYTHONSAFEPATH="1", PYTHONPATH=str(tree))
    assert executed(tree) == [".sitecustomize", ".ujson"]


def test_a_person_who_leaves_the_environment_has_the_old_path(environment: Path, tree: Path) -> None:
    said = start(environment, tree, f". {environment}/bin/activate; deactivate; echo safe=$PYTHONSAFEPATH")
    assert said.stdout == "safe=\n"


def test_makefile_and_flows_start_every_python_with_a_safe_path() -> None:
    for line in (ROOT / "Makefile").read_text().splitlines():
        assert "python -m" not in line, line
    for folder in ("components", "flows", "infra", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            assert 'sys.executable, "-m"' not in path.read_text(), path


def test_an_environment_that_does_not_know_the_folder_runs_no_other_code(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tree)
    assert main(["check"]) == StorageError.exit_code
    said = capsys.readouterr().err
    assert f"{ROOT} is the code that runs, and not that of {tree}. " in said
    assert "make setup" in said
