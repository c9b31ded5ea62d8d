"""timm's networks cut anywhere, where timm is installed; a clear word where it is not."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from components.backbones.catalogue import build, described, family
from components.errors import CheckpointError, ParamsError
from components.params.backbone import ImageSpec

# The smallest of each family, or of each way to pool.
NETWORKS = {
    "resnet10t": "timm/resnet",
    "seresnext26t_32x4d": "timm/resnet",
    "convnext_atto": "timm/convnext",
    "mobilenetv3_small_050": "timm/efficientnet",
    "mobilenetv2_035": "timm/efficientnet",
    "efficientnet_b0": "timm/efficientnet",
}
installed = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is an optional extra")


def publish(name: str, folder: Path) -> torch.nn.Module:
    """The network as on the Hub: weights with a classifier, config.json; returns it without the classifier."""
    import timm

    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: torch.nn.Module = timm.create_model(name, num_classes=7).eval()
    save_file({n: t.contiguous() for n, t in made.state_dict().items()}, folder / "model.safetensors")
    shown = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.25] * 3}
    named = {"classifier": made.default_cfg["classifier"], **shown}
    (folder / "config.json").write_text(json.dumps({"architecture": name, "pretrained_cfg": named}))
    made.reset_classifier(0)
    return made


@installed
@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_features_are_the_librarys_at_every_cut(name: str, tmp_path: Path) -> None:
    theirs, images = publish(name, tmp_path), torch.randn(2, 3, 64, 64)
    ours, expected = family(NETWORKS[name]).pretrained(tmp_path).eval(), theirs(images)
    assert expected.shape == (2, ours.width)
    for cut in range(ours.blocks + 2):
        found = ours.above(cut)(ours.below(cut)({"samples": images}))["pooled"]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert {n: t.shape for n, t in build(NETWORKS[name], 1, tmp_path).state_dict().items()} == {
        n: t.shape for n, t in ours.state_dict().items()
    }
    assert described(NETWORKS[name], tmp_path).input == ImageSpec(64, (127.5,) * 3, (63.75,) * 3)


@installed
def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    publish("resnet10t", tmp_path)
    with pytest.raises(CheckpointError, match=r"'resnet10t' is a ResNet; allowed here: ConvNeXt\."):
        family("timm/convnext").pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "architecture": "resnet14t"}))
    with pytest.raises(CheckpointError, match=r"not of the network in config\.json: .* is missing"):
        family("timm/resnet").pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "architecture": "nothing"}))
    with pytest.raises(CheckpointError, match="'nothing' cannot be made"):
        family("timm/resnet").pretrained(tmp_path)


@installed
def test_a_layer_that_nobody_can_start_afresh_is_named(tmp_path: Path) -> None:
    publish("convnextv2_atto", tmp_path)
    with pytest.raises(CheckpointError, match=r"GlobalResponseNorm\.weight has no rule for fresh weights"):
        build("timm/convnext", 0, tmp_path)


@installed
def test_another_version_than_the_checkpoints_is_refused(tmp_path: Path) -> None:
    publish("resnet10t", tmp_path)
    (tmp_path / "provenance.json").write_text('{"converter": "graftline-1 timm-0.9"}')
    with pytest.raises(CheckpointError, match=r"made by graftline-1 timm-0\.9; timm-.* is installed"):
        described("timm/resnet", tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_without_timm_the_remedy_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(ParamsError, match=r"No module named 'timm'.*pip install 'graftline\[timm\]'"):
        family("timm/resnet").pretrained(tmp_path)
