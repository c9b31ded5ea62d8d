"""What a flow with nothing to do imports: each of these takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TRAINING = {"torch", "onnxruntime", "onnx", "sklearn", "matplotlib"}
SLOW = {"torch", "mlflow", "onnxruntime", "optuna", "prefect"}
HELP = (
    "import sys, {} as command\ntry: command.main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
)


@pytest.mark.parametrize(
    "name", ["flows.pipeline", "components.stages.register", "components.stages.operational"]
)
def test_a_flow_with_nothing_to_do_imports_no_library_of_training(name: str) -> None:
    done = run(f"import sys, {name}\nprint(*sys.modules)")
    assert not TRAINING & set(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "words"),
    [("flows.score", "75 busy or stopped"), ("flows.monitor", "4 drift"), ("flows.sweep", "--trials")],
)
def test_help_answers_without_anything_slow(name: str, words: str) -> None:
    done = run(HELP.format(name))
    assert words in " ".join(done.stdout.split())
    assert not SLOW & set(done.stderr.split())


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
