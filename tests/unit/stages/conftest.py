"""A workspace with a few pictures and a backbone of random weights: what training stages read."""

import shutil
from pathlib import Path

import pytest
import torch
from dark_and_light import write_pictures
from promoted import MORE, Line, line_params, write_dataset
from promoted import PICTURES as LEVELS
from safetensors.torch import save_file
from training_workspace import Workspace

from components.backbones.base import Backbone
from components.backbones.catalogue import build, entry
from components.backbones.checkpoint import Provenance, save
from components.data.dataset import Dataset
from components.params import Params
from components.stages import adapt_checkpoint, version_data
from components.stages.refresh import refresh
from components.stages.table import Context
from components.tracker import NullTracker

SIZE = 32
PICTURES = 60
TABLED = 90


def _params(source: Path) -> Params:
    return Params.model_validate(
        {
            "seed": 5,
            "data": {"source": f"file:{source}", "licence": "none", "limits": {"min_per_class": 1}},
            "task": {"input_size": SIZE},
            "augment": {"views": 2},
            "features": {"batch": 8},
            "tune": {"blocks": 2, "epochs": 3, "head_epochs": 1, "batch": 8},
            "controls": {"scratch": {"epochs": 1}},
            "export": {"parity": {"samples": 20}},
            "gate": {
                "rules": [{"metric": "accuracy", "at_least": 0.5}],
                "better_than_controls": {"metric": "accuracy"},
            },
            "evaluate": {"confidence": 0.8},  # 12 samples show little at 0.95
        }
    )


def _checkpoint(folder: Path) -> Backbone:
    backbone = build("efficientnet_lite0", seed=1)
    row = entry("efficientnet_lite0")
    made = Provenance(row.name, row.uri, "x", "x", "x", row.licence, "x", parameters=0, weights_sha256="")
    save(folder, backbone.state_dict(), made)
    return backbone


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("workspace")
    write_pictures(root / "pictures", PICTURES)
    params = _params(root / "pictures")
    context = Context(NullTracker(), root / "cache", 1, ("cpu",))
    refresh(params, root, context.cache)
    for name in ("dataset", "checkpoint", "adapted", "features", "source", "head"):
        (root / name).mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, context)
    width = _checkpoint(root / "checkpoint").width
    adapted = {"adapted": root / "adapted"}
    adapt_checkpoint.run({"checkpoint": root / "checkpoint"}, adapted, params, context)
    classes = len(Dataset.open(root / "dataset").description["classes"])
    head = {"weight": torch.zeros(classes, width), "bias": torch.zeros(classes)}
    save_file(head, root / "head" / "head.safetensors")
    return Workspace(root, params, context)


@pytest.fixture(scope="session")
def tabled(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Pictures with columns: `third` for all, `often` for some, `number` for each its own, `same` for all alike;
    of two domains, `day` and `night`."""
    root = tmp_path_factory.mktemp("tabled")
    write_pictures(root / "pictures", TABLED)
    rows = ["path,label,third,often,number,same,when"]
    for number in range(TABLED):
        name = ("dark", "light")[number % 2]
        often = ("", "x", "y", "y")[number % 4] if number else "once"
        when = ("day", "night")[number // 2 % 2]
        rows.append(f"{name}/{number}.png,{name},{'abc'[number % 3]},{often},{number},all,{when}")
    (root / "pictures" / "labels.csv").write_text("\n".join(rows))
    values = workspace.params.model_dump(mode="json", exclude_unset=True)
    labels = {"slices": ["third", "often", "number", "same"], "domain": "when"}
    values["data"] |= {"source": f"file:{root / 'pictures'}", "layout": "labels", "labels": labels}
    params = Params.model_validate(values)
    refresh(params, root, workspace.context.cache)
    for name in ("dataset", "features", "source"):
        (root / name).mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, workspace.context)
    (root / "adapted").symlink_to(workspace.root / "adapted")
    return Workspace(root, params, workspace.context)


def _levels(factory: pytest.TempPathFactory, name: str, count: int, salt: str) -> Path:
    root = factory.mktemp(name)
    write_dataset(root, count, salt)
    return root / "dataset"


@pytest.fixture(scope="session")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _levels(tmp_path_factory, "some", LEVELS, "a")


@pytest.fixture(scope="session")
def datasets(some: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`some`, `more` (with newer samples) and `other` (the same samples, other sides)."""
    more = _levels(tmp_path_factory, "more", LEVELS + MORE, "a")
    return {"some": some, "more": more, "other": _levels(tmp_path_factory, "other", LEVELS, "b")}


@pytest.fixture
def new_line(tmp_path: Path, empty_store: Path, some: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line of its own with data and an empty registry: nothing was released yet."""
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "key.pem"))
    root = tmp_path / "line"
    (root / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, root / ".graftline" / "mlflow" / "mlflow.db")
    made = Line(root, line_params(tmp_path / "pictures"))
    made.take(some)
    return made
