"""Telling people what happened: a webhook or a Prefect notification. It never fails whoever calls it.

The address of a webhook is a secret. It comes from the environment or a Prefect block, and no log line repeats it.
"""

import contextvars
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from components.params.schedule import Event, NotifyParams
from components.progress import log

if TYPE_CHECKING:
    import httpx

ATTEMPT = 10.0  # seconds for one attempt
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
AGAIN = {408, 425, 429}  # and whatever is the server's fault


@dataclass(frozen=True)
class News:
    """What people are told.

    Attributes:
        line: the model's name in the registry.
        event: what kind of news it is; `notify.about` names those that are told.
        state: how it ended, as Prefect shows it: GateFailed, NothingNew, …
        message: what happened, for people.
        because: why it was started; empty for a schedule or a person.
        verdict: pass, fail, inconclusive, or how the promotion was ruled on; empty where nothing was judged.
        report: path or address of the page to look at.
    """

    line: str
    event: Event
    state: str
    message: str
    because: str = ""
    verdict: str = ""
    report: str = ""

    @property
    def subject(self) -> str:
        return f"Graftline {self.line}: {self.state}"

    @property
    def text(self) -> str:
        """All of it in a few lines."""
        more = {"Because": self.because, "Verdict": self.verdict, "Report": self.report}
        lines = [self.subject, self.message, *(f"{key}: {value}" for key, value in more.items() if value)]
        return "\n".join(line for line in lines if line)


def tell(params: NotifyParams, news: News) -> bool:
    """Tell people, where `params` ask for such news; True once somebody has taken it.

    Never raises, and returns within about `params.seconds`.
    """
    if news.event not in params.about:
        return False
    try:
        if params.block:
            return _by_block(params, news)
        address = os.environ.get(params.variable, "")
        if not address:
            log(f"Nobody is told of {news.state}: {params.variable} is not set.")
            return False
        return post(address, news, params.seconds)
    except Exception as error:
        # Its text may hold the address.
        log(f"Nobody could be told of {news.state}: {type(error).__name__}.")
        return False


def post(address: str, news: News, seconds: float) -> bool:
    """POST `news` as JSON; `text` is what Slack, Mattermost and the like show. Tried again until `seconds` are over."""
    import httpx

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses
    deadline = time.monotonic() + seconds
    why = "no attempt was made"
    with httpx.Client(follow_redirects=False) as client:
        for left in _attempts(deadline):
            try:
                answer = client.post(
                    address, json={"text": news.text, **asdict(news)}, timeout=min(ATTEMPT, left)
                )
            except httpx.HTTPError as error:
                why = type(error).__name__
                continue
            if answer.is_success:
                return True
            why = f"it answered {answer.status_code}"
            if not _worth_another(answer):
                break
    log(f"Nobody could be told of {news.state}: the webhook failed ({why}).")
    return False


def _attempts(deadline: float) -> Iterator[float]:
    """Yields the seconds that are left, with growing pauses in between; one attempt at least."""
    pause = FIRST_PAUSE
    while (left := deadline - time.monotonic()) > 0:
        yield left
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)


def _worth_another(answer: "httpx.Response") -> bool:
    return answer.is_server_error or answer.status_code in AGAIN


def _by_block(params: NotifyParams, news: News) -> bool:
    """A notification block speaks for itself; a webhook's or a secret's address is posted to."""
    block = _load(params.block or "", params.seconds)
    if hasattr(block, "notify"):
        return _in_time(lambda: block.notify(news.text, subject=news.subject), params.seconds)
    value = getattr(block, "url", None) or getattr(block, "value", None)
    return post(_revealed(value), news, params.seconds)


def _load(name: str, seconds: float) -> Any:  # blocks share no interface
    from prefect.blocks.core import Block

    found: list[Any] = []
    _in_time(lambda: found.append(Block.load(name, _sync=True)), seconds)  # type: ignore[call-arg]
    return found[0]


def _in_time(call: Callable[[], object], seconds: float) -> bool:
    """Run `call` aside, and wait no longer than `seconds`. Raises what it raises, or TimeoutError."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            failed.append(error)

    # A daemon, so that one that hangs does not keep the process; Prefect's settings lie in the context.
    aside = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    aside.start()
    aside.join(seconds)
    if failed:
        raise failed[0]
    if aside.is_alive():
        raise TimeoutError
    return True


def _revealed(value: object) -> str:
    """The text of pydantic's SecretStr, or of what is none."""
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if reveal else value)
