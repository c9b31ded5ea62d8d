"""Who is learned from, who decides, who is judged: samples of two domains, a few of them without a label."""

import pytest
from dark_and_light import write_pictures

from components.data.dataset import Dataset
from components.errors import DataError
from components.params import Params
from components.params.domains import DomainsParams
from components.stages import version_data
from components.stages.domains import decided, judged, learned, of_source, unlabelled
from components.stages.refresh import refresh
from components.stages.table import Context
from components.tracker import NullTracker

COUNT = 240
HIDDEN = DomainsParams(source=("day",), target=("night",))
USED = HIDDEN.model_copy(update={"target_labels": "used"})
NONE = DomainsParams()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Day and night in turns of two, some of them without a label; at dusk all is dark."""
    root = tmp_path_factory.mktemp("domains")
    write_pictures(root / "pictures", COUNT)
    rows = ["path,label,when"]
    for number in range(COUNT):
        name, when = ("dark", "light")[number % 2], ("day", "night")[number // 2 % 2]
        when = "dusk" if number % 12 == 8 else when
        said = "" if number % 20 in (2, 3) else name
        rows.append(f"{name}/{number}.png,{said},{when}")
    (root / "pictures" / "labels.csv").write_text("\n".join(rows))
    params = Params.model_validate(
        {
            "data": {
                "source": f"file:{root / 'pictures'}",
                "licence": "none",
                "layout": "labels",
                "labels": {"domain": "when", "unlabelled": ""},
                "limits": {"min_per_class": 1},
                "split": {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2},
            },
            "export": {"parity": {"samples": 20}},
            "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
        }
    )
    context = Context(NullTracker(), root / "cache", 1, ("cpu",))
    refresh(params, root, context.cache)
    (root / "dataset").mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, context)
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


def test_rows_and_places_find_the_same_samples(dataset: Dataset) -> None:
    chosen = judged(dataset, HIDDEN)
    assert [dataset.ids()[row] for row in chosen.rows] == chosen.ids
    assert [dataset.ids("test")[place] for place in chosen.places] == chosen.ids
    assert list(dataset.targets()[chosen.rows]) == list(chosen.targets)


def test_an_unknown_domain_is_named_with_what_there_is(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"'nihgt'.*Did you mean 'night'") as caught:
        learned(dataset, DomainsParams(source=("day",), target=("nihgt",)))
    assert "night (120)" in str(caught.value)


def test_a_class_that_the_source_lacks_is_named(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="On the train side of dusk, class 'light' has no labelled sample"):
        learned(dataset, DomainsParams(source=("dusk",), target=("night",)))
