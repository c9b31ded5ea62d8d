"""Named tensors at a cut, and heads that take them by name."""

import pytest
import torch
from skipping import SKIPS, Looking, skipping
from tiny import make_backbone, make_network

from components.errors import ParamsError
from components.training.network import Network


@pytest.mark.parametrize(
    ("cut", "names"),
    [
        (0, ("samples",)),
        (1, ("maps", "fine")),
        (2, ("maps", "fine", "coarse")),
        (4, ("pooled", "maps", "fine", "coarse")),
    ],
)
def test_a_cut_gives_what_it_says_and_the_whole_is_the_same(cut: int, names: tuple[str, ...]) -> None:
    network, samples = skipping(), torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        there = network.below(cut)({"samples": samples})
        assert tuple(there) == network.gives(cut) == names
        top = network.above(cut)(there)
        whole = network.named(samples)
    assert set(top) == set(whole) == set(network.gives(network.blocks + 1))
    assert all(torch.equal(top[name], whole[name]) for name in whole)
    for name, skip in SKIPS.skips.items():
        assert whole[name].shape[2] * skip.stride == samples.shape[2], name


def test_only_what_is_needed_is_made_below() -> None:
    network, samples = skipping(), torch.randn(2, 3, 8, 8)
    assert network.needs(2, ("pooled",)) == ("maps",)
    assert network.needs(2, Looking.takes) == ("maps", "fine")
    assert network.needs(4, Looking.takes) == ("pooled", "fine")
    with torch.inference_mode():
        there = network.below(2, network.needs(2, Looking.takes))({"samples": samples})
        assert tuple(there) == ("maps", "fine")
        whole = Network(network, Looking(), cut=0)
        above = Network(network, whole.head, cut=2)
        torch.testing.assert_close(above(there), whole(samples))


def test_a_text_gives_its_tokens_and_their_mask() -> None:
    network = make_backbone(2, "text").eval()
    assert network.gives(1) == ("states",)
    assert network.gives(3) == ("pooled", "tokens", "mask")
    with torch.inference_mode():
        top = network.named(torch.tensor([[1, 4, 5, 0], [1, 6, 0, 0]]))
    assert top["mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    mean = top["tokens"].sum(1) / top["mask"].sum(1, keepdim=True)
    torch.testing.assert_close(mean, top["pooled"])


def test_a_head_that_takes_what_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ParamsError, match="The head takes fine, which this backbone does not give; it gives"):
        Network(make_backbone(), Looking(), cut=1)


def test_a_name_is_no_number_of_parameters() -> None:
    """Names of tensors in files are as they were before tensors at a cut had names."""
    network = make_network()
    assert {key.split(".")[0] for key in network.backbone.above(1).state_dict()} == {"0", "1"}
    assert all(name.startswith(("backbone.units.", "head.")) for name in network.state_dict())
