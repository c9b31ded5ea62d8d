"""Names that a schedule fills in: a run that is late, or repeated, has those of when it was due."""

from datetime import UTC, datetime


def due() -> datetime:
    """When this flow run should have begun; now, where nobody planned it."""
    from prefect.runtime import flow_run

    return flow_run.scheduled_start_time or datetime.now(UTC)


def dated(text: str, when: datetime) -> str:
    """`text` with the signs of strftime filled in, in UTC."""
    return when.astimezone(UTC).strftime(text)
