"""A workspace after a run, in small: the artefacts that the page reads, with figures made up for the test."""

import json
import math
from pathlib import Path

LINES = f'{{"test_digest": "{"t" * 64}"}}\n' * 3 + "broken\n"
TASK = {"name": "image_classification", "input_size": 96}
CLASSES = {"functional": 1800, "defective": 800}
METRICS = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "f1", "ece")


def interval(estimate: float, half: float = 0.02, n: int = 640) -> dict[str, float]:
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half, "n": n}


def scores(base: float, n: int = 640) -> dict[str, dict[str, float]]:
    shift = {"auroc": 0.04, "f1": -0.06, "ece": 0.05 - base}
    return {name: interval(base + shift.get(name, 0.0), 0.02, n) for name in METRICS}


def said(estimate: float) -> str:
    """As the gate writes evidence."""
    return f"{estimate:.3f} ({estimate - 0.02:.3f} to {estimate + 0.02:.3f}, n = 640)"


def rule(name: str, outcome: str, facts: dict[str, float], evidence: str) -> dict[str, object]:
    return {"rule": name, "outcome": outcome, "evidence": evidence, **facts}


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def make(root: Path) -> Path:
    """Write a whole workspace; its local state is `root/.graftline`."""
    _data(root)
    _training(root)
    _evaluation(root)
    stages = {"version_data": 21.4, "extract_features": 18.2, "fine_tune": 96.1, "train_controls": 92.0}
    timings = {
        name: {"seconds": seconds, "at": f"2026-01-01T10:0{n}:00Z"}
        for n, (name, seconds) in enumerate(stages.items())
    }
    write(root / ".graftline/runs/timings.json", timings)
    write(root / ".graftline/evaluations.jsonl", json.dumps({"test_digest": "u" * 64}) + "\n" + LINES)
    return root


