from pathlib import Path

import pytest
import torch
from torch import nn

import components.backbones
from components.backbones.catalogue import build, entry, skeleton
from components.backbones.table import BACKBONES
from components.errors import ParamsError
from components.params import plugins
from components.params.backbone import ImageSpec, TextSpec
from components.params.names import BACKBONES as FACTS
from components.params.names import FAMILIES

NAMES = sorted(set(BACKBONES) - set(FAMILIES))


def shown(name: str, size: int) -> torch.Tensor:
    """Four samples as the backbone sees them."""
    draws = torch.Generator().manual_seed(0)
    sees = entry(name).input
    if isinstance(sees, ImageSpec):
        return torch.randn(4, 3, size, size, generator=draws)
    if isinstance(sees, TextSpec):
        return torch.randint(1, sees.vocabulary, (4, size), generator=draws)
    return torch.randn(4, sees.size, generator=draws)  # of another modality: rows of numbers


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_complete_and_its_file_has_its_name(name: str) -> None:
    row = entry(name)
    assert row.name == name
    assert (Path(components.backbones.__path__[0]) / f"{name}.py").is_file()
    assert len(row.sha256) == len(row.file_sha256) == 64
    assert row.licence
    assert row.input.size > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_first_block_and_width_are_as_declared(name: str) -> None:
    bare = skeleton(name)
    features = bare(shown(name, entry(name).input.size).to("meta"))
    assert features.shape == (4, bare.width)
    assert bare.blocks == len(bare.units) - 2


@pytest.mark.parametrize("name", NAMES)
def test_what_params_know_of_it_before_it_is_built_is_true(name: str) -> None:
    bare = skeleton(name)
    assert bare.blocks == FACTS[name].blocks
    assert getattr(entry(name).input, "longest", None) == FACTS[name].longest
    norm = nn.LayerNorm if FACTS[name].norms == "layer" else nn.BatchNorm2d
    for unit in list(bare.units)[1:-1]:
        assert any(isinstance(module, norm) for module in unit.modules()), (
            "whatever the cut, one lies above it"
        )


@pytest.mark.parametrize("name", NAMES)
def test_random_weights_are_the_seeds_and_leave_the_global_generator_alone(name: str) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = build(name, 3), build(name, 3), build(name, 4)
    assert torch.equal(before, torch.get_rng_state())
    for tensor, same in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(tensor, same)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    assert first.training


@pytest.mark.parametrize("name", NAMES)
def test_random_weights_keep_the_signal_alive(name: str) -> None:
    with torch.no_grad():
        features = build(name, 0)(shown(name, 64))
    assert bool(torch.isfinite(features).all())
    assert float(features.std(0).mean()) > 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_a_familys_file_has_its_name(name: str) -> None:
    folder, file = name.split("/")
    assert BACKBONES[name].place == f"{folder}.{file}:FAMILY"
    assert (Path(components.backbones.__path__[0]) / folder / f"{file}.py").is_file()
    with pytest.raises(ValueError, match="described by its checkpoint"):
        build(name)


def test_params_know_the_same_names() -> None:
    assert set(BACKBONES) == set(FACTS) == set(plugins.names("backbones"))


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ParamsError, match="did you mean 'mobilenet_v2'"):
        entry("mobilenet_2")
