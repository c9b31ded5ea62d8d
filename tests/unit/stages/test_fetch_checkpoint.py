import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from components.backbones.catalogue import build
from components.backbones.checkpoint import load
from components.errors import CheckpointError, DigestMismatch
from components.params import load_params
from components.params.backbone import BackboneParams
from components.params.tree import Params
from components.sources import open_source
from components.stages.fetch_checkpoint import run
from components.stages.table import Context
from components.tracker import NullTracker

ROOT = Path(__file__).parents[3]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's checkpoint: EfficientNet-Lite0 with other weights."""
    path = tmp_path / "mine" / "weights.safetensors"
    path.parent.mkdir()
    save_file(build("efficientnet_lite0", seed=5).state_dict(), path)
    return path


def params(**backbone: str) -> Params:
    chosen = BackboneParams.model_validate({"name": "efficientnet_lite0", **backbone})
    return load_params(ROOT / "params.yaml").model_copy(update={"backbone": chosen})


def fetch(tmp_path: Path, chosen: Params) -> Path:
    """Run the stage as the runner does: into an empty folder."""
    out, cache = tmp_path / "checkpoint", tmp_path / "cache"
    out.mkdir()
    run({}, {"checkpoint": out}, chosen, Context(NullTracker(), cache, 1, ("CPUExecutionProvider",)))
    return out


def test_ones_own_checkpoint_is_converted_with_its_provenance(tmp_path: Path, own: Path) -> None:
    sha256 = hashlib.sha256(own.read_bytes()).hexdigest()
    out = fetch(tmp_path, params(uri=f"file:{own}", sha256=sha256, licence="MIT"))
    backbone = build("efficientnet_lite0", seed=0)
    provenance = load(out, backbone)
    assert (provenance.sha256, provenance.licence, provenance.file) == (sha256, "MIT", "weights.safetensors")
    # The published 4,652,008 less the classifier's 1280 x 1000 + 1000.
    assert provenance.parameters == 3_371_008
    expected = build("efficientnet_lite0", seed=5).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in backbone.state_dict().items())
    assert sorted(path.name for path in out.iterdir()) == ["provenance.json", "weights.safetensors"]


def test_other_bytes_than_named_are_refused(tmp_path: Path, own: Path) -> None:
    with pytest.raises(DigestMismatch):
        fetch(tmp_path, params(uri=f"file:{own}", sha256="0" * 64, licence="MIT"))


def test_a_source_of_several_files_is_refused(tmp_path: Path, own: Path) -> None:
    (own.parent / "readme.txt").write_text("hello")
    sha256 = open_source(f"file:{own.parent}", None, tmp_path).revision
    with pytest.raises(CheckpointError, match=r"holds 2 files"):
        fetch(tmp_path, params(uri=f"file:{own.parent}", sha256=sha256, licence="MIT"))
