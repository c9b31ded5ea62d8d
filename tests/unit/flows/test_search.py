"""The sweep over a bowl: what is tried, remembered, skipped, told and written."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import ParamsError
from components.params import load_params
from components.params.operation import TrackingParams
from components.registry.delivery import deliver
from components.registry.store import Connection, connect
from components.reporting.trials import Trial
from flows import study
from flows.summary import sweep_lines
from tests.unit.flows import bowl
from tests.unit.flows.bowl import FOLDS, PARAMS, Bowl, begin

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "tests" / "unit" / "flows" / "bowl.py"


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAFTLINE_RUN_ID", "GRAFTLINE_HOME"):
        monkeypatch.delenv(name, raising=False)


def swept(root: Path, trials: int, scorer: Bowl | None = None) -> list[Trial]:
    search, run = begin(root, scorer or Bowl())
    search.run(trials)
    run.set_status("FINISHED")
    return list(search.sweep().trials)


@pytest.mark.slow
def test_params_yaml_as_it_is_comes_first_and_the_bowl_s_bottom_is_found(tmp_path: Path) -> None:
    trials = swept(tmp_path, 25)
    assert trials[0].current
    assert trials[0].values == {
        "tune.blocks": 5,
        "tune.learning_rate": 1e-3,
        "tune.method": "last_blocks",
        "objectives.keep": "none",
    }
    # 0.95 - (1/4 + 2/8) / 2, less 0.01 in the second fold
    assert trials[0].scores("tuned") == pytest.approx([0.70, 0.69])
    sweep = begin(tmp_path, Bowl())[0].sweep()
    assert sweep.score(sweep.ranked[0]) > 0.9
    assert sum(trial.outcome != "impossible" for trial in trials) == 25
    pruned = [trial for trial in trials if trial.outcome == "pruned"]
    assert pruned
    assert {trial.done for trial in pruned} == {1}


def test_what_methods_cannot_do_is_recorded_and_skipped(tmp_path: Path) -> None:
    scorer = Bowl()
    trials = swept(tmp_path, 5, scorer)
    impossible = [trial for trial in trials if trial.outcome == "impossible"]
    assert impossible
    for trial in impossible:
        assert trial.values["objectives.keep"] == "ewc"
        assert "'ewc' needs a network that was trained on the source" in trial.reason
        assert trial.done == 0
    assert len(scorer.calls) <= 5 * FOLDS


def test_a_training_that_fails_ends_its_trial_alone(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text("tune.learning_rate: [1.0e-3, 0.1]\n")
    trials = swept(tmp_path, 9)
    assert [(trial.outcome, trial.reason) for trial in trials] == [
        ("complete", ""),
        ("failed", "The loss is nan."),
    ]


@pytest.mark.parametrize(
    ("space", "settings"),
    [
        ("tune.method: [last_blocks, bias_only]\n", 2),
        ("tune.blocks: {low: 2, high: 6, step: 2}\ntune.method: [last_blocks, bias_only]\n", 6),
        ("tune.learning_rate: {low: 0.001, high: 0.002, step: 0.00025}\n", 5),
    ],
)
def test_each_setting_of_a_small_space_is_tried_once_and_then_it_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], space: str, settings: int
) -> None:
    (tmp_path / "sweep.yaml").write_text(space)
    trials = swept(tmp_path, settings + 1)
    assert [trial.number for trial in trials] == list(range(settings))
    assert len({repr(trial.values) for trial in trials}) == settings
    assert f"All {settings} settings of the space were tried." in capfd.readouterr().err
    search, _ = begin(tmp_path, Bowl())
    said = "\n".join(sweep_lines(search.sweep(), search.plan.folder))
    assert "the space holds no other setting" in said


def test_what_the_sampler_never_draws_is_tried_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "REDRAWN", 0)
    (tmp_path / "sweep.yaml").write_text(
        "tune.blocks: {low: 2, high: 4}\ntune.method: [last_blocks, bias_only]\n"
    )
    trials = swept(tmp_path, 100)
    assert sorted((t.values["tune.blocks"], t.values["tune.method"]) for t in trials) == [
        (blocks, method) for blocks in (2, 3, 4) for method in ("bias_only", "last_blocks")
    ]


def test_a_range_whose_numbers_are_all_tried_ends(tmp_path: Path) -> None:
    """Four digits of 1.0 to 1.002: three values, although any number may be drawn."""
    (tmp_path / "sweep.yaml").write_text("head.l2: {low: 1.0, high: 1.002}\n")
    assert sorted(trial.scores("head")[0] for trial in swept(tmp_path, 9)) == pytest.approx(
        [0.6, 0.6001, 0.6002]
    )


@pytest.mark.parametrize("stopped", ["before it was asked for", "before its values were written"])
def test_a_setting_that_was_drawn_when_the_process_died_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    import optuna

    (tmp_path / "sweep.yaml").write_text("tune.blocks: {low: 2, high: 6}\n")
    swept(tmp_path, 1)
    ask = optuna.Study.ask

    def dying(self: optuna.Study) -> optuna.Trial:
        if self.study_name != study.NAME:
            return ask(self)
        if stopped == "before its values were written":
            ask(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(optuna.Study, "ask", dying)
        with pytest.raises(KeyboardInterrupt):
            swept(tmp_path, 5)
    trials = swept(tmp_path, 100)
    assert sorted(trial.values["tune.blocks"] for trial in trials) == [2, 3, 4, 5, 6]


@pytest.mark.slow
def test_killed_between_folds_it_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """SIGKILL in the second fold of the second trial, then in the sixth; the same program again."""
    (tmp_path / "straight").mkdir()
    (tmp_path / "broken").mkdir()
    straight = swept(tmp_path / "straight", 9)
    # Trainings 1 and 2 are the first trial's; each process after a kill counts anew.
    for mortal, code in ((4, -signal.SIGKILL), (8, -signal.SIGKILL), (0, 0)):
        done = subprocess.run(
            [sys.executable, PROGRAM, tmp_path / "broken", "9", str(mortal)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    scorer = Bowl()
    assert swept(tmp_path / "broken", 9, scorer) == straight
    assert scorer.calls == []


def test_a_finished_sweep_can_be_made_longer(tmp_path: Path) -> None:
    scorer = Bowl()
    first = swept(tmp_path, 3, scorer)
    calls = len(scorer.calls)
    longer = swept(tmp_path, 5, scorer)
    assert longer[: len(first)] == first
    assert len(scorer.calls) - calls <= 2 * FOLDS
    assert longer == swept(tmp_path, 5, scorer)


def test_time_ends_it_between_folds(tmp_path: Path) -> None:
    search, _ = begin(tmp_path, Bowl())
    search.run(5, minutes=1e-9)
    assert search.sweep().trials == []
    assert (search.plan.folder / "report.html").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("params.yaml", "seed: 3", "seed: 4", "seed"),
        ("params.yaml", "learning_rate: 1.0e-3", "learning_rate: 1.0e-3\n  epochs: 9", "tune.epochs"),
        ("sweep.yaml", "high: 6", "high: 7", "space"),
    ],
)
def test_scores_that_do_not_compare_are_refused(
    tmp_path: Path, file: str, old: str, new: str, named: str
) -> None:
    swept(tmp_path, 1)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(old, new))
    with pytest.raises(ParamsError, match=rf"begun with other settings: {named}\. .*--name"):
        begin(tmp_path, Bowl())


def test_a_winner_that_was_taken_over_does_not_end_the_sweep(tmp_path: Path) -> None:
    first = swept(tmp_path, 3)
    (tmp_path / "params.yaml").write_text((tmp_path / ".graftline/sweeps/demo/params.yaml").read_text())
    assert swept(tmp_path, 4)[: len(first)] == first


def test_the_winner_is_the_whole_file_with_other_values_only(tmp_path: Path) -> None:
    swept(tmp_path, 5)
    search, _ = begin(tmp_path, Bowl())
    best = search.sweep().ranked[0]
    assert best.values["tune.learning_rate"] != 1e-3
    winner = search.plan.folder / "params.yaml"
    load_params(winner)
    expected = (
        PARAMS.replace("method: last_blocks ", f"method: {best.values['tune.method']} ")
        .replace("blocks: 5 ", f"blocks: {best.values['tune.blocks']} ")
        .replace("learning_rate: 1.0e-3", f"learning_rate: {best.values['tune.learning_rate']}")
        .replace("keep: none", f"keep: {best.values['objectives.keep']}")
    )
    assert winner.read_text() == expected
    assert (tmp_path / "params.yaml").read_text() == PARAMS


def test_head_and_tuned_network_together_score_as_the_better(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(
        "head.l2: {low: 1.0, high: 4.0}\ntune.learning_rate: {low: 1.0e-3, high: 1.0e-2, log: true}\n"
    )
    swept(tmp_path, 3)
    sweep = begin(tmp_path, Bowl())[0].sweep()
    assert not any(trial.current for trial in sweep.trials)  # l2 0.1 lies outside
    for trial in sweep.ranked:
        assert set(trial.folds) == {"head", "tuned"}
        assert sweep.score(trial) == max(trial.score("head"), trial.score("tuned"))
        assert trial.score("head") == pytest.approx(0.5 + 0.1 * trial.values["head.l2"][0])  # type: ignore[index]


def test_a_metric_that_falls_is_minimised(tmp_path: Path) -> None:
    search, _ = begin(tmp_path, Bowl(), metric="ece")
    search.run(4)
    sweep = search.sweep()
    assert sweep.score(sweep.ranked[0]) == min(sweep.score(trial) for trial in sweep.ranked)


def test_the_summary_names_the_best_and_what_to_do(tmp_path: Path) -> None:
    search, _ = begin(tmp_path, Bowl())
    search.run(4)
    said = "\n".join(sweep_lines(search.sweep(), search.plan.folder))
    assert "auroc, mean of 2 folds of 30 training samples" in said
    assert re.search(r"^  0 +0\.6950 +0\.0071 +5\.0  tune\.blocks 5.*\(params\.yaml\)$", said, re.M)
    assert re.search(r"^  head alone +0\.5100 +0\.0000 +0\.2", said, re.M)
    assert re.search(r"Best:    \+0\.\d{4} against params\.yaml as it was, better in 2 of 2 folds", said)
    assert f"cp {search.plan.folder}/params.yaml params.yaml" in said


def test_a_file_that_is_not_beaten_is_not_to_be_copied(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text("tune.blocks: [5, 6]\n")  # 3 is the best
    swept(tmp_path, 2)
    search, _ = begin(tmp_path, Bowl())
    said = "\n".join(sweep_lines(search.sweep(), search.plan.folder))
    assert "Best:    params.yaml as it was is not beaten." in said
    assert "Take it over" not in said


def test_why_params_yaml_is_not_among_the_trials_is_said(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text("tune.blocks: [2, 3]\ntune.method: [last_blocks, bias_only]\n")
    swept(tmp_path, 2)
    (tmp_path / "params.yaml").write_text(PARAMS.replace("blocks: 5 ", "blocks: 4 "))
    search, _ = begin(tmp_path, Bowl())
    said = "\n".join(sweep_lines(search.sweep(), search.plan.folder))
    assert "not among the trials, because the space does not hold its tune.blocks 5." in said
    assert "Take it over" in said


@pytest.fixture
def connection(tmp_path: Path, empty_store: Path) -> Connection:
    folder = tmp_path / ".graftline" / "mlflow"
    folder.mkdir(parents=True)
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    return connect(tmp_path, TrackingParams())


def test_each_trial_is_a_child_run(tmp_path: Path, connection: Connection) -> None:
    trials = swept(tmp_path, 6)
    deliver(tmp_path, connection)
    runs = connection.client.search_runs([connection.experiment], max_results=100)
    (parent,) = [run for run in runs if run.data.tags.get("graftline.engine") == "sweep"]
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["mlflow.runName"] == "sweep demo"
    assert parent.data.params["select.metric"] == "auroc"
    assert "tune.blocks" not in parent.data.params
    children = {run.data.tags["mlflow.runName"]: run for run in runs if run is not parent}
    assert children.keys() == {f"trial {trial.number}" for trial in trials}
    for trial in trials:
        child = children[f"trial {trial.number}"]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["graftline.outcome"] == trial.outcome
        assert child.data.params == {key: str(value) for key, value in trial.values.items()}
        done = trial.outcome in ("complete", "pruned")
        assert child.info.status == ("FINISHED" if done else "FAILED")
        if done:
            assert child.data.metrics["auroc"] == pytest.approx(trial.score("tuned"))
            assert child.data.metrics["seconds"] == trial.seconds("tuned")
            steps = connection.client.get_metric_history(child.info.run_id, "tuned.fold_auroc")
            assert [one.value for one in steps] == trial.scores("tuned")


def test_a_trial_that_was_interrupted_ends_in_the_run_that_it_had(
    tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Bowl, *arguments: object) -> None:
        raise KeyboardInterrupt

    search, _ = begin(tmp_path, Bowl())
    with monkeypatch.context() as patched:
        patched.setattr(bowl.Bowl, "tuned", stop)
        with pytest.raises(KeyboardInterrupt):
            search.run(1)
    deliver(tmp_path, connection)
    (child,) = connection.client.search_runs([connection.experiment], "tags.mlflow.runName = 'trial 0'")
    assert child.info.status == "KILLED"

    assert len(swept(tmp_path, 1)) == 1
    deliver(tmp_path, connection)
    (again,) = connection.client.search_runs([connection.experiment], "tags.mlflow.runName = 'trial 0'")
    assert again.info.run_id == child.info.run_id
    assert again.info.status == "FINISHED"
