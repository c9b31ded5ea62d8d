"""What the launcher of a scheduled run and the run in its worktree tell each other, in files."""

from dataclasses import dataclass

from components.params.schedule import Event

DRIFT = "graftline.drift"  # the event; its resource has the label WINDOW
WINDOW = "graftline.window"  # the id of the window that drifted
REASON = "drift"  # the word with which `because` begins then
BECAUSE = REASON + ": window {window}"


def because(window: str) -> str:
    """Why a run is started that a drift of `window` asks for."""
    return BECAUSE.format(window=window)


def window_of(because_: str) -> str:
    """The id of the window that drifted; empty where a run was started for another reason."""
    before = because("")
    return because_.removeprefix(before).strip() if because_.startswith(before) else ""


def by_hand(window: str) -> str:
    """What a person says where no server does."""
    return f"Run: python -m flows.scheduled --because '{because(window)}'"


@dataclass(frozen=True)
class Asked:
    """What the launcher asks for.

    Attributes:
        result: the file where the answer goes.
        base: the commit; revision: as it was asked for.
        because: why the run was started; empty for a schedule or a person.
        parent: process id of the launcher.
    """

    result: str
    base: str
    revision: str
    because: str = ""
    parent: int = 0

    @property
    def drift(self) -> bool:
        return self.because.lower().startswith(REASON)

    @property
    def window(self) -> str:
        """The id of the window that drifted; empty where `because` is something else."""
        return window_of(self.because)


@dataclass(frozen=True)
class Answer:
    """How it ended: the state, and what people should hear of it.

    Attributes:
        name, message: of Prefect's state; green: whether it is a completed one.
        code: the command's exit code.
        verdict: how the promotion ruled or, before one, the gate; empty where nothing was judged.
        report, branch: what is left of the run; empty where nothing is.
    """

    name: str
    green: bool
    message: str
    code: int
    event: Event
    verdict: str = ""
    report: str = ""
    branch: str = ""
