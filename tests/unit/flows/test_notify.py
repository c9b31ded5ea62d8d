"""Telling people, against a real HTTP server."""

import logging
import time
from collections.abc import Iterator

import pytest

from components.params.schedule import NotifyParams
from flows.notify import News, tell
from tests.unit.flows.webhook import Hook, listening

NEWS = News(
    line="cells",
    event="failed",
    state="GateFailed",
    message="The release is not registered.",
    because="drift: brightness",
    verdict="fail",
    report="/runs/report.html",
)
TEXT = (
    "Graftline cells: GateFailed\nThe release is not registered.\nBecause: drift: brightness\n"
    "Verdict: fail\nReport: /runs/report.html"
)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with listening() as made:
        monkeypatch.setenv("GRAFTLINE_WEBHOOK", made.address)
        yield made


def test_people_get_a_text_and_its_parts(hook: Hook) -> None:
    assert tell(NotifyParams(), NEWS)
    (got,) = hook.got
    assert got["text"] == TEXT
    assert (got["line"], got["event"], got["state"]) == ("cells", "failed", "GateFailed")
    assert (got["verdict"], got["report"]) == ("fail", "/runs/report.html")


def test_only_what_was_asked_for_is_told(hook: Hook) -> None:
    assert not tell(NotifyParams(about=("champion",)), NEWS)
    assert not hook.got


def test_a_server_that_is_away_for_a_moment_is_asked_again(hook: Hook) -> None:
    hook.answers = [503, 0, 204]
    assert tell(NotifyParams(), NEWS)
    assert len(hook.got) == 3


@pytest.mark.parametrize("code", [404, 302])
def test_a_refusal_is_final_and_a_redirect_is_not_followed(hook: Hook, code: int) -> None:
    hook.answers = [code]
    assert not tell(NotifyParams(), NEWS)
    assert len(hook.got) == 1


def test_no_attempt_is_made_after_the_deadline(hook: Hook) -> None:
    hook.answers = [500]
    before = time.monotonic()
    assert not tell(NotifyParams(seconds=1), NEWS)
    assert time.monotonic() - before < 3
    assert 1 <= len(hook.got) <= 3


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/hook?token=canary", "canary", "", None])
def test_it_never_fails_its_caller_and_never_says_the_address(
    address: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if address is None:
        monkeypatch.delenv("GRAFTLINE_WEBHOOK", raising=False)
    else:
        monkeypatch.setenv("GRAFTLINE_WEBHOOK", address)
    caplog.set_level(logging.DEBUG)
    assert not tell(NotifyParams(seconds=0.3), NEWS)
    said = capfd.readouterr()
    assert "GateFailed" in said.err
    assert "canary" not in said.err + said.out


def test_the_address_is_in_no_log_line(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert tell(NotifyParams(), NEWS)
    assert "canary" not in caplog.text
