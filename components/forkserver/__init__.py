"""Stages as forks of one process that has imported what they need: torch alone takes seconds, twelve times over.

A flow (`flows.forks`) listens on a socket and starts `server` when the first stage calls. `python -m components STAGE`
is the thin `client`: it hands the stage over and ends as the stage does. Where there is no server, or anything speaks
against it, the stage runs in its own process, as it does under `dvc repro`.
"""
