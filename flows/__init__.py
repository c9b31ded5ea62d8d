"""Flows. Telemetry is off before any of them imports Prefect, whoever imports one: a command, a worker, a server."""

import components  # noqa: F401
