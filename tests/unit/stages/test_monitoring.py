"""A registered version, its reference, and windows that do or do not look like it: real registry, real pictures."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from promoted import PICTURES, Line, line_params, write_dataset, write_levels

from components.data.dataset import Dataset
from components.errors import DataError, DigestMismatch, ParamsError, RegistryError, SourceError
from components.inference.bundle import open_bundle
from components.inference.inputs import Folder
from components.inference.plan import Model, Output, make_plan
from components.inference.scoring import Scorer
from components.monitoring.observed import from_parquet
from components.params import Params
from components.params.load import check
from components.params.task import TaskParams
from components.params.watching import read_look
from components.problems import decision
from components.problems.operation import watch
from components.registry.reference import Shelf
from components.registry.register import CONTRACT_TAG
from components.stages import windows
from components.stages.monitor import Found, monitor
from components.stages.reference import make_reference
from components.stages.windows import read_labels

DESCRIPTION = {"problem": "classification", "classes": ["dark", "light"]}
WATCH = watch(TaskParams(), DESCRIPTION, decision(TaskParams(), DESCRIPTION))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Line:
    """A line whose release is registered, with a reference, and two folders of pictures: `same` and `bright`."""
    root = tmp_path_factory.mktemp("watched")
    patch = pytest.MonkeyPatch()
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        patch.delenv(name, raising=False)
    (root / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, root / ".graftline" / "mlflow" / "mlflow.db")
    write_dataset(root, PICTURES)
    line = Line(root, watched(line_params(root / "pictures")))
    line.registered()
    write_levels(root / "same", 90)
    for file in sorted((root / "same").rglob("*.png")):
        target = root / "bright" / file.name
        target.parent.mkdir(exist_ok=True)
        brighter = np.clip(np.asarray(Image.open(file)).astype(float) + 110, 0, 255).astype(np.uint8)
        Image.fromarray(brighter).save(target)
    make_reference(root, line.params, "1")
    yield line  # type: ignore[misc]
    patch.undo()


def watched(params: Params, **monitoring: object) -> Params:
    given = {"rate": 0.01, "least": 30, "permutations": 999, "samples": 60, **monitoring}
    return check({**params.model_dump(mode="json"), "monitoring": given})


def look(line: Line, **asked: object) -> Found:
    return monitor(line.root, line.params, read_look({"version": 1, **asked}))


def test_the_reference_is_of_samples_that_the_version_was_not_trained_on(made: Line) -> None:
    again = make_reference(made.root, made.params, "1")
    assert not again.created
    shelf = Shelf(made.root, made.params.tracking)
    reference = from_parquet(shelf.reference(again.watched), "it")
    dataset = Dataset.open(made.root / "dataset")
    assert set(reference.ids) == {*dataset.ids("validation"), *dataset.ids("calibration")}
    assert reference.about["release_sha256"] == again.watched.digest
    labels = dict(zip(dataset.ids(), dataset.table.column("label").to_pylist(), strict=True))
    assert reference.labels == [labels[i] for i in reference.ids]
    assert reference.statistics["brightness"] == pytest.approx(reference.embeddings[:, 0], abs=0.1)
    assert reference.about["mean"] == pytest.approx([reference.embeddings[:, 0].mean()], rel=1e-5)


def test_windows_with_and_without_drift(made: Line) -> None:
    same = look(made, input="same")
    assert not same.alarm
    assert same.window == look(made, input="same").window
    bright = look(made, input="bright")
    assert {test.name for test in bright.tests if test.alarm} >= {"embeddings", "brightness"}
    assert bright.window != same.window
    facts = json.loads((bright.folder / "window.json").read_bytes())
    assert (facts["inputs"], facts["unreadable"], facts["samples"]) == (60, 0, 60)
    assert set(facts["metrics"]) == {"reference", "estimated without labels"}
    assert set(facts["metrics"]["reference"]) >= {"accuracy", "auroc", "recall of light"}
    assert (facts["headline"], facts["not_estimated"]) == (["accuracy", "balanced_accuracy"], "")
    page = bright.page.read_text()
    assert "<strong>drift</strong>" in page
    assert "Worth a label" in page


def test_what_was_scored_is_looked_at_with_its_inputs_or_its_embeddings(made: Line, tmp_path: Path) -> None:
    root, release = made.root, made.root / "release"
    (root / "bright" / "zz.png").write_bytes(b"no picture")
    inputs = Folder(root / "bright")
    digest = made.desk.connection.client.get_model_version("cells", "1").tags["graftline.release_sha256"]
    model = Model("cells", "1", digest, "fp32")
    for name, embeddings in (("plain", False), ("embedded", True)):
        output = Output(tmp_path / name, make_plan(model, 40, inputs, embeddings))
        scorer = Scorer(open_bundle(release), model, ["cpu"], 1, embeddings)
        scorer.score(inputs, output, range(3), lambda count: None)
        output.finish()
    asked = {"version": None, "scored": str(tmp_path / "plain")}
    with pytest.raises(DataError, match="holds no embeddings"):
        look(made, **asked)
    bare = look(made, version=None, scored=str(tmp_path / "embedded"))
    assert [test.name for test in bare.tests] == ["embeddings", "classes", "confidence"]
    assert bare.tests[0].alarm

    with (tmp_path / "labels.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "label"])
        rows.writerows([name.id, "light"] for name in inputs)
    whole = look(made, **asked, input="bright", labels=str(tmp_path / "labels.csv"))
    assert whole.window == bare.window
    assert (whole.facts["inputs"], whole.facts["unreadable"]) == (91, 1)
    measured = whole.facts["metrics"]["measured"]  # type: ignore[index]
    assert measured["accuracy"]["n"] == 90
    assert len(whole.tests) == 6
    others = tmp_path / "others"
    others.mkdir()
    Image.new("RGB", (5, 4)).save(others / "other.png")
    with pytest.raises(
        SourceError, match=r"others is not what was scored: 60 of the 60 inputs .* are not there"
    ):
        look(made, **asked, input=str(others))
    (root / "bright" / "zz.png").unlink()
    for file in (root / "bright").iterdir():
        file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(SourceError, match="another than the one that was scored"):
        look(made, **asked, input="bright")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("id,label\na,light\nb,lihgt\n", r"row 2 \(line 3\): b has the label 'lihgt'. Allowed: dark, light"),
        (
            "id,label\na,light\na,dark\n",
            r"row 2 \(line 3\): a has the label 'dark', and another one in an earlier row",
        ),
        ("id;label\na;light\n", r"has the columns id;label, but .* separated by ';'"),
        ("id,label\na\n", r"row 1 \(line 2\): it has 1 value, the header 2"),
    ],
)
def test_labels_that_came_later_are_read_as_every_table_is(tmp_path: Path, table: str, said: str) -> None:
    """CASES 33."""
    path = tmp_path / "labels.csv"
    path.write_text(table)
    with pytest.raises(DataError, match=said):
        read_labels(path, WATCH)
    path.write_text("id , label\n a,light\nb,\n")
    assert read_labels(path, WATCH) == {"a": "light"}


def test_refusals_come_before_any_input_is_read(made: Line) -> None:
    with pytest.raises(ParamsError, match=r"monitoring.permutations is 99"):
        watched(made.params, permutations=99)
    short = Line(made.root, watched(made.params, least=500))
    with pytest.raises(DataError, match="least asks for 500"):
        look(short, input="same")
    with pytest.raises(ParamsError, match="give --scored, an input, or both"):
        read_look({})
    with pytest.raises(ParamsError, match="leave --alias and --version out"):
        read_look({"scored": "x", "version": 3})
    with pytest.raises(RegistryError, match="has no version 9"):
        look(made, version=9, input="same")


def test_a_window_is_counted_and_refused_before_any_release_is_fetched(
    made: Line, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look(made, input="same")
    said = capfd.readouterr().err
    assert "Window: 90 inputs; 60, drawn by monitoring.samples, are compared." in said
    assert said.index("Window: ") < said.index("look  "), "before any sample is looked at"
    assert "1998/1998" in said, "the permutations of embeddings and of classes have a bar"
    (tmp_path / "few").mkdir()
    for file in sorted((made.root / "same").rglob("*.png"))[:29]:
        shutil.copyfile(file, tmp_path / "few" / file.name)
    monkeypatch.setattr(windows, "fetch", _nothing)
    with pytest.raises(DataError, match=r"The window has 29 inputs; monitoring.least asks for 30"):
        look(made, input=str(tmp_path / "few"))


def _nothing(*_: object) -> None:
    raise AssertionError("the release was fetched")


def test_a_window_of_another_kind_is_refused_before_it_is_looked_at(made: Line, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"Mail {number}")
    with pytest.raises(
        DataError, match=r"cells version 1 takes inputs of the modality 'image', and .* holds texts"
    ):
        look(made, input=str(tmp_path))


def test_a_version_without_a_reference_and_one_that_was_changed(made: Line) -> None:
    made.registered(boundary=150)
    with pytest.raises(RegistryError, match=r"has no reference .*flows.monitor reference --version 2"):
        look(made, version=2, input="same")
    done = make_reference(made.root, made.params, "2")
    kept = made.stored("2") / "monitoring" / f"{done.watched.reference}.parquet"
    kept.write_bytes(kept.read_bytes() + b"\0")
    with pytest.raises(DigestMismatch, match="has other bytes than the registry names"):
        look(made, version=2, input="same")
    again = make_reference(made.root, made.params, "2")
    assert again.created
    assert again.watched.reference == done.watched.reference
    assert look(made, version=2, input="same").window


def test_a_reference_of_another_contract_is_not_compared(made: Line) -> None:
    client, contract = made.desk.connection.client, open_bundle(made.stored("1") / "release").contract.sha256
    client.set_model_version_tag("cells", "1", CONTRACT_TAG, "0" * 64)
    with pytest.raises(DigestMismatch, match=r"made for another contract .*monitor reference --version 1"):
        look(made, input="same")
    client.set_model_version_tag("cells", "1", CONTRACT_TAG, contract)
    assert look(made, input="same").window
    client.delete_model_version_tag("cells", "1", CONTRACT_TAG)
