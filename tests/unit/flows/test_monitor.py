"""The command, and the one event that a drifted window has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.errors import GraftlineError
from components.monitoring.comparison import Test as OneTest
from components.params import Params, load_params
from components.stages.monitor import Found
from flows.alarm import raise_alarm
from flows.drift import headline, lines, markdown
from flows.handover import DRIFT as EVENT
from flows.handover import Asked, because
from flows.monitor import main
from tests.unit.flows.slow import imported_by
from tests.unit.flows.webhook import Hook, listening

ROOT = Path(__file__).parents[3]


def found(root: Path, window: str = "w" * 64, alarm: bool = True) -> Found:
    interval = {"estimate": 0.8, "low": 0.7, "high": 0.9, "n": 60}
    metrics = {"measured": {"accuracy": interval, "f1": {**interval, "low": None, "high": None}}}
    facts = {
        "window": window,
        "model": "cells",
        "version": "3",
        "samples": 60,
        "alarm": alarm,
        "rate": 1 / 720,
    }
    tests = (
        OneTest("embeddings", "MMD", 0.1, 0.0001, 0.0003, alarm),
        OneTest("brightness", "KS", 0.1, 0.2, 0.4, False, 100.0, 104.0),
    )
    said = {"metrics": metrics, "headline": ["accuracy"], "not_estimated": "Nobody knows."}
    return Found({**facts, **said}, root / "page", tests)


@pytest.fixture
def params(line: Path) -> Params:
    return load_params(line / "params.yaml")


def test_refusals_have_their_codes(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], line) == 2
    assert "give --scored, an input, or both" in capsys.readouterr().err
    assert main(["--scored", "nowhere"], line) == 14
    assert "holds no finished scoring job" in capsys.readouterr().err
    assert main(["--input", "nowhere"], line) == 12
    assert "nowhere does not exist. Name a folder" in capsys.readouterr().err
    # A look writes no output that could lie among its inputs.
    for inputs in ("components", ".", f"../{line.name}"):
        assert main(["--input", inputs], line) == 20
        assert "holds no model model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--input", "table.csv", "--path", "file"], 12, "--path names the column 'file'"),
        (["--input", "empty"], 12, "There are no inputs"),
        (["--input", "components", "--labels", "nowhere.csv"], 12, "nowhere.csv does not exist"),
        (["--scored", "nowhere"], 14, "holds no finished scoring job"),
        (["reference", "--input", "components"], 2, "`reference` takes no --input"),
        (["--input", "components", "--alias", "shadow"], 20, "holds no model model"),
    ],
)
def test_what_can_be_known_is_said_before_anything_slow_is_started(
    line: Path, options: list[str], code: int, words: str
) -> None:
    """An alias is asked of the registry, which takes MLflow; nothing else of this does."""
    (line / "empty").mkdir()
    (line / "table.csv").write_text("path\na.png\n")
    slow = imported_by("flows.monitor", options, line)
    assert words in slow.said
    assert slow.code == code
    assert slow.names == (["mlflow"] if code == 20 else [])


def test_what_people_are_told(line: Path) -> None:
    drifted = found(line)
    assert headline(drifted) == f"Drift in embeddings: window {'w' * 12} against version 3 of cells."
    assert headline(found(line, alarm=False)).startswith("No drift: window")
    told = list(lines(drifted))
    assert told[0].split() == [
        "DRIFT",
        "embeddings",
        "MMD",
        "adjusted",
        "p",
        "0.0003",
        "threshold",
        "0.00139",
    ]
    assert told[1].endswith("median 100 → 104")
    assert told[2:4] == ["  accuracy, measured: 0.800 (0.700 to 0.900), 60 samples", "  Nobody knows."]
    assert "| adjusted p (threshold 0.00139) |" in markdown(drifted)
    assert "| drift | embeddings | MMD 0.1 | 0.0003 |" in markdown(drifted)


def test_without_a_server_nothing_is_sent_and_a_person_is_told(line: Path, params: Params) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        said = raise_alarm(line, params, found(line))
    assert f"Run: python -m flows.scheduled --because 'drift: window {'w' * 64}'" in said
    assert raise_alarm(line, params, found(line, alarm=False)) == ""
    assert not (line / ".graftline" / "monitoring").exists()


@pytest.fixture
def api() -> Iterator[Hook]:
    """Takes what is posted to Prefect's API."""
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with listening() as hook:
        address = f"{hook.address.partition('/hook')[0]}/api"
        with temporary_settings({PREFECT_API_URL: address, PREFECT_CLIENT_MAX_RETRIES: 0}):
            yield hook


def test_a_drift_that_is_seen_ten_times_is_one_event(line: Path, params: Params, api: Hook) -> None:
    """F26."""
    said = [raise_alarm(line, params, found(line)) for _ in range(10)]
    assert said == [f"The event {EVENT} was sent.", *["The event of this window was sent before."] * 9]
    raise_alarm(line, params, found(line, "v" * 64))
    events = [event for posted in api.got for event in posted]
    assert [event["payload"]["window"][0] for event in events] == ["w", "v"]
    assert events[0]["event"] == EVENT
    assert events[0]["resource"]["prefect.resource.id"] == "graftline.line.model"
    assert events[0]["payload"]["p_values"] == {"embeddings": 0.0003, "brightness": 0.4}
    assert events[0]["payload"]["drifted"] == ["embeddings"]
    # The automation counts events by this label, and hands it to the run.
    assert events[0]["resource"]["graftline.window"] == "w" * 64
    assert Asked("", "", "", because("w" * 64)).window == "w" * 64


@pytest.mark.parametrize("answer", [422, 503, 0])
def test_an_event_that_was_not_taken_is_sent_the_next_time(
    line: Path, params: Params, api: Hook, answer: int
) -> None:
    api.answers[:] = [answer]
    with pytest.raises(GraftlineError, match="Prefect did not take the event"):
        raise_alarm(line, params, found(line))
    api.answers[:] = [204]
    assert raise_alarm(line, params, found(line)) == f"The event {EVENT} was sent."
    first, again = api.got[0][0], api.got[-1][0]
    assert first["id"] == again["id"]


def test_a_scheduled_look_that_fails_tells_people_once(
    line: Path, server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.watch import watch

    with listening() as hook:
        monkeypatch.setenv("GRAFTLINE_WEBHOOK", hook.address)
        for _ in range(2):
            ended = watch({"scored": "scores/%Y"}, str(line), timed=True, return_state=True)
            assert ended.is_failed()
            assert "scores/20" in str(ended.message)
    assert [(news["state"], news["because"]) for news in hook.got] == [(ended.name, "monitoring")]
