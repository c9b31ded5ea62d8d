"""Targets that have places in an image. tests/plugins/regions/ brings the problems and a network that keeps its maps;
images are a modality of our own, and no line in components/ is about masks or boxes. All stages run in this process."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
import yaml
from counting import Foreign
from lines import ROOT
from picturing import BOXES, MASKS, PACKAGE, SIDE, as_boxes, as_mask, samples, weights
from plugged import plugged
from signed import check_signature
from text_lines import run_stages

from components.errors import ParamsError, StorageError
from components.inference.bundle import open_bundle
from components.params import Params, load_params
from components.registry.model import signature
from components.runtime.trust import check, limits_of
from components.stages.network import NetworkLine
from components.stages.predicted import predicted
from components.stages.table import Context
from components.storage.publish import read_json

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Line:
    root: Path
    params: Params
    context: Context

    @property
    def opened(self) -> NetworkLine:
        return NetworkLine.of(self.root, self.params, self.context)

    def json(self, path: str) -> dict[str, Any]:
        return read_json(self.root / path)

    @property
    def kept(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(
            self.root / "evaluation" / "predictions.parquet"
        ).to_pylist()
        return rows


def _written(place: Path, foreign: Foreign, label: Callable[..., str]) -> Path:
    samples(place / "measured", label)
    weights(place / "trained" / "map_network.safetensors")
    root = place / "line"
    root.mkdir()
    (root / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    foreign.params(root, place / "trained" / "map_network.safetensors")
    return root


def _line(place: Path, foreign: Foreign, label: Callable[..., str]) -> Iterator[Line]:
    with plugged(place / "installed", PACKAGE), pytest.MonkeyPatch.context() as patch:
        root = _written(place, foreign, label)
        patch.chdir(root)  # the source's address is relative to it
        yield Line(root, *run_stages(root))


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    yield from _line(tmp_path_factory.mktemp("masks"), MASKS, as_mask)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    yield from _line(tmp_path_factory.mktemp("boxes"), BOXES, as_boxes)


def test_mlflow_s_signature_has_all_axes_of_an_answer(masks: Line, boxes: Line) -> None:
    for line in (masks, boxes):
        check_signature(line.root / "release")
    said = signature(masks.json("release/manifest.json")).outputs.to_dict()[0]
    assert said["tensor-spec"] == {"dtype": "float32", "shape": (-1, 3, SIDE, SIDE)}


def test_no_line_of_ours_is_about_them() -> None:
    words = re.compile(r"map_network|regions\.(mask|box)|mean_iou|box_f1", re.IGNORECASE)
    for folder in ("components", "flows"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not words.search(path.read_text()), path


def _passes(line: Line) -> None:
    found = {rule["rule"]: rule["outcome"] for rule in line.json("verdict.json")["rules"]}
    assert set(found.values()) == {"pass"}, found
    parity = line.json("release/parity.json")["fp32"]
    assert (parity["samples"], parity["changed_decisions"]) == (40, 0)
    assert parity["max_difference"] < 1e-3


def test_a_mask_goes_from_its_label_to_a_verdict(masks: Line) -> None:
    _passes(masks)
    manifest = masks.json("release/manifest.json")
    assert manifest["output"]["shape"] == ["batch", 3, SIDE, SIDE]
    assert manifest["columns"] == ["p.ground", "p.disc", "p.bar"]
    assert "runner" not in manifest  # the decision lies wholly in the graph


def test_a_long_label_lies_beside_the_samples_and_is_known_by_its_digest(masks: Line) -> None:
    dataset = masks.opened.dataset
    assert {len(cell) for cell in dataset.table.column("label").to_pylist()} == {64}
    assert {len(label) for label in dataset.labels()} == {SIDE * SIDE}
    first = dataset.targets("train")[0]
    assert "".join(map(str, first)) == dataset.labels("train")[0]
    file = masks.root / "dataset" / "labels.bin"
    whole = file.read_bytes()
    file.write_bytes(b"2" * len(whole))
    with pytest.raises(StorageError, match=r"labels\.bin is damaged at label"):
        masks.opened.dataset.targets("train")
    file.write_bytes(whole)


def test_the_head_sees_a_map_from_below_the_cut_by_the_store(masks: Line) -> None:
    line = masks.opened
    frozen = line.frozen(1)
    assert frozen.names == ("maps", "fine")
    fields = [space.field for space in frozen.spaces(line.modality)]
    assert [(one.name, one.shape, one.dtype) for one in fields] == [
        ("maps", (16, 16, 16), "float16"),
        ("fine", (8, 32, 32), "float16"),
    ]
    records = line.stored(frozen, [(i, 0) for i in line.dataset.ids("train")])
    assert set(records.named(np.arange(2))) == {"maps", "fine"}
    assert masks.json("selected/selected.json")["chosen"] == "tuned"


def test_the_mean_of_ious_is_of_sums_over_images_and_no_answer_is_kept(masks: Line) -> None:
    rows, metrics = masks.kept, masks.json("evaluation/metrics.json")
    assert {name for row in rows for name in row if name.startswith("fp32")} == {"fp32.confusion"}
    total = np.sum([row["fp32.confusion"] for row in rows], axis=0).reshape(3, 3)
    right = np.diagonal(total)
    wanted = (right / (total.sum(axis=0) + total.sum(axis=1) - right)).mean()
    found = metrics["release"]["mean_iou"]
    assert found["estimate"] == pytest.approx(wanted)
    assert found["low"] < found["estimate"] < found["high"]
    assert metrics["n"] == len(rows) > 32  # judged in two parts
    line = masks.opened
    said = predicted(masks.root / "evaluation" / "predictions.parquet", "fp32", line.judge)
    assert line.judge.metrics["mean_iou"].of(said.outcome) == pytest.approx(wanted)


def test_a_bundle_decides_alike_alone_and_in_a_batch(masks: Line) -> None:
    _alike(masks)


def _alike(line: Line) -> None:
    bundle, dataset = open_bundle(line.root / "release"), line.opened.dataset
    runner, payloads = bundle.runner(["cpu"], 1), [dataset.read(i) for i in dataset.ids("test")[:9]]
    together, alone = (
        np.stack([rows[0] for rows, _ in runner.rows(payloads, bundle.assembly.windows, size)])
        for size in (9, 1)
    )
    assert bundle.decision.same(bundle.decision(together), bundle.decision(alone)).all()
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_views_that_would_move_an_image_and_not_its_mask_are_refused(masks: Line) -> None:
    path = masks.root / "params.yaml"
    before = path.read_text()
    values = yaml.safe_load(before)
    for key, value in (("flips", True), ("quarter_turns", True), ("shift", 0.1)):
        path.write_text(yaml.safe_dump({**values, "augment": {**values["augment"], key: value}}))
        with pytest.raises(ParamsError, match=f"augment.{key} moves a sample"):
            load_params(path)
    path.write_text(yaml.safe_dump({**values, "augment": {"views": 1}}))
    load_params(path)
    path.write_text(before)


def test_boxes_go_from_their_labels_to_a_verdict(boxes: Line) -> None:
    _passes(boxes)
    assert boxes.json("release/manifest.json")["output"]["shape"] == ["batch", 7, 8]
    rows, dataset = boxes.kept, boxes.opened.dataset
    assert [len(row["target"]) for row in rows] == [len(found) for found in dataset.targets("test")]
    hits, total = (sum(row[f"fp32.{name}"] for row in rows) for name in ("hits", "boxes"))
    found = boxes.json("evaluation/metrics.json")["release"]["box_f1"]
    assert found["estimate"] == pytest.approx(2 * hits / total)
    assert found["low"] < found["estimate"] < found["high"]


def test_suppression_lies_in_the_graph_and_no_image_depends_on_its_company(boxes: Line) -> None:
    model = onnx.load(boxes.root / "release" / "model.onnx")
    assert [node.op_type for node in model.graph.node].count("NonMaxSuppression") == 1
    assert not model.functions
    _alike(boxes)


def test_only_a_release_of_boxes_may_select_and_only_so_many(boxes: Line) -> None:
    bundle = open_bundle(boxes.root / "release")
    model, shape = bundle.model(), {"image": bundle.modality.signature.largest[0]}
    check(model, shape, limits_of(bundle.decision.operators))
    with pytest.raises(StorageError, match="'NonMaxSuppression', which is not on the list"):
        check(model, shape)
    with pytest.raises(StorageError, match="selects 8 boxes, not 1 to 7"):
        check(model, shape, limits_of({"NonMaxSuppression": 7, "ScatterND": 0}))
