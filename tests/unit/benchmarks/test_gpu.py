"""`benchmarks/gpu.sh`: its dry run on the CPU goes through every part; what it does without a GPU; its options."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from brightness import brighter, modern_about, saying

from benchmarks import gpu, workspace
from benchmarks.gpu_speed import MODELS
from components.params.task import TaskParams
from components.problems import decision
from components.problems.base import Decision
from components.storage.publish import sha256_bytes, write_bytes, write_json

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
    assert (found["parity"]["largest difference"], found["parity"]["judgement"]) == (0, "pass")
    assert found["onnxruntime"]["with IOBinding"] > 0
    for name in MODELS:
        assert found[f"inference {name}"]["images/s"] > 0
        assert found[f"inference {name}"]["images/s of the median step"] > 0
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


def deciding() -> Decision:
    about = modern_about(threshold=0.4)
    task = TaskParams.model_validate(about["task"])
    return decision(task, about["target"], about["decision"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("light", "judgement"),
    [
        (0.30, "pass"),
        (0.304, "pass"),
        (0.31, "fail: a difference of 0.01"),
        (0.41, "fail: a difference of 0.11, 1 changed decisions"),
        (float("nan"), "fail: a difference of nan"),
    ],
)
def test_parity_is_judged(light: float, judgement: str) -> None:
    ours, theirs = np.array([[0.7, 0.3], [0.1, 0.9]]), np.array([[1 - light, light], [0.1, 0.9]])
    found = gpu.compared(ours, theirs, gpu.TOLERANCES["fp32"], deciding())
    assert found["judgement"] == judgement


def test_a_change_within_the_tolerance_that_turns_a_decision_fails_for_a_release_only() -> None:
    ours, theirs = np.array([[0.601, 0.399]]), np.array([[0.599, 0.401]])
    assert gpu.compared(ours, theirs, 5e-3, deciding())["judgement"] == "fail: 1 changed decisions"
    assert gpu.compared(ours, theirs, 5e-3, None)["judgement"] == "pass"
    assert str(gpu.compared(ours, ours[:0], 5e-3, None)["judgement"]).startswith("fail: the shapes")


def test_a_release_is_judged_by_its_own_decisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "ROOT", tmp_path)
    about = modern_about()
    model = saying(brighter(0.01), about)
    write_bytes(tmp_path / "release" / "model.onnx", model)
    listed = {"model.onnx": {"sha256": sha256_bytes(model), "size": len(model)}}
    write_json(tmp_path / "release" / "manifest.json", {**about, "files": listed})
    asked = gpu.subject(dry=True)
    found = gpu.parity(asked, "cpu")
    assert (asked.name, found["changed decisions"], found["judgement"]) == ("release/ (fp32)", 0, "pass")


CUDA = {
    "provider": {"active": "CUDAExecutionProvider"},
    "parity": {"judgement": "pass"},
    "onnxruntime": {"batch": 8},
    "TensorRT parity": {"not measured": "ProviderError: tensorrt is not active"},
}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"provider": {"active": "CPUExecutionProvider"}}, 5),  # CUDA's was listed, and fell back
        ({"provider": {"not measured": "ProviderError: cuda is not active"}}, 5),
        ({"parity": {"not measured": "RuntimeError: out of memory"}}, 5),
        ({"onnxruntime": {"not measured": "more than 480 seconds had passed"}}, 5),
        ({"parity": {"judgement": "fail: a difference of 0.1"}}, 6),
        ({"parity": {"samples": 4}}, 6),
        ({"TensorRT parity": {"judgement": "fail: 1 changed decisions"}}, 6),
        ({"TensorRT parity": {"judgement": "pass"}}, 0),
    ],
)
def test_it_ends_well_only_where_the_gpu_ran_and_answered_as_the_cpu(
    changed: dict[str, object], code: int
) -> None:
    assert gpu.verdict({**CUDA, **changed}, "CUDAExecutionProvider") == code
    assert gpu.verdict({}, "CUDAExecutionProvider") == 5


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
