"""`benchmarks/gpu.sh`: its dry run on the CPU goes through every part; what it does without a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_speed import MODELS

ROOT = Path(__file__).parents[3]


def start(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(ROOT / "benchmarks" / "gpu.sh"), *words]
    given = {**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=given)


def test_the_dry_run_measures_every_part(tmp_path: Path) -> None:
    done = start("--dry", OUT=str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert [name for name, facts in found.items() if "not measured" in str(facts)] == []
    assert found["provider"]["active"] == "CPUExecutionProvider"
    assert found["parity"]["changed decisions"] == found["parity"]["largest difference"] == 0
    assert found["onnxruntime"]["with IOBinding"] > 0
    for name in MODELS:
        assert found[f"inference {name}"]["images/s"] > 0
        assert found[f"fine-tuning {name}"]["images/s"] > 0
    assert found["machine"]["gpu"] == "not run on a GPU"
    said = (tmp_path / "out" / "gpu.md").read_text()
    assert "a dry run of tiny networks on the CPU" in said
    assert said.strip() in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_measures_nothing(tmp_path: Path) -> None:
    done = start("--no-install", "--out", str(tmp_path / "out"))
    assert done.returncode == 5
    assert "torch sees no CUDA device" in done.stderr
    assert not (tmp_path / "out").exists()
    assert start("--unknown").returncode == 2
