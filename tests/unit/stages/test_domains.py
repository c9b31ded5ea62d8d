"""Who is learned from, who decides, who is judged: samples of two domains, a few of them without a label."""

import pytest
from two_domains import two_domains

from components.data.dataset import Dataset
from components.errors import DataError
from components.methods import PRETRAININGS, load_pretraining
from components.params.domains import DomainsParams
from components.params.pretrain import PretrainParams
from components.stages.adapt_checkpoint import seen
from components.stages.domains import decided, judged, learned, of_source, unlabelled, watched

HIDDEN = DomainsParams(source=("day",), target=("night",))
USED = HIDDEN.model_copy(update={"target_labels": "used"})
NONE = DomainsParams()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("domains")
    two_domains(root)
    return Dataset.open(root / "dataset")


def _domains(dataset: Dataset, side: str, bare: bool) -> list[str]:
    """Domains of the samples of a side with a label, or of those without."""
    rows = zip(dataset.domains(side), dataset.targets(side), strict=True)
    return [domain for domain, target in rows if (target < 0) == bare]


def test_nothing_declared_uses_all_labels(dataset: Dataset) -> None:
    assert list(learned(dataset, NONE).domains) == _domains(dataset, "train", bare=False)
    assert list(judged(dataset, NONE).domains) == _domains(dataset, "test", bare=False)
    assert list(unlabelled(dataset, NONE).domains) == _domains(dataset, "train", bare=True)


@pytest.mark.parametrize(
    ("domains", "start", "learns", "decides"),
    [
        (HIDDEN, "checkpoint", {"day"}, {"day"}),
        (HIDDEN, "source", {"day"}, {"day"}),
        (USED, "checkpoint", {"day", "night"}, {"night"}),
        (USED, "source", {"night"}, {"night"}),
    ],
)
def test_domains_say_who_learns_and_who_decides(
    dataset: Dataset, domains: DomainsParams, start: str, learns: set[str], decides: set[str]
) -> None:
    assert set(learned(dataset, domains, start).domains) == learns
    for side in ("validation", "calibration"):
        assert set(decided(dataset, side, domains).domains) == decides
    assert set(judged(dataset, domains).domains) == {"night"}
    assert set(of_source(dataset, "test", domains).domains) == {"day"}
    for chosen in (learned(dataset, domains, start), judged(dataset, domains)):
        assert (chosen.targets >= 0).all()


def test_of_the_target_only_samples_are_seen_and_no_labels(dataset: Dataset) -> None:
    seen = unlabelled(dataset, HIDDEN)
    assert len(seen) == dataset.domains("train").count("night")
    assert set(seen.targets) == {-1}


def test_what_chooses_without_labels_is_the_target_s_validation_side(dataset: Dataset) -> None:
    assert watched(dataset, HIDDEN) is None
    seen = watched(dataset, HIDDEN.model_copy(update={"criterion": "information_maximisation"}))
    assert seen is not None
    assert len(seen) == dataset.domains("validation").count("night")
    assert set(seen.targets) == {-1}


def test_rows_and_places_find_the_same_samples(dataset: Dataset) -> None:
    chosen = judged(dataset, HIDDEN)
    assert [dataset.ids()[row] for row in chosen.rows] == chosen.ids
    assert [dataset.ids("test")[place] for place in chosen.places] == chosen.ids
    assert list(dataset.targets()[chosen.rows]) == list(chosen.targets)


def test_an_unknown_domain_is_named_with_what_there_is(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"'nihgt'.*did you mean 'night'") as caught:
        learned(dataset, DomainsParams(source=("day",), target=("nihgt",)))
    assert "night (120)" in str(caught.value)


def test_a_class_that_the_source_lacks_is_named(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="On the train side of dusk, class 'light' has no labelled sample"):
        learned(dataset, DomainsParams(source=("dusk",), target=("night",)))


@pytest.mark.parametrize("name", PRETRAININGS)
def test_before_the_task_no_hidden_label_is_seen(dataset: Dataset, name: str) -> None:
    method = load_pretraining(PretrainParams.model_validate({"method": name}))
    assert method is not None
    sees = {"unlabelled": {"night"}, "all": {"day", "night"}, "labelled": {"day"}}[method.sees]
    for side, chosen in zip(("train", "validation"), seen(dataset, method, HIDDEN), strict=True):
        assert set(chosen.domains) == sees
        assert set(chosen.ids) <= set(dataset.ids(side))
        labelled = chosen.targets >= 0
        assert labelled.all() if method.sees == "labelled" else not labelled.any()
    if method.sees != "labelled":
        everyone, _ = seen(dataset, method, NONE)
        assert list(everyone.ids) == dataset.ids("train"), "samples without a label, too"
