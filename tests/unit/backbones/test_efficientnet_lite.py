import pytest
import torch

from components.backbones.base import Backbone
from components.backbones.catalogue import build, entry, skeleton
from components.backbones.efficientnet_lite import channels, raw_name


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return build("efficientnet_lite0").eval()


@pytest.mark.parametrize(
    ("number", "tensors", "parameters"), [(0, 296, 4_652_008), (1, 386, 5_416_680), (2, 386, 6_092_072)]
)
def test_it_has_the_published_number_of_tensors_and_parameters(
    number: int, tensors: int, parameters: int
) -> None:
    name = f"efficientnet_lite{number}"
    bare, row = skeleton(name), entry(name)
    names = {row.raw_name(name) for name in bare.state_dict()}
    assert len(names) + len(row.classifier) == tensors
    classifier = 1280 * 1000 + 1000
    assert sum(p.numel() for p in bare.parameters()) + classifier == row.parameters == parameters


@pytest.mark.parametrize(
    ("count", "width", "expected"),
    [
        (112, 1.0, 112),
        (16, 1.1, 16),  # 17.6
        (40, 1.1, 48),  # 44 lies in the middle
        (112, 1.1, 120),  # 123.2
        (192, 1.1, 208),  # 211.2
        (16, 0.65, 16),  # 10.4: 8 would be less than nine tenths
    ],
)
def test_channels_are_multiples_of_eight(count: int, width: float, expected: int) -> None:
    assert channels(count, width) == expected


@pytest.mark.parametrize(
    ("own", "raw"),
    [
        ("units.0.conv.weight", "_conv_stem.weight"),
        ("units.0.norm.bias", "_bn0.bias"),
        ("units.1.depthwise.norm.running_var", "_blocks.0._bn1.running_var"),
        ("units.16.expand.conv.weight", "_blocks.15._expand_conv.weight"),
        ("units.16.project.norm.weight", "_blocks.15._bn2.weight"),
        ("units.17.conv.weight", "_conv_head.weight"),
        ("units.17.norm.num_batches_tracked", "_bn1.num_batches_tracked"),
    ],
)
def test_names_of_the_published_checkpoint(own: str, raw: str) -> None:
    assert raw_name(own) == raw


@pytest.mark.parametrize(
    ("cut", "shape"),
    [
        (0, (3, 64, 64)),
        (1, (16, 32, 32)),
        (3, (24, 16, 16)),
        (11, (112, 4, 4)),
        (16, (320, 2, 2)),
        (17, (1280,)),
    ],
)
def test_below_and_above_a_cut_are_the_whole(backbone: Backbone, cut: int, shape: tuple[int, ...]) -> None:
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        activations = backbone.below(cut)({"samples": images})
        assert activations[backbone.gives(cut)[0]].shape[1:] == shape
        assert torch.equal(backbone.above(cut)(activations)["pooled"], backbone(images))


@pytest.mark.parametrize("cut", [-1, 18])
def test_a_cut_outside_is_refused(backbone: Backbone, cut: int) -> None:
    with pytest.raises(ValueError, match="0 to 17"):
        backbone.below(cut)


def test_other_sizes_work(backbone: Backbone) -> None:
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 75, 49)).shape == (1, 1280)
