"""Settings scored inside the training side, on the small workspace."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from training_workspace import Workspace

from components.data.dataset import Dataset
from components.errors import ParamsError
from components.params import Params
from components.params.domains import DomainsParams
from components.params.objectives import ObjectivesParams, TasksParams, WeightingParams
from components.stages import cross_validation, extract_features
from components.stages.cross_validation import CrossValidation
from components.stages.domains import Chosen, learned
from components.stages.folds import make_folds
from components.stages.network import NetworkLine
from components.stages.weights import sample_weights
from components.storage.publish import sha256_file

FOLDS = 2


def other(params: Params, **tune: object) -> Params:
    return params.model_copy(update={"tune": params.tune.model_copy(update=tune)})


def with_features(workspace: Workspace, features: np.ndarray, root: Path) -> Path:
    """A workspace of the same data and checkpoint, with these features."""
    (root / "features").mkdir(parents=True)
    for name in ("dataset", "adapted"):
        (root / name).symlink_to(workspace.root / name)
    np.save(root / "features" / "features.npy", features)
    np.save(root / "features" / "places.npy", np.arange(len(features)))
    return root


@pytest.fixture(scope="module")
def featured(workspace: Workspace) -> Workspace:
    outputs = {"features": workspace.root / "features"}
    extract_features.run(workspace.inputs("dataset", "adapted"), outputs, workspace.params, workspace.context)
    return workspace


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the samples whose bytes were read."""
    seen: list[str] = []
    real = Dataset.read

    def read(self: Dataset, sample_id: str) -> bytes:
        seen.append(sample_id)
        return real(self, sample_id)

    monkeypatch.setattr(Dataset, "read", read)
    return seen


@pytest.mark.slow
def test_only_training_samples_are_read_and_each_once_for_all_trials(
    featured: Workspace, reads: list[str], tmp_path: Path
) -> None:
    context = replace(featured.context, cache=tmp_path)
    params = other(featured.params, epochs=1, head_epochs=0, blocks=1)
    params = params.model_copy(update={"augment": params.augment.model_copy(update={"views": 1})})
    folds = CrossValidation(featured.root, params, context, FOLDS, "auroc")
    first = [folds.tuned(params, number) for number in range(FOLDS)]
    training = Dataset.open(featured.root / "dataset").ids("train")
    assert folds.samples == len(training)
    assert sorted(reads) == sorted(training)

    reads.clear()
    slower = [folds.tuned(other(params, learning_rate=1e-5), number) for number in range(FOLDS)]
    again = [folds.tuned(params, number) for number in range(FOLDS)]
    assert reads == []
    assert [one.score for one in again] == [one.score for one in first]
    assert all(0 <= one.score <= 1 and one.seconds > 0 for one in (*first, *slower))


def test_the_head_s_score_is_that_of_its_steps_by_hand(featured: Workspace, tmp_path: Path) -> None:
    """Features of all other samples are not a number here: nobody may look at them."""
    dataset = Dataset.open(featured.root / "dataset")
    # A row for each sample of the manifest: those of the test split have none of their own.
    kept = np.load(featured.root / "features" / "features.npy")
    features = kept[np.maximum(np.load(featured.root / "features" / "places.npy"), 0)]
    alone = np.full_like(features, np.nan)
    alone[dataset.rows("train")] = features[dataset.rows("train")]
    root = with_features(featured, alone, tmp_path / "root")

    params = featured.params.model_copy(
        update={"head": featured.params.head.model_copy(update={"l2": (0.01, 10.0), "metric": "accuracy"})}
    )
    found = CrossValidation(root, params, featured.context, FOLDS, "accuracy").head(params, 1)

    folds = make_folds(dataset, params.domains, FOLDS, params.seed)
    fold = folds.parts[1]
    learn, stop, held = folds.learning(folds.of, fold), folds.at(fold.stop), folds.at(fold.held)
    # Logistic regression as in train_head's own oracle: centred, one scale, C = 1 / (l2 · N).
    mean, scale = features[learn.rows].mean(axis=0), features[learn.rows].std()
    models = [
        LogisticRegression(C=1 / (l2 * len(learn)), max_iter=1000).fit(
            (features[learn.rows] - mean) / scale, learn.targets
        )
        for l2 in (0.01, 10.0)
    ]
    seen = (features[stop.rows] - mean) / scale
    ranks = [
        ((model.predict(seen) == stop.targets).mean(), -log_loss(stop.targets, model.predict_proba(seen)))
        for model in models
    ]
    decided = models[ranks.index(max(ranks))].predict((features[held.rows] - mean) / scale)
    assert found.score == pytest.approx((decided == held.targets).mean(), abs=1e-12)


