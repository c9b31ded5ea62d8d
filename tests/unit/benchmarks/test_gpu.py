"""`benchmarks/gpu.sh`: its dry run on the CPU goes through every part; what it does without a GPU; its options."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu, workspace
from benchmarks.gpu_speed import MODELS

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gpu.sh"


def start(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["benchmarks/gpu.sh", *words])
    return gpu.main()


def test_the_dry_run_measures_every_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "ROOT", tmp_path)  # no release there, whatever this workspace holds
    assert start(monkeypatch, "--dry", "--out", str(tmp_path / "out")) == 0
    found = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert [name for name, facts in found.items() if "not measured" in str(facts)] == []
    assert found["provider"]["active"] == "CPUExecutionProvider"
    assert found["provider"]["nodes on the CPU"] > 0
    assert found["parity"]["changed decisions"] == found["parity"]["largest difference"] == 0
    assert found["onnxruntime"]["with IOBinding"] > 0
    for name in MODELS:
        assert found[f"inference {name}"]["images/s"] > 0
        assert found[f"fine-tuning {name}"]["images/s"] > 0
    assert found["machine"]["gpu"] == "not run on a GPU"
    said = (tmp_path / "out" / "gpu.md").read_text()
    assert "a dry run of tiny networks on the CPU" in said
    assert said.strip() in capsys.readouterr().out


def test_parts_that_no_time_is_left_for_are_named(tmp_path: Path) -> None:
    found = gpu.measure(tmp_path, "cpu", True, seconds=-1)
    holes = [name for name, facts in found.items() if "not measured" in str(facts)]
    assert set(holes) == {"provider", "parity", "onnxruntime"} | {
        f"{what} {name}" for what in ("inference", "fine-tuning") for name in MODELS
    }


CUDA = {
    "provider": {"active": "CUDAExecutionProvider"},
    "parity": {"samples": 4},
    "onnxruntime": {"batch": 8},
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"provider": {"active": "CPUExecutionProvider"}}, False),  # CUDA's was listed, and fell back
        ({"provider": {"not measured": "ProviderError: cuda is not active"}}, False),
        ({"parity": {"not measured": "RuntimeError: out of memory"}}, False),
        ({"onnxruntime": {"not measured": "more than 480 seconds had passed"}}, False),
    ],
)
def test_it_ends_well_only_where_onnxruntime_ran_on_the_gpu(
    changed: dict[str, object], expected: bool
) -> None:
    assert gpu.proved({**CUDA, **changed}, "CUDAExecutionProvider") is expected
    assert not gpu.proved({}, "CUDAExecutionProvider")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_measures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="5"):
        start(monkeypatch, "--out", str(tmp_path / "out"))
    assert "torch sees no CUDA device" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "out", "expected"),
    [
        (["--dry"], {}, "-m benchmarks.gpu --out benchmarks/results/gpu --dry"),
        (["--dry"], {"OUT": "/some/place"}, "-m benchmarks.gpu --out /some/place --dry"),
        (["--no-install", "--out", "here"], {}, "-m benchmarks.gpu --out {cwd}/here"),
        (
            ["--seconds", "9", "--no-install"],
            {},
            "-m benchmarks.gpu --out benchmarks/results/gpu --seconds 9",
        ),
    ],
)
def test_the_script_hands_its_options_to_the_interpreter_that_it_is_given(
    tmp_path: Path, words: list[str], out: dict[str, str], expected: str
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\necho "$PWD $@"\n')
    interpreter.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k != "OUT"} | {"PYTHON": str(interpreter), **out}
    done = subprocess.run(
        ["bash", str(SCRIPT), *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{workspace.ROOT} {expected.format(cwd=tmp_path)}"


def test_an_unknown_option_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    done = subprocess.run(["bash", str(SCRIPT), "--fast"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--no-install" in done.stderr
