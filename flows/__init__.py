"""Flows. Telemetry is off before any of them imports Prefect, whoever imports one: a command, a worker, a server."""

from components.telemetry import switch_off

switch_off()
