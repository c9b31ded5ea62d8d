"""Sections `schedule` and `notify`: scheduled training, and who hears of it. They shape no locked byte."""

from typing import Literal

from pydantic import Field

from components.params.base import Section

Event = Literal["failed", "labels", "champion", "done"]


class ScheduleParams(Section):
    """`python -m flows.scheduled`; see docs/operate.md.

    Attributes:
        revision: what a run works on: a branch, a tag, a commit. `REMOTE/BRANCH` is fetched first. This key and
            `wait_minutes` are read from the last commit of the checked-out branch, all others from the revision.
        push: the git remote that run branches are pushed to; none: they stay in this repository.
        wait_minutes: how long a run waits for another one of this line; 0: it is refused with code 75. A run that a
            drifted window started waits without limit.
    """

    revision: str = Field(default="origin/main", pattern=r"^[A-Za-z0-9@][A-Za-z0-9@^~{}._/+-]*$")
    push: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    wait_minutes: float = Field(default=0, ge=0, le=24 * 60)


class NotifyParams(Section):
    """Telling people what happened; see docs/operate.md. An address is a secret, so it never stands here.

    Attributes:
        variable: the environment variable that holds the address of a webhook. Where it is not set, nobody is told.
        block: instead of it, a Prefect block as `type/name`: a notification block, a `webhook` or a `secret`.
        about: `failed` or refused runs, new `labels` needed, a new `champion` or one that waits for approval, and
            whatever else is `done`.
        seconds: after so long no further attempt is made.
    """

    variable: str = Field(default="GRAFTLINE_WEBHOOK", pattern=r"^[A-Z][A-Z0-9_]*$")
    block: str | None = Field(default=None, pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")
    about: tuple[Event, ...] = ("failed", "labels", "champion")
    seconds: float = Field(default=30, gt=0, le=600)