def _data(root: Path) -> None:
    sides = {
        side: {"samples": n, "targets": {"functional": n - n // 3, "defective": n // 3}}
        for side, n in (("train", 1570), ("validation", 262), ("calibration", 130), ("test", 640))
    }
    report = {
        "samples": 2602,
        "targets": CLASSES,
        "sides": sides,
        "identical_copies": 4,
        "near_duplicates": {"pairs": 31, "straddling_pairs": 12, "disagreeing_labels": 5, "excluded": 12},
        "quarantine": {"samples": 1, "kinds": {"unreadable": 1}},
        "contradictions": {"contents": 0},
        "ignored_files": 14,
        "notes": ["2602 samples of 2 classes.", "Fewer than 6 test samples: <i>cracked</i> 3."],
    }
    write(root / "dataset/report.json", report)
    write(
        root / "dataset/dataset.json",
        {
            "target": {"problem": "classification", "classes": list(CLASSES)},
            "digest": "d" * 64,
            "licence": "CC BY-NC-SA 4.0",
        },
    )
    broken = {"path": "images/<b>cell.png", "reason": "cannot be decoded: truncated"}
    write(root / "dataset/quarantine.json", {"quarantined": [broken]})
    lock = {"uri": "pypi:cells==1.0/data", "revision": "1.0", "licence": "CC BY-NC-SA 4.0"}
    write(root / "data/source.lock", json.dumps(lock) + "\n")
    checkpoint = {
        "name": "efficientnet_lite0",
        "uri": "pypi:weights==1.0/w.pth",
        "sha256": "c" * 64,
        "licence": "Apache-2.0",
    }
    write(root / "checkpoint/provenance.json", checkpoint)


def _training(root: Path) -> None:
    lines = ["epoch,phase,train_loss,validation_loss,validation_accuracy,lr,criterion"]
    for epoch in range(8):
        fall = math.exp(-epoch / 3)
        lines.append(f"{epoch},blocks,{0.16 + fall * 0.4},{0.27 + fall * 0.3},{0.9 - fall * 0.12},0.001,")
    write(root / "tuned/curves.csv", "\n".join(lines) + "\n")
    tuned = {
        "epochs_run": 8,
        "best_epoch": 7,
        "precision": "bf16",
        "frozen_sha256_before": "f" * 64,
        "frozen_sha256_after": "f" * 64,
    }
    write(root / "tuned/tuned.json", tuned)
    write(root / "head/curves.csv", "candidate,score,loss\n0.0001,0.84,0.41\n0.001,0.85,0.38\n")
    write(root / "head/head.json", {"method": "logistic", "parameter": "l2", "chosen": 0.001})
    scores = {"head": 0.871, "tuned": 0.902}
    chosen = {"chosen": "tuned", "head": None, "metric": "balanced_accuracy", "validation": scores}
    decision = {
        "temperature": 1.273,
        "threshold": 0.5,
        "positive": "defective",
        "rule": {"rule": "fixed", "value": 0.5},
        "calibration": {"n": 130, "nll_before": 0.31, "nll_after": 0.27},
    }
    write(root / "selected/selected.json", {**chosen, "decision": decision})


def _evaluation(root: Path) -> None:
    good = scores(0.887)
    metrics = {
        "release": good,
        "slices": {"type=mono": scores(0.897, 280), "type=poly": scores(0.871, 360)},
        "variants": {
            name: scores(base) for name, base in (("fp32", 0.887), ("int8", 0.881), ("fp16", 0.887))
        },
        "controls": {"majority": {"accuracy": interval(0.68)}, "scratch": scores(0.71)},
        "paired": {"scratch": {"balanced_accuracy": interval(0.177), "accuracy": interval(0.004)}},
        "training": {
            "overfitting": {"train_accuracy": 0.96, "validation_accuracy": 0.89, "accuracy_gap": 0.07},
            "movement": {"weights_l2": 4.3, "weights_relative": 0.014, "features_cka": 0.724},
        },
        "source": {
            "domains": ["mono"],
            "before": scores(0.88, 260),
            "after": scores(0.84, 260),
            "paired": {"accuracy": interval(-0.04)},
        },
        "metrics": {name: {"better": "lower" if name == "ece" else "higher"} for name in METRICS},
        "roc_class": "defective",
        "test_digest": "t" * 64,
        "n": 640,
    }
    write(root / "evaluation/metrics.json", metrics)
    cells = {("functional", "functional"): 412, ("functional", "defective"): 22}
    cells |= {("defective", "functional"): 50, ("defective", "defective"): 156}
    lines = [f"{a},{p}\n" for (a, p), count in cells.items() for _ in range(count)]
    write(root / "evaluation/confusion.csv", "actual,predicted\n" + "".join(lines))
    bins = [f"{0.525 + n * 0.05},{0.54 + n * 0.048},{(n + 2) ** 2}\n" for n in range(10)]
    write(root / "evaluation/reliability.csv", "confidence,accuracy,count\n" + "".join(bins))
    curve = [f"{x / 40},{(x / 40) ** 0.2}\n" for x in range(41)]
    write(root / "evaluation/roc.csv", "false_positive_rate,true_positive_rate\n" + "".join(curve))
    rules = [
        rule("balanced_accuracy at least 0.82", "pass", {**good["accuracy"], "bound": 0.82}, said(0.887)),
        rule("auroc at least 0.92", "inconclusive", {**good["auroc"], "at_least": 0.92}, said(0.927)),
        rule("ece at most 0.02", "fail", {**good["ece"], "at_most": 0.02}, said(0.05)),
        rule("size in MB at most 20", "pass", {}, "13.6"),
    ]
    write(root / "verdict.json", {"verdict": "fail", "rules": rules})
    files = {"model.onnx": 13_600_000, "model.int8.onnx": 3_700_000, "model.fp16.onnx": 6_900_000}
    listed = {name: {"size": size, "sha256": name[6] * 64} for name, size in files.items()}
    write(root / "release/manifest.json", {"files": listed, "released": "fp32", "task": TASK})
    parity = {
        "fp32": {"samples": 200, "changed_decisions": 0, "max_difference": 3e-7},
        "int8": {"samples": 200, "changed_decisions": 4, "max_difference": 0.06},
    }
    write(root / "release/parity.json", parity)
