"""What a release says and sees: the embedding is a second output of the same graph, and no answer changes by it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from brightness import brighter, write_release
from onnx import TensorProto, helper, numpy_helper
from scored import MODEL, contents, light, picture, score, write_pictures

from components.errors import DataError, DigestMismatch, StorageError
from components.inference.bundle import Runner, open_bundle
from components.inference.inputs import Folder
from components.inference.observing import Observer, Raw, observe, observer, with_embedding
from components.inference.plan import Output, make_plan
from components.inference.results import read_scored
from components.inference.scoring import Scorer


def network(head: str, half: bool = False) -> bytes:
    """(batch, 3) → sum and difference of the first two → a hidden layer → two numbers. `head` begins weights' names."""
    kind = np.float16 if half else np.float32
    weights: Sequence[tuple[str, object]] = (
        ("backbone.weight", [[1, 1], [1, -1], [0, 0]]),
        (f"{head}0.weight_quantized", [[1, 0, 1], [0, 1, 1]]),
        (f"{head}2.weight", [[1, 0], [0, 1], [0, 0]]),
    )
    nodes = [
        helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT16 if half else TensorProto.FLOAT),
        helper.make_node("MatMul", ["cast", "backbone.weight"], ["features"]),
        helper.make_node("Identity", [f"{head}0.weight_quantized"], ["moved"]),
        helper.make_node("MatMul", ["features", "moved"], ["wide"]),
        helper.make_node("Relu", ["wide"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", f"{head}2.weight"], ["out"]),
        helper.make_node("Cast", ["out"], ["probabilities"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.array(value, dtype=kind), name) for name, value in weights],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("half", [False, True])
def test_the_embedding_is_what_meets_the_head_first(half: bool) -> None:
    """Of (2, 1, 9): 3 and 1. Without names it is what the last linear layer takes: 3, 1 and 4."""
    x = np.array([[2, 1, 9]], dtype=np.float32)
    for head, expected in (("head.", [3, 1]), ("layer.", [3, 1, 4])):
        model = network(head, half)
        seen = Observer(model, ["cpu"], 1)
        probabilities, embedding = seen.answers(x)
        assert (embedding.dtype, embedding.tolist(), seen.width) == (np.float32, [expected], len(expected))
        assert probabilities.tolist() == Runner(model, ["cpu"], 1).run(x).tolist() == [[3, 1]]


def test_a_graph_without_a_linear_layer_has_no_embedding() -> None:
    nodes = [helper.make_node("Softmax", ["x"], ["probabilities"], axis=1)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", 2]) for n in ("x", "probabilities")]
    model = helper.make_model(helper.make_graph(nodes, "none", ends[:1], ends[1:]), ir_version=10)
    with pytest.raises(StorageError, match="has no linear layer"):
        with_embedding(model.SerializeToString())


@pytest.fixture
def release(tmp_path: Path) -> Path:
    write_release(tmp_path, {"model.onnx": 0.02})
    return tmp_path / "release"


def test_rows_are_in_order_with_reasons_where_nothing_could_be_read(release: Path) -> None:
    bundle = open_bundle(release)

    def gone() -> bytes:
        raise DataError("is gone")

    raw = [
        Raw("a", lambda: picture(200, 3)),
        Raw("b", lambda: b"no picture"),
        Raw("c", gone),
        Raw("d", lambda: picture(50, 4)),
        Raw("e", lambda: picture(10, 3)),
    ]
    rows = list(observe(bundle, observer(bundle, ["cpu"], 1), raw, 2))
    assert [row.id for row in rows] == list("abcde")
    assert [bool(row.reason) for row in rows] == [False, True, True, False, False]
    assert rows[2].reason == "is gone"
    assert not rows[2].sha256
    assert [float(rows[i].embedding[0]) for i in (0, 3, 4)] == [200, 50, 10]
    assert rows[3].answer[1] == pytest.approx(light(50))
    assert rows[4].statistics["height"] == rows[4].statistics["width"] + 1 == 4
    assert rows[4].statistics["brightness"] == pytest.approx(10, rel=1e-5)


def test_an_exchanged_file_is_not_looked_through(release: Path) -> None:
    bundle = open_bundle(release)
    (release / "model.onnx").write_bytes(brighter(0.03))
    with pytest.raises(DigestMismatch):
        observer(bundle, ["cpu"], 1)


def test_scored_rows_hold_embeddings_where_asked_and_come_back(release: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    levels = write_pictures(folder, 12)
    (folder / "0004.png").write_bytes(b"no picture")
    bundle = open_bundle(release)
    output = Output(tmp_path / "with", make_plan(MODEL, 5, Folder(folder), embeddings=True))
    with output.held(range(3)):
        scorer = Scorer(bundle, MODEL, ["cpu"], 2, embeddings=True)
        scorer.score(Folder(folder), output, range(3), lambda count: None)
    with pytest.raises(StorageError, match="no finished scoring job"):
        read_scored(tmp_path / "with")
    output.finish()
    plain = score(Scorer(bundle, MODEL, ["cpu"], 2), folder, tmp_path / "plain")
    for name in ("part-000000.parquet", "part-000002.parquet"):
        both = [pq.read_table(output.folder / name), pq.read_table(plain.folder / name)]
        assert both[0].drop_columns(["embedding"]).equals(both[1])
    assert "embedding" not in contents(plain.folder)["_plan.json"].decode()
    with pytest.raises(StorageError, match="was begun with --embeddings"):
        Output(tmp_path / "with", make_plan(MODEL, 5, Folder(folder)))

    found = read_scored(tmp_path / "with")
    assert (found.embedded, read_scored(tmp_path / "plain").embedded) == (True, False)
    assert found.digest == read_scored(tmp_path / "plain").digest
    assert [place for place, reason in enumerate(found.reasons) if reason] == [4]
    rows = np.array([1, 3, 5, 11])
    assert found.embeddings(rows)[:, 0].tolist() == [levels[i] for i in rows]
    (tmp_path / "with" / "part-000001.parquet").write_bytes(
        (plain.folder / "part-000001.parquet").read_bytes()
    )
    with pytest.raises(DigestMismatch, match="is not what was written there"):
        read_scored(tmp_path / "with")
