"""Whatever a user starts ends with an exit code and with words: no traceback, for anything."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Started by other processes of ours, which read what these say; or by developers, who want the traceback.
INTERNAL = {
    "components/backbones/unpickle.py",
    "components/forkserver/server.py",  # its forks end as `python -m components` does
    "infra/bytecode.py",
    "examples/pip_unbuilt.py",
    "flows/server.py",
    "docs/params.py",
}
CHILD = "flows/retrain.py"  # ends as the others do, but users do not start it
EXAMPLES = "examples/__main__.py"  # clones the repository first: tests/unit/flows/test_checkout.py
DEVELOPERS = ("benchmarks/", "tests/")
WORDS = {"components": ["check"], "infra.servers": ["status"]}


def _starts(path: Path) -> bool:
    return path.name == "__main__.py" or 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")


def entry_points() -> list[str]:
    """Every tracked or new file that `python -m` can start, less those above."""
    words = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "*.py"]
    names = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    files = [name for name in names if (ROOT / name).is_file() and not name.startswith(DEVELOPERS)]
    return sorted(name for name in files if name not in INTERNAL and _starts(ROOT / name))


ENTRIES = entry_points()


def module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__main__").replace("/", ".")


def words(name: str) -> list[str]:
    if name == "flows/score.py":
        return ["--input", "in", "--output", "out"]
    return WORDS.get(module(name), [])


def test_the_known_ones_are_among_them() -> None:
    assert {"components", "examples", "flows.train", "infra.servers"} <= {module(name) for name in ENTRIES}
    assert all((ROOT / name).is_file() for name in INTERNAL)


@pytest.mark.parametrize("name", ENTRIES)
def test_it_ends_as_all_do(name: str) -> None:
    """`main` hands its work to `guarded`, and the file's end calls `main` and nothing else."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    assert ast.unparse(tree.body[-1]) == "if __name__ == '__main__':\n    sys.exit(main())"
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    last = main.body[-1]
    assert isinstance(last, ast.Return)
    assert isinstance(last.value, ast.Call)
    assert ast.unparse(last.value.func) == "guarded"


@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in (CHILD, EXAMPLES)])
def test_without_the_environment_it_says_which_to_activate(name: str, tmp_path: Path) -> None:
    """With Python alone, as `python3 -m …` without `source .venv/bin/activate` finds it."""
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    done = start(name, tmp_path, "-S")
    assert "Traceback" not in done.stderr
    if name.startswith("infra/"):  # whose status needs nothing
        assert (done.returncode, done.stdout) == (1, "No servers here yet: make up\n")
    else:
        assert done.returncode == 14, done.stderr
        assert "source .venv/bin/activate" in done.stderr


@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in (CHILD, EXAMPLES)])
def test_a_folder_where_a_file_belongs_is_said(name: str, tmp_path: Path) -> None:
    for file in ("params.yaml", "prefect.yaml", "home/servers/settings.json"):
        (tmp_path / file).mkdir(parents=True)
    done = start(name, tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode in {2, 14}, done.stderr
    assert done.stderr.startswith("error: ")


def start(name: str, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRAFTLINE_HOME": str(folder / "home")}
    return subprocess.run(
        [sys.executable, *options, "-m", module(name), *words(name)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
