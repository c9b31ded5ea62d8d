"""What a flow with nothing to do imports: each of these takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

SLOW = ("torch", "onnxruntime", "onnx", "sklearn", "matplotlib")
SAID = "import sys\nimport {name}\nprint(*(set(sys.modules) & set({slow})))"


@pytest.mark.parametrize(
    "name", ["flows.pipeline", "components.stages.register", "components.stages.operational"]
)
def test_a_flow_with_nothing_to_do_imports_no_library_of_training(name: str) -> None:
    code = SAID.format(name=name, slow=SLOW)
    words = [sys.executable, "-c", code]
    root = Path(__file__).parents[3]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
