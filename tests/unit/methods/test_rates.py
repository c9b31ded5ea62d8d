"""Who learns when, and how fast: by the formulas of the docstrings."""

import pytest

from components.errors import ParamsError
from components.methods import load_method
from components.methods.base import Group, Phase, unit_of
from components.params.tuning import TuneParams


class Names:
    """Units 3 and 4 and the last one, 5, above the cut."""

    def above_names(self):
        return tuple(f"backbone.units.{u}.{part}" for u in (3, 4, 5) for part in ("weight", "bias"))

    def head_names(self):
        return ("head.weight", "head.bias")

    def named_parameters(self):
        raise AssertionError("names suffice")


def phases(method: str, **values: object) -> tuple[Phase, ...]:
    tune = {"method": method, "blocks": 2, "epochs": 7, "head_epochs": 1, "learning_rate": 0.1, **values}
    return tuple(load_method(TuneParams.model_validate(tune)).phases(Names()))


def units(group: Group) -> set[int]:
    return {unit_of(name) for name in group.names}


def test_layerwise_rates_fall_by_a_factor_from_the_top() -> None:
    head, then = phases("layerwise_rates", layer_decay=0.5)
    assert (head.epochs, then.epochs) == (1, 6)
    assert [(units(g), g.rate) for g in then.groups[1:]] == [({5}, 0.05), ({4}, 0.025), ({3}, 0.0125)]
    assert then.groups[0].rate == 0.1


def test_each_unit_learns_at_the_rate_of_what_is_above_it_times_the_decay() -> None:
    """Howard & Ruder's η^(l-1) = η^l / 2.6, from the head downwards; ELECTRA's program would begin with decay²."""
    _, then = phases("layerwise_rates", layer_decay=1 / 2.6)
    rates = [group.rate for group in then.groups]
    assert rates == pytest.approx([0.1, 0.1 / 2.6, 0.1 / 2.6**2, 0.1 / 2.6**3])


def test_gradual_unfreezing_thaws_from_the_top() -> None:
    head, *rest = phases("gradual_unfreezing")
    assert head.trained == {"head.weight", "head.bias"}
    assert [(p.epochs, units(p.groups[1])) for p in rest] == [(2, {5}), (2, {4, 5}), (2, {3, 4, 5})]
    assert {p.groups[1].rate for p in rest} == {0.05}


def test_few_epochs_thaw_several_units_at_once_and_lose_none() -> None:
    found = phases("gradual_unfreezing", epochs=3)
    assert [p.epochs for p in found] == [1, 1, 1]
    assert [units(p.groups[1]) for p in found[1:]] == [{4, 5}, {3, 4, 5}]
    assert [p.epochs for p in phases("gradual_unfreezing", epochs=8)] == [1, 2, 2, 3]


def test_bias_only_trains_biases_and_leaves_statistics() -> None:
    _, then = phases("bias_only")
    assert set(then.groups[1].names) == {f"backbone.units.{u}.bias" for u in (3, 4, 5)}
    assert not then.adapt_statistics


def test_without_biases_there_is_nothing_to_train() -> None:
    class Bare(Names):
        def above_names(self):
            return ("backbone.units.3.weight",)

    with pytest.raises(ParamsError, match="no biases"):
        load_method(TuneParams(method="bias_only")).phases(Bare())