def test_material_names_data_and_checkpoint(featured: Workspace) -> None:
    folds = CrossValidation(featured.root, featured.params, featured.context, FOLDS, "auroc")
    digest = Dataset.open(featured.root / "dataset").digest
    weights = sha256_file(featured.root / "adapted" / "weights.safetensors")
    assert folds.material() == {"data": digest, "checkpoint": weights}


def test_what_this_backbone_cannot_be_is_an_error_of_params(featured: Workspace) -> None:
    folds = CrossValidation(featured.root, featured.params, featured.context, FOLDS, "auroc")
    with pytest.raises(ParamsError, match="allowed: 1 to 16"):
        folds.tuned(other(featured.params, blocks=17), 0)


def test_every_training_sample_of_the_fixture_is_learned_from(featured: Workspace) -> None:
    """So that the test above counts what it should."""
    dataset = Dataset.open(featured.root / "dataset")
    assert list(learned(dataset, featured.params.domains).ids) == dataset.ids("train")


def test_samples_are_weighed_without_a_look_at_the_held_ones(
    tabled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With used labels, samples of the target are scored."""
    dataset = Dataset.open(tabled.root / "dataset")
    params = tabled.params.model_copy(
        update={
            "domains": DomainsParams(source=("day",), target=("night",), target_labels="used"),
            "weighting": WeightingParams(method="ulsif"),
        }
    )
    held = make_folds(dataset, params.domains, FOLDS, params.seed)
    rows = held.at(held.parts[0].held).rows
    features = np.random.default_rng(0).normal(size=(len(dataset.table), 8)).astype(np.float32)
    seen = []

    def weights(line: NetworkLine, chosen: Chosen, target: Chosen) -> object:
        seen.extend([*chosen.rows, *target.rows])
        return sample_weights(line, chosen, target)

    root = with_features(tabled, features, tmp_path / "root")
    monkeypatch.setattr(cross_validation, "sample_weights", weights)
    assert 0 <= CrossValidation(root, params, tabled.context, FOLDS, "accuracy").head(params, 0).score <= 1
    assert seen
    assert not set(seen) & set(rows)


@pytest.mark.slow
def test_a_source_network_is_trained_anew_for_each_fold(tabled: Workspace, reads: list[str]) -> None:
    """EWC needs a network that learned the source; one that had learned the held samples would know them."""
    params = other(tabled.params, start="source", epochs=1, head_epochs=0, blocks=1).model_copy(
        update={
            "domains": DomainsParams(source=("day",), target=("night",)),
            "objectives": ObjectivesParams(keep="ewc"),
        }
    )
    folds = CrossValidation(tabled.root, params, tabled.context, FOLDS, "accuracy")
    assert 0 <= folds.tuned(params, 0).score <= 1
    dataset = Dataset.open(tabled.root / "dataset")
    day = {i for i, when in zip(dataset.ids("train"), dataset.domains("train"), strict=True) if when == "day"}
    assert folds.samples == len(day)
    assert set(reads) <= day  # nothing is aligned: the target's samples are not even read


@pytest.mark.slow
def test_an_auxiliary_task_knows_values_of_the_training_side_alone(
    tabled: Workspace, reads: list[str]
) -> None:
    """`often` is `once` in the first sample alone, and x or y elsewhere."""
    tasks = TasksParams(columns=("often",))
    params = other(tabled.params, epochs=1, head_epochs=0, blocks=1).model_copy(
        update={"objectives": ObjectivesParams(tasks=tasks)}
    )
    folds = CrossValidation(tabled.root, params, tabled.context, FOLDS, "accuracy")
    assert 0 <= folds.tuned(params, 1).score <= 1
    assert set(reads) <= set(Dataset.open(tabled.root / "dataset").ids("train"))
